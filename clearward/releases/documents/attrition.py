"""The cohort's attrition: lines by hospital, and a flow chart after CONSORT (Schulz et al. 2010).

The table was made safe by protection. It is looked at again: where a step left out 1 to k - 1
patients of any hospital, or a number is empty, the numbers between that step and the next are not
shown, so that the steps can only be had together.
"""

from __future__ import annotations

import textwrap
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from clearward.products.counts import is_small
from clearward.releases.documents.document import Page, as_csv, document
from clearward.releases.documents.pages import environment
from clearward.releases.documents.suppress import MASKED
from clearward.releases.documents.told import Told

COUNTS = ("n_in", "n_out", "n_excluded")
ALL = "ALL"
_LETTERS, _LINE = 46, 18
"""Letters in a line of a box, and its height in pixels."""


@dataclass(frozen=True)
class Box:
    """One step of the flow chart, over all hospitals; places in pixels from the top.

    Attributes:
        n_in, n_out, n_excluded: as they are shown.
        why: lines of the reason, in both languages.
        name: lines of the step's name, in both languages.
        y, height: of the box of those left out.
        below, kept_height: of the box of those kept.
    """

    step: str
    step_zh: str
    why: list[str]
    name: list[str]
    n_in: int | str
    n_out: int | str
    n_excluded: int | str
    y: int
    height: int
    below: int
    kept_height: int


@dataclass(frozen=True)
class Attrition:
    """Lines as published, the chart's boxes and its height in pixels."""

    lines: list[dict[str, Any]]
    boxes: list[Box]
    height: int
    hospitals: list[str]


@cache
def _words() -> Mapping[str, Mapping[str, str]]:
    path = Path(__file__).with_name("attrition_words.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))


def read(rows: Sequence[Mapping[str, Any]], k: int) -> Attrition:
    """What may be shown of the attrition table's rows, which come by hospital and step."""
    by_hospital: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_hospital.setdefault(str(row["hospital_id"]), []).append(row)
    bounds = {name: _bounds(steps) for name, steps in by_hospital.items()}
    closed = _closed(list(bounds.values()), k)
    lines = [
        {**row, **_shown(bounds[name], place, closed)}
        for name, steps in by_hospital.items()
        for place, row in enumerate(steps)
    ]
    first = next(iter(by_hospital.values()), [])
    totals = bounds.get(ALL) or [_sum(column) for column in zip(*bounds.values(), strict=False)]
    boxes = _boxes(first, totals, closed)
    height = boxes[-1].below + boxes[-1].kept_height + 16 if boxes else 0
    return Attrition(lines, boxes, height, [name for name in by_hospital if name != ALL])


def _bounds(steps: Sequence[Mapping[str, Any]]) -> list[int | None]:
    """Patients before the first step and after each; a number that either neighbour tells."""
    found = [steps[0]["n_in"], *(step["n_out"] for step in steps)]
    for place, step in enumerate(steps):
        if found[place] is None:
            found[place] = step["n_in"]
    return found


def _sum(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def _closed(bounds: Sequence[Sequence[int | None]], k: int) -> frozenset[int]:
    """Places between steps whose numbers are not shown, the same for every hospital.

    Steps are taken together until what they left out is 0, or k or more, in every hospital; a rest
    that never gets there joins the steps before it. The last number is the patients in the data.
    """
    length = min((len(one) for one in bounds), default=0)
    shown: list[int] = []
    for place in range(length):
        is_last = place == length - 1
        while is_last and shown and not _are_safe(bounds, shown[-1], place, k):
            shown.pop()
        is_first = not shown and all(one[place] is not None for one in bounds)
        if is_last or is_first or (shown and _are_safe(bounds, shown[-1], place, k)):
            shown.append(place)
    return frozenset(range(length)) - set(shown)


def _are_safe(bounds: Sequence[Sequence[int | None]], before: int, after: int, k: int) -> bool:
    return all(_is_safe(one[before], one[after], k) for one in bounds)


def _is_safe(before: int | None, after: int | None, k: int) -> bool:
    if before is None or after is None:
        return False
    return not is_small(before - after, k) and not is_small(before, k)


def _shown(
    bounds: Sequence[int | None], place: int, closed: frozenset[int]
) -> dict[str, int | str]:
    before, after = bounds[place], bounds[place + 1]
    before = None if place in closed else before
    after = None if place + 1 in closed else after
    left_out = None if before is None or after is None else before - after
    counts = zip(COUNTS, (before, after, left_out), strict=True)
    return {name: MASKED if count is None else count for name, count in counts}


def _boxes(
    steps: Sequence[Mapping[str, Any]], totals: Sequence[int | None], closed: frozenset[int]
) -> list[Box]:
    boxes, top = [], 84
    for place, step in enumerate(steps):
        said = {language: _said(step, language) for language in ("en", "zh", "reason_zh")}
        why = _lines(str(step.get("reason") or said["en"]), said["reason_zh"])
        name = _lines(said["en"], said["zh"])
        height = 34 + _LINE * len(why)
        boxes.append(
            Box(
                step=said["en"],
                step_zh=said["zh"],
                why=why,
                name=name,
                **_shown(totals, place, closed),
                y=top,
                height=height,
                below=top + height + 16,
                kept_height=42 + _LINE * len(name),
            )
        )
        top = boxes[-1].below + boxes[-1].kept_height + 24
    return boxes


def _said(step: Mapping[str, Any], language: str) -> str:
    """A step in words; protection joins steps whose numbers are too small to stand alone. Empty
    where a part has no words in that language."""
    ids = [part.strip() for part in str(step.get("step_id") or "").split(";")]
    parts = [_words().get(part, {}).get(language, "") for part in ids]
    if language == "en":
        parts = [part or name.replace("_", " ") for part, name in zip(parts, ids, strict=True)]
        return "; ".join([parts[0], *(part[:1].lower() + part[1:] for part in parts[1:])])
    return "；".join(parts) if all(parts) else ""


def _lines(english: str, chinese: str) -> list[str]:
    """Both languages, cut where the box ends; a Chinese letter is two wide."""
    half = _LETTERS // 2
    cut = [chinese[start : start + half] for start in range(0, len(chinese), half)]
    return [*textwrap.wrap(english, _LETTERS), *cut]


def _values(told: Told) -> Mapping[str, Any]:
    found = read(told.measured.attrition, told.k)
    return {"attrition": found, "flow": _flow(found, told.k)}


def _flow(attrition: Attrition, k: int) -> str:
    template = environment(k).get_template("attrition.svg")
    return template.render(attrition=attrition) if attrition.boxes else ""


def _files(told: Told, values: Mapping[str, Any]) -> Mapping[str, str]:
    lines = values["attrition"].lines
    return {
        "cohort_attrition.csv": as_csv(lines),
        "cohort_attrition.svg": values["flow"] + "\n",
    }


DOCUMENT = document(
    {"cohort_attrition.html": Page("attrition.html", "Cohort attrition", "队列筛选流程")},
    values=_values,
    files=_files,
)
