"""Eye values made comparable: acuity in logMAR, pressure in mmHg, thickness in µm, grades as
numbers. Conversions of acuity are in `acuity`; words are those of the packs' groups.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from clearward.notes.clock import clock
from clearward.notes.finding import Reading
from clearward.notes.grammar import Value
from clearward.notes.numerals import number
from clearward.notes.ophthalmology.acuity import acuity, near_acuity
from clearward.notes.ranges import plain, ranged

# ICDR severity (Wilkinson et al. 2003)
_GRADES = {"mild": 1, "moderate": 2, "severe": 3, "轻": 1, "中": 2, "重": 3}
_PARTS = {"NS": "NS", "NSC": "NS", "N": "NS", "NO": "NO", "NC": "NC", "C": "C", "CC": "C",
          "P": "PSC", "PSC": "PSC"}  # fmt: skip
_PART_WORDS = {"cor": "C", "nuc": "NS", "pos": "PSC"}
_MOST = 200
_AGENTS = ("ranibizumab", "aflibercept", "bevacizumab", "faricimab", "brolucizumab", "conbercept")


def readings(attribute: str, value: Value) -> Iterator[Reading]:
    """One reading per value, and a diagnosis beside a graded retinopathy or a macular edema."""
    finder = _FINDERS.get(attribute)
    yield from finder(value) if finder else iter((plain(value),))


def _pressure(value: Value) -> Iterator[Reading]:
    method = value.methods[-1] if value.methods else ""
    reading = ranged(value, method=method, text=clock(value.aside))
    yield replace(reading, attribute="intraocular_pressure")


def _thickness(value: Value) -> Iterator[Reading]:
    method = value.methods[-1] if value.methods else "subfield"
    yield ranged(value, method=method, code_key=method)


def _retinopathy(value: Value) -> Iterator[Reading]:
    if value.group("none") or value.group("none2"):
        yield Reading(0.0, text="none")
        return
    stage = value.group("stage") or value.group("stage2")
    if stage:
        # Chinese staging of 1984: IV to VI are proliferative
        grade = min(number(stage), 4.0)
        yield Reading(grade, text="PDR" if grade == 4 else "NPDR")
    elif value.group("pdr"):
        yield Reading(4.0, text="PDR")
    else:
        yield Reading(_grade(value), text="NPDR")
    yield _diagnosis("diabetic_retinopathy")


def _grade(value: Value) -> float | None:
    words = (value.group("grade") or "").lower()
    found = [grade for word, grade in _GRADES.items() if word in words]
    return float(max(found)) if found else None


def _edema(value: Value) -> Iterator[Reading]:
    if value.group("none") or value.group("none2"):
        yield Reading(0.0, text="none")
        return
    words = (("nonci", "nonCI"), ("ci", "CI"))
    yield Reading(1.0, text=next((word for name, word in words if value.group(name)), "present"))
    yield _diagnosis("diabetic_macular_edema")


def _diagnosis(name: str) -> Reading:
    return Reading(None, text=name, attribute="diagnosis", code_key="diagnosis")


def _lens(value: Value) -> Iterator[Reading]:
    yield Reading(None, text=_named(value, ("pseudo", "aphakic", "phakic")))


def _cataract(value: Value) -> Iterator[Reading]:
    grade = next(g for g in map(value.group, ("g1", "g2", "g3", "g4")) if g)
    part = next((p for p in map(value.group, ("t1", "t2", "t3")) if p), "NS")
    is_trace = grade.lower().startswith("tr")
    name = _PARTS.get(part) or _PART_WORDS[part.lower()[:3]]
    yield Reading(0.5 if is_trace else number(grade.rstrip("+")), method=name)


def _injection(value: Value) -> Iterator[Reading]:
    said = "".join(c for c in value.aside if c.isdigit() or c in "一二三四五六七八九十")
    count = number(said) if said else 0.0
    yield Reading(count if 1 <= count <= _MOST else None, text=_named(value, _AGENTS))


def _named(value: Value, names: tuple[str, ...]) -> str:
    return next(name for name in names if value.group(name))


_FINDERS: Mapping[str, Callable[[Value], Iterator[Reading]]] = {
    "visual_acuity": acuity,
    "near_visual_acuity": near_acuity,
    "intraocular_pressure": _pressure,
    "pressure_of_eye": _pressure,
    "central_thickness": _thickness,
    "dr_grade": _retinopathy,
    "dme": _edema,
    "lens_status": _lens,
    "cataract_grade": _cataract,
    "anti_vegf": _injection,
}
