"""What a release may tell about consent: counts of patients by reason, never a name or a key.

Counts from 1 to k - 1 are masked, the others rounded up to multiples of k: the summaries of two
months side by side would else count the few who withdrew, refused or came of age in between. The
gate's own counts, unmasked, belong to `counts`.
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
from clearward.products.counts import is_small, rounded
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
    """``patients`` and ``reasons``, each count as it may be told; zeros are left out.

    No sum gives a masked count away: the total is known to k, like every number beside it.
    """
    told = {reason: told_count(n, k) for reason, n in sorted(counts.items()) if n}
    return {"patients": told_count(sum(counts.values()), k), "reasons": told}


def told_count(count: int, k: int) -> int | str:
    """A count of patients as two months may tell it side by side: ``<k``, or up to the next
    multiple of k."""
    return MASKED if is_small(count, k) else rounded(count, k)
