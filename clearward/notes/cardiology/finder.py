"""Heart values made comparable: per cent, mmHg, class numbers."""

from __future__ import annotations

from collections.abc import Iterator

from clearward.notes.finding import Reading
from clearward.notes.grammar import Value

_ROMAN = {"I": 1, "II": 2, "III": 3, "IV": 4, "Ⅰ": 1, "Ⅱ": 2, "Ⅲ": 3, "Ⅳ": 4,
          "一": 1, "二": 2, "三": 3, "四": 4}  # fmt: skip


def readings(attribute: str, value: Value) -> Iterator[Reading]:
    """One reading per value; a blood pressure gives two, systolic and diastolic."""
    if attribute == "blood_pressure":
        yield Reading(float(value.match["num"]), attribute="blood_pressure_systolic")
        yield Reading(float(value.match["num2"]), attribute="blood_pressure_diastolic")
    elif attribute == "nyha_class":
        yield _range(_class(value.match["num"]), _class(value.match["num2"]), "")
    else:
        yield _fraction(value)


def _fraction(value: Value) -> Reading:
    match, method = value.match, value.methods[-1] if value.methods else ""
    if match["frac"]:
        # written as a share of one; 0.55 and 55 must never be pooled
        return Reading(round(float(match["frac"]) * 100, 1), method=method)
    low, second = float(match["num"]), match["num2"]
    if second and any(sign in match["value"] for sign in ("±", "+/-")):
        return _range(low - float(second), low + float(second), method)
    return _range(low, float(second) if second else None, method)


def _range(low: float | None, high: float | None, method: str) -> Reading:
    if low is None or high is None:
        return Reading(low, method=method)
    return Reading((low + high) / 2, low, high, method=method)


def _class(text: str | None) -> float | None:
    if text is None:
        return None
    return float(_ROMAN.get(text, 0) or int(text))
