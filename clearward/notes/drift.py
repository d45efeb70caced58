"""How often each rule met its cue and read a value, beside the month before: a new template, a
changed machine or a pack's mistake shows here first.
"""

from __future__ import annotations

import math
from typing import Any

from clearward.notes.report import read_reports
from clearward.settings import Settings

# differences in counts further out than this many standard errors are called a change
STANDARD_ERRORS = 4.0


def drift_rows(settings: Settings, hospital: str) -> list[dict[str, Any]]:
    """One row per rule of the latest month: rates per 1,000 notes, now and before.

    `changed` compares two Poisson counts by their exposure (Przyborowski and Wilenski 1940, normal
    form after square roots): ``2(√(x₁/n₁) − √(x₂/n₂)) / √(1/n₁ + 1/n₂)``.
    """
    reports = read_reports(settings, hospital=hospital)
    if not reports:
        return []
    now, before = reports[-1], reports[-2] if len(reports) > 1 else None
    rules = sorted({*now["cues_by_rule"], *(before or now)["cues_by_rule"]})
    return [_row(rule, now, before) for rule in rules]


def _row(rule: str, now: dict[str, Any], before: dict[str, Any] | None) -> dict[str, Any]:
    row: dict[str, Any] = {"rule": rule}
    changed: list[str] = []
    for kind in ("cues", "findings"):
        counts = [r[f"{kind}_by_rule"].get(rule, 0) if r else 0 for r in (now, before)]
        notes = [r["notes"] if r else 0 for r in (now, before)]
        row[kind] = _rate(counts[0], notes[0])
        row[f"{kind}_before"] = _rate(counts[1], notes[1]) if before else ""
        changed += [kind] if _is_changed(counts, notes) else []
    return row | {"changed": " and ".join(changed)}


def _rate(count: int, notes: int) -> float:
    return round(1000 * count / notes, 1) if notes else 0.0


def _is_changed(counts: list[int], notes: list[int]) -> bool:
    if not all(notes):
        return False
    roots = [math.sqrt(count / note) for count, note in zip(counts, notes, strict=True)]
    error = math.sqrt(1 / notes[0] + 1 / notes[1])
    return abs(2 * (roots[0] - roots[1]) / error) > STANDARD_ERRORS
