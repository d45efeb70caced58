"""What a release may tell about consent: counts of patients by reason, never a name or a key.

Counts from 1 to k - 1 are masked, and so are as many others as it takes that no masked count
follows from the total. The gate's own counts, unmasked, belong to `counts`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from clearward.consent.counts import PERMITTED, read_counts
from clearward.consent.model import REASONS, STATES
from clearward.consent.policies import RULES
from clearward.consent.purposes import product_uses
from clearward.consent.vocabularies import dpv_terms
from clearward.errors import ConsentError
from clearward.settings import Settings

MASKED = "<k"


def release_summary(
    settings: Settings, *, month: str, purposes: tuple[str, ...], k: int
) -> dict[str, Any]:
    """Consent behind a release of a month, over all hospitals; JSON values only.

    Args:
        settings: where the gate keeps its counts.
        month: month of the release.
        purposes: purposes of the product.
        k: counts from 1 to k - 1 are masked.

    Returns:
        ``month, hospitals, ledgers`` (hash of each hospital's ledger when it was cleared: who
        holds the release can later hold the publisher to it), ``rules`` and per purpose
        ``patients, reasons, dpv``.

    Raises:
        ConsentError: the gate of that month has left no counts.
    """
    found = read_counts(settings, month=month)
    if not found:
        raise ConsentError(
            f"There are no consent counts of {month}.", do="run the consent gate of that month"
        )
    told = {}
    for use in product_uses(purposes):
        total: Counter[str] = Counter()
        for document in found:
            total.update(document["purposes"].get(use, {}))
        told[use] = {**masked(total, k=k), "dpv": list(dpv_terms(use))}
    return {
        "month": month,
        "hospitals": len(found),
        "ledgers": sorted({document["ledger"] for document in found}),
        "purposes": told,
        "reasons": {PERMITTED: STATES[PERMITTED], **REASONS},
        "rules": RULES,
    }


def masked(counts: Mapping[str, int], *, k: int) -> dict[str, Any]:
    """Counts with the small ones hidden, also from subtraction: ``patients`` and ``reasons``.

    While fewer than two counts, or fewer than k patients together, are hidden, the smallest shown
    one is hidden as well; where none is left to hide, the total is hidden instead.
    """
    present = {reason: n for reason, n in sorted(counts.items()) if n}
    hidden = {reason for reason, n in present.items() if n < k}
    shown = sorted((n, reason) for reason, n in present.items() if reason not in hidden)
    while hidden and (len(hidden) < 2 or sum(present[r] for r in hidden) < k) and shown:
        hidden.add(shown.pop(0)[1])
    is_open = bool(hidden) and (len(hidden) < 2 or sum(present[r] for r in hidden) < k)
    total = sum(present.values())
    return {
        "patients": MASKED if is_open or 0 < total < k else total,
        "reasons": {reason: MASKED if reason in hidden else n for reason, n in present.items()},
    }
