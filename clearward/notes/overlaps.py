"""One mention, one finding: a symptom's word inside a diagnosis's name is part of that name
("migraine headache", 不稳定型心绞痛). What a word means belongs to its pack.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from clearward.notes.finding import Finding

_PARTS = {"symptom", "illness", "seizure_type"}


def without_parts(findings: Sequence[Finding], *, is_told: bool) -> list[Finding]:
    """The findings less those that a diagnosis's own name holds.

    Args:
        findings: in any order.
        is_told: in a dialogue; there a word that is both ("dry eye") is what the patient tells of,
            and only a longer name takes it in.
    """
    names = sorted((f.start, f.end) for f in findings if f.attribute == "diagnosis")
    if not names:
        return list(findings)
    starts = [start for start, _ in names]
    kept = []
    for finding in findings:
        if finding.attribute in _PARTS:
            index = bisect_right(starts, finding.start) - 1
            start, end = names[index] if index >= 0 else (0, 0)
            is_same = (start, end) == (finding.start, finding.end)
            if finding.end <= end and not (is_told and is_same):
                continue
        kept.append(finding)
    return kept
