"""Heart values made comparable: per cent, mmHg, classes, ng/L and ng/mL, rhythms in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from clearward.notes.finding import Reading
from clearward.notes.grammar import Value
from clearward.notes.numerals import number
from clearward.notes.ranges import plain, ranged

_EF_WORDS = (("supranormal", "normal"), ("hyperdynamic", "normal"), ("normal", "normal"),
             ("preserved", "preserved"), ("正常", "normal"))  # fmt: skip
_DEGREES = (("mild", "mildly_"), ("moderate", "moderately_"), ("severe", "severely_"),
            ("轻度", "mildly_"), ("中度", "moderately_"), ("重度", "severely_"))  # fmt: skip
_PER_ML = {"pg/ml": 1.0, "ng/l": 1.0, "ng/ml": 1000.0, "": 1.0}
_SMALL = {"pg/ml", "ng/l"}
_RHYTHMS = ("brady", "tachy", "SR", "paced", "other", "AFL", "AF")
_SINUS = {"brady": "bradycardia", "tachy": "tachycardia"}
_SIDES = {"R": ("R", ""), "L": ("L", ""), "ICA_R": ("R", "ICA"), "ICA_L": ("L", "ICA")}


def readings(attribute: str, value: Value) -> Iterator[Reading]:
    """One reading per value; a blood pressure gives two, systolic and diastolic."""
    if attribute in ("blood_pressure", "pressure_by_posture"):
        yield from _pressure(value)
    elif attribute == "rhythm" and value.group("rate"):
        rate = number(value.group("rate") or "")
        yield from (
            _rhythm(value),
            Reading(rate, attribute="heart_rate", code_key="heart_rate", unit="/min"),
        )
    else:
        yield _FINDERS.get(attribute, plain)(value)


def _pressure(value: Value) -> Iterator[Reading]:
    systolic, high = _pair(value, ("num", "wsys"), "numb")
    diastolic, low = _pair(value, ("num2", "wdia"), "num2b")
    refused = "diastolic_above_systolic" if diastolic >= systolic else ""
    for name, first, last in (("systolic", systolic, high), ("diastolic", diastolic, low)):
        middle = first if last is None else (first + last) / 2
        low = None if last is None else first
        yield Reading(middle, low, last, attribute=f"blood_pressure_{name}", refused=refused)


def _pair(value: Value, names: tuple[str, str], upper: str) -> tuple[float, float | None]:
    said = next(g for g in map(value.group, names) if g)
    last = value.group(upper)
    return number(said), None if last is None else number(last)


def _fraction(value: Value) -> Reading:
    method = value.methods[-1] if value.methods else ""
    word = (value.group("word") or "").lower()
    if word:
        return Reading(None, text=_ef_word(word), method=method)
    share = value.group("frac")
    if share:
        # written as a share of one; 0.55 and 55 must never be pooled
        return Reading(round(float(share) * 100, 1), method=method)
    started = value.group("from")
    if started:
        return Reading(number(started), method=method)
    if value.group("pm") in ("±", "+/-", "+-"):
        middle, spread = number(value.group("num") or ""), number(value.group("num2") or "")
        return Reading(middle, middle - spread, middle + spread, method=method)
    return ranged(value, method=method)


def _ef_word(word: str) -> str:
    known = next((name for said, name in _EF_WORDS if said in word), "")
    degree = next((name for said, name in _DEGREES if said in word), "")
    return known or f"{degree}reduced"


def _rate(value: Value) -> Reading:
    words = value.group("words")
    reading = Reading(number(words)) if words else ranged(value)
    return replace(reading, attribute="heart_rate")


def _peptide(value: Value) -> Reading:
    unit = (value.group("unit") or "").lower()
    if unit not in _PER_ML:
        return Reading(number(value.group("num") or ""), refused="unit_not_convertible")
    return ranged(value, factor=_PER_ML[unit])


def _troponin(value: Value) -> Reading:
    unit = (value.group("unit") or "").lower()
    figure = number(value.group("num") or "")
    is_hs = "hs" in value.methods or unit in _SMALL
    kind = next((letter for letter in ("I", "T") if letter in value.methods), "")
    name = f"troponin_{kind.lower()}" if kind else "troponin_unspecified"
    if is_hs:
        # hs assays speak in ng/L; one given in ng/mL is brought there
        factor = 1.0 if unit in _SMALL or not unit else 1000.0
        return Reading(round(figure * factor, 3), attribute=f"hs_{name}", method="hs", unit="ng/L")
    return Reading(figure, attribute=name, method="conventional", unit="ng/mL")


def _rhythm(value: Value) -> Reading:
    name = next(n for n in _RHYTHMS if value.group(n))
    text = "SR" if name in _SINUS else name
    return Reading(None, text=text, method=_SINUS.get(name, ""), attribute="rhythm")


def _stenosis(value: Value) -> Reading:
    side, vessel = _SIDES.get(value.label, ("", value.label))
    return replace(ranged(value), text=vessel, laterality=side)


def _stents(value: Value) -> Reading:
    said = next((g for g in map(value.group, ("n", "n2", "n3")) if g), "1")
    return Reading(number(said), text=value.label, laterality="")


_FINDERS: Mapping[str, Callable[[Value], Reading]] = {
    "lvef": _fraction,
    "heart_rate": _rate,
    "pulse_letter": _rate,
    "rate_of_rhythm": _rate,
    "bnp": _peptide,
    "nt_probnp": _peptide,
    "troponin": _troponin,
    "rhythm": _rhythm,
    "rhythm_of_ecg": _rhythm,
    "stenosis": _stenosis,
    "stents": _stents,
}
