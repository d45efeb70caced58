"""Charts as numbers: which bar lies where, under which label. Drawing them belongs to
`templates/charts.html`, making their counts safe to `releases.pooling`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clearward.catalogue.words import Words, count_text
from clearward.releases.pooling import OTHER

WIDTH = 400
STEP = 34
FIRST = 16
_MOST = 46  # Latin letters that fit beside a number
_CHARTS = ("birth", "sex", "index", "visits", "hospital", "region", "diagnoses")
Cell = Mapping[str, Any]


@dataclass(frozen=True)
class Bar:
    """One bar; ``y`` is the baseline of its label, ``note`` goes into the table alone."""

    label: str
    short: str
    text: str
    y: int
    width: float
    note: str = ""


@dataclass(frozen=True)
class Chart:
    """A figure: its texts and bars, in units of a ``WIDTH`` wide picture."""

    name: str
    title: str
    note: str
    summary: str
    label_head: str
    count_head: str
    bars: tuple[Bar, ...]
    width: int = WIDTH

    @property
    def height(self) -> int:
        """Of the picture."""
        return STEP * len(self.bars)


@dataclass(frozen=True)
class Picture:
    """What can be shown of a release.

    Attributes:
        charts: in their order.
        alike: title -> value, where there is only one for everybody.
        withheld: titles of what cannot be shown.
    """

    charts: tuple[Chart, ...]
    alike: Mapping[str, str]
    withheld: tuple[str, ...]


def read_charts(overview: Mapping[str, Any], w: Words) -> Picture:
    """The distributions of an overview, see `releases.overview`."""
    cells: Mapping[str, Sequence[Cell]] = overview.get("charts") or {}
    charts, alike, withheld = [], {}, []
    for name in (each for each in _CHARTS if each in cells):
        title, label = str(w[f"chart_{name}"]), _labels(name, w, str(overview["month"]))
        if all(cell["label"] in (OTHER, "*") for cell in cells[name]):
            withheld.append(title)
        elif len(cells[name]) == 1 and name not in ("visits", "diagnoses"):
            alike[str(w.get(f"alike_{name}", title))] = label(cells[name][0])
        else:
            charts.append(_chart(name, cells[name], w, label))
    return Picture(tuple(charts), alike, tuple(withheld))


def _chart(name: str, cells: Sequence[Cell], w: Words, label: Callable[[Cell], str]) -> Chart:
    counts = [int(cell["count"]) for cell in cells]
    texts = [
        (label(cell), count_text(count, masked=""))
        for cell, count in zip(cells, counts, strict=True)
    ]
    return Chart(
        name=f"chart-{name}",
        title=w[f"chart_{name}"],
        note=w.get(f"chart_{name}_note", ""),
        summary=_summary(texts, counts, w),
        label_head=w["head_group"],
        count_head=w["chart_count_visits" if name == "visits" else "chart_patients"],
        bars=_bars(texts, counts),
    )


def attrition_chart(overview: Mapping[str, Any], w: Words) -> Chart | None:
    """The cohort's steps as falling bars (CONSORT, Schulz et al. 2010); None without steps."""
    steps: Sequence[Mapping[str, Any]] = overview.get("attrition") or []
    if not steps:
        return None
    lines = [(w["attrition_start"], "", str(steps[0]["n_in"]))]
    for step in steps:
        own = step.get("step_zh") if w["lang"] == "zh" else ""
        name = own or str(step["step"])
        name = name[:1].upper() + name[1:]
        out = w["attrition_out"].format(n=step["n_excluded"])
        lines.append((str(name), out, str(step["n_out"])))
    counts = [int(text) if text.isdigit() else 0 for *_, text in lines]
    form = w["attrition_label"]
    texts = [
        (form.format(step=label, out=out) if out else label, text) for label, out, text in lines
    ]
    reasons = ["", *(str(step["reason"]) for step in steps)]
    return Chart(
        name="chart-attrition",
        title=w["attrition_title"],
        note=w["chart_attrition_note"],
        summary=_summary(texts, counts, w),
        label_head=w["attrition_step"],
        count_head=w["attrition_head"],
        bars=_bars(texts, counts, reasons),
    )


def _bars(
    texts: Sequence[tuple[str, str]], counts: Sequence[int], notes: Sequence[str] = ()
) -> tuple[Bar, ...]:
    largest = max(counts, default=0) or 1
    return tuple(
        Bar(
            label=label,
            short=shortened(label, _MOST),
            text=text,
            y=FIRST + STEP * number,
            width=round(WIDTH * counts[number] / largest, 1),
            note=notes[number] if notes else "",
        )
        for number, (label, text) in enumerate(texts)
    )


def _summary(texts: Sequence[tuple[str, str]], counts: Sequence[int], w: Words) -> str:
    label, count = texts[counts.index(max(counts))]
    return str(w["chart_summary"]).format(n=len(texts), label=label, count=count)


def shortened(text: str, most: int) -> str:
    """At most so many Latin letters wide; Chinese characters count twice."""
    width = 0
    for at, sign in enumerate(text):
        width += 2 if unicodedata.east_asian_width(sign) in "WF" else 1
        if width > most:
            return text[: max(1, at - 1)] + "…"
    return text


def _labels(name: str, w: Words, month: str) -> Callable[[Cell], str]:
    def told(cell: Cell) -> str:
        label, last = str(cell["label"]), str(cell["last"])
        if label == OTHER:
            return str(w["others"])
        if label == "*":
            return str(w["not_stated"])
        if label == "U":
            return str(w["unknown"])
        return _READ.get(name, _plain)(label, last, w, month, cell)

    return told


def _plain(label: str, last: str, w: Words, month: str, cell: Cell) -> str:
    return label if label == last else f"{label} – {last}"


def _birth(label: str, last: str, w: Words, month: str, cell: Cell) -> str:
    first_year, last_year = label.split("-", maxsplit=1)[0], last.rsplit("-", maxsplit=1)[-1]
    if not (first_year.isdigit() and last_year.isdigit()):
        return _plain(label, last, w, month, cell)
    now = int(month[:4])
    youngest, oldest = max(0, now - int(last_year)), max(0, now - int(first_year))
    ages = f"{youngest}–{oldest}" if youngest != oldest else str(oldest)
    return str(w["chart_birth_label"]).format(years=_span(first_year, last_year), ages=ages)


def _years(label: str, last: str, w: Words, month: str, cell: Cell) -> str:
    return _span(label.split("-", maxsplit=1)[0], last.rsplit("-", maxsplit=1)[-1])


def _visits(label: str, last: str, w: Words, month: str, cell: Cell) -> str:
    first, end = int(label), int(last) + 1
    signs = [str(n).replace("-", "−") for n in (first, end)]
    return str(w["chart_visits_label"]).format(first=signs[0], last=signs[1])


def _sex(label: str, last: str, w: Words, month: str, cell: Cell) -> str:
    return str(w.get(f"sex_{label}", label))


def _region(label: str, last: str, w: Words, month: str, cell: Cell) -> str:
    return str(w["region"].get(label, label.replace("_", " ")))


def _diagnosis(label: str, last: str, w: Words, month: str, cell: Cell) -> str:
    return str(cell.get("label_zh") or label) if w["lang"] == "zh" else label


def _span(first: str, last: str) -> str:
    return first if first == last else f"{first}–{last}"


_READ: Mapping[str, Callable[[str, str, Words, str, Cell], str]] = {
    "birth": _birth,
    "index": _years,
    "visits": _visits,
    "sex": _sex,
    "region": _region,
    "diagnoses": _diagnosis,
}
