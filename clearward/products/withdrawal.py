"""What a product's spec promises to patients who withdraw, as values. Add a field here when a rule
about withdrawals must differ between products; carrying it out belongs to `licensing.recall`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from clearward.errors import ConfigError

BATCHES = {
    "deadline": "a recall list waits for k patients, and leaves with fewer when the law forces it",
    "at_once": "a recall list leaves with the next daily run, however few patients it names",
}


@dataclass(frozen=True)
class Withdrawal:
    """How a withdrawal reaches versions that were published before it.

    Attributes:
        grace_days: days in which a version that holds somebody who withdrew may still be handed
            out anew; 0 refuses it at once.
        batch: one of `BATCHES`.
        deadline_days: days from the recorded withdrawal after which a list leaves with fewer
            than k patients. Together with ``confirm_days`` it must fit what the law allows (one
            month: GDPR article 12(3); thirty days: GB/T 35273-2020, 8.7).
        confirm_days: days a licensee has to confirm the deletion.
    """

    grace_days: int
    batch: str
    deadline_days: int
    confirm_days: int


def read_withdrawal(body: Mapping[str, Any] | None) -> Withdrawal:
    """The ``[withdrawal]`` table of a spec; ConfigError unless it states every rule exactly."""
    given, wanted = dict(body or {}), {field.name for field in fields(Withdrawal)}
    days = [given.get(name) for name in sorted(wanted - {"batch"})]
    if (
        set(given) != wanted
        or given["batch"] not in BATCHES
        or not all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in days)
    ):
        raise ConfigError(
            "The product spec does not state its rules about withdrawals exactly.",
            seen=f"missing {sorted(wanted - set(given))}, unknown {sorted(set(given) - wanted)}",
            expected=f"{', '.join(sorted(wanted))}; batch one of {', '.join(BATCHES)}; whole days",
            do="correct the [withdrawal] table of the product spec",
        )
    return Withdrawal(**given)
