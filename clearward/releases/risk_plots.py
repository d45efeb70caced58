"""The risk report's plots as SVG, from figures that may be published. Add a plot here; what it says
in words belongs to the report's template.

The same figures give the same bytes: no time, no random ids. Text stays text, so that the reader's
own fonts show Chinese.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape, unescape

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, ACCENT, OTHER, BOUND = "#5a6675", "#2a7fb0", "#c58a2b", "#b3261e"
_PAGE_COLOURS = {INK: "--soft", BOUND: "--bad"}  # so that a dark page shows them too
Words = Mapping[str, str]
_WORDS = (
    *("group_size", "patients", "max_risk", "avg_risk", "before", "after", "bound", "percent"),
    *("control", "attack", "advantage", "success_percent"),
)
"""Names of the words that a plot may hold."""


def plot_all(
    figures: Mapping[str, Any], bounds: Mapping[str, float], words: Mapping[str, Words]
) -> dict[str, dict[str, str]]:
    """Every plot whose figures are there, by language and name; ``words`` are by language.

    Drawing is what takes time: each plot is drawn once, in the first language, and its texts are
    put into the others.
    """
    first, *others = words
    drawn = _draw(figures, bounds, words[first])
    plots = {first: drawn}
    known = _texts(figures, words[first])
    for name in others:
        told = dict(zip(known, _texts(figures, words[name]), strict=True))
        plots[name] = {plot: _say(svg, told) for plot, svg in drawn.items()}
    return plots


def _draw(figures: Mapping[str, Any], bounds: Mapping[str, float], words: Words) -> dict[str, str]:
    plots = {}
    if figures.get("class_sizes"):
        plots["classes"] = plot_sizes(figures["class_sizes"], bounds["k"], words)
    if figures.get("before"):
        plots["risk"] = plot_risk(figures, bounds, words)
    if figures.get("attacks"):
        plots["attacks"] = plot_attacks(figures["attacks"], bounds, words)
    if figures.get("history") and figures["history"]["sizes"]:
        plots["history"] = plot_sizes(figures["history"]["sizes"], bounds["k"], words)
    return plots


def _texts(figures: Mapping[str, Any], words: Words) -> list[str]:
    """Every text of a plot that is not a number, in the same order for every language."""
    called = [_called(name, words) for name in figures.get("attacks") or ()]
    return [*(words[name] for name in _WORDS), *called]


def _say(svg: str, told: Mapping[str, str]) -> str:
    """The same drawing with its texts replaced; a text that is no key stays."""

    def other(match: re.Match[str]) -> str:
        text = unescape(match[1])
        return f">{escape(told.get(text, text))}</text>"

    return re.sub(r">([^<>]*)</text>", other, svg)


def plot_sizes(sizes: Sequence[Sequence[int]], k: float, words: Words) -> str:
    """How many patients stand in groups of which size, with the bound k."""
    with _drawing(3.0) as (axes, done):
        largest = max(size for size, _ in sizes)
        step = max(1, -(-largest // 40))
        bars: dict[int, int] = {}
        for size, groups in sizes:
            place = (size - 1) // step * step + 1
            bars[place] = bars.get(place, 0) + size * groups
        axes.bar(list(bars), list(bars.values()), width=step * 0.9, align="edge", color=ACCENT)
        axes.axvline(k, color=BOUND, linewidth=1.5, linestyle="--")
        axes.annotate(
            f"k = {k:g}",
            (k, 1),
            xycoords=("data", "axes fraction"),
            color=BOUND,
            xytext=(5, -12),
            textcoords="offset points",
        )
        axes.set_xlim(left=0)
        axes.set_xlabel(words["group_size"])
        axes.set_ylabel(words["patients"])
    return done[0]


def plot_risk(figures: Mapping[str, Any], bounds: Mapping[str, float], words: Words) -> str:
    """Highest and mean prosecutor risk before and after, with the bounds."""
    before, after = figures["before"], figures["after"]
    rows = [
        (words["max_risk"], before["max_prosecutor"], after["max_prosecutor"], 1 / bounds["k"]),
        (words["avg_risk"], before["avg_prosecutor"], after["avg_prosecutor"], bounds["avg"]),
    ]
    with _drawing(2.4) as (axes, done):
        for place, (_, old, new, bound) in enumerate(rows):
            axes.barh(
                place + 0.2,
                100 * old,
                height=0.32,
                color=OTHER,
                label=None if place else words["before"],
            )
            axes.barh(
                place - 0.2,
                100 * new,
                height=0.32,
                color=ACCENT,
                label=None if place else words["after"],
            )
            axes.plot(
                [100 * bound] * 2,
                [place - 0.45, place + 0.45],
                color=BOUND,
                linewidth=2,
                label=None if place else words["bound"],
            )
            for height, value in ((0.2, old), (-0.2, new)):
                axes.annotate(
                    f"{100 * value:.1f}%",
                    (100 * max(value, bound), place + height),
                    xytext=(5, -4),
                    textcoords="offset points",
                )
        axes.set_yticks(range(len(rows)), [name for name, *_ in rows])
        axes.set_xlim(0, 112)
        axes.set_xlabel(words["percent"])
        _legend(axes)
    return done[0]


def plot_attacks(attacks: Mapping[str, Any], bounds: Mapping[str, float], words: Words) -> str:
    """Attack beside control and the advantage, each with its 95 % interval."""
    names = list(attacks)
    with _drawing(1.2 + 0.42 * len(names)) as (axes, done):
        for place, name in enumerate(names):
            attack = attacks[name]
            for part, shift, colour in (
                ("control", 0.22, OTHER),
                ("attack", 0.0, ACCENT),
                ("advantage", -0.22, INK),
            ):
                _interval(
                    axes,
                    attack[part],
                    place + shift,
                    colour=colour,
                    label=None if place else words[part],
                )
            limit = bounds[attack["name"]]
            axes.plot(
                [100 * limit] * 2,
                [place - 0.38, place + 0.38],
                color=BOUND,
                linewidth=1.5,
                label=None if place else words["bound"],
            )
        axes.set_yticks(range(len(names)), [_called(name, words) for name in names])
        axes.invert_yaxis()
        axes.set_xlabel(words["success_percent"])
        axes.axvline(0, color=INK, linewidth=0.6)
        _legend(axes)
    return done[0]


def _interval(
    axes: Axes, interval: Mapping[str, float], place: float, *, colour: str, label: str | None
) -> None:
    low, point, high = (100 * interval[end] for end in ("low", "point", "high"))
    axes.plot([min(low, point), max(high, point)], [place, place], color=colour, linewidth=2)
    axes.plot([point], [place], "o", color=colour, markersize=5, label=label)


def _called(name: str, words: Words) -> str:
    kind, _, subject = name.partition(".")
    return f"{words[kind]} {subject.rpartition('.')[2]}".strip()


def _legend(axes: Axes) -> None:
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.22), ncols=4, frameon=False)


@contextmanager
def _drawing(height: float) -> Iterator[tuple[Axes, list[str]]]:
    """A plain drawing; the list holds its SVG after the block."""
    import matplotlib as mpl  # noqa: PLC0415 - half a second that only a candidate needs
    from matplotlib.figure import Figure  # noqa: PLC0415

    style: Any = {
        "svg.fonttype": "none",
        "svg.hashsalt": "clearward",
        "font.size": 10,
        "axes.edgecolor": INK,
        "axes.labelcolor": INK,
        "xtick.color": INK,
        "ytick.color": INK,
        "text.color": INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    done: list[str] = []
    with mpl.rc_context(style), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # our fonts lack Chinese; the reader's draw the text
        figure = Figure(figsize=(8, height))
        figure.patch.set_alpha(0)
        axes = figure.subplots()
        axes.patch.set_alpha(0)
        axes.grid(axis="x", color=INK, alpha=0.15)
        axes.set_axisbelow(True)
        yield axes, done
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None}, bbox_inches="tight")
    done.append(_inline(buffer.getvalue()))


def _inline(svg: str) -> str:
    """Only the element, for a page: no declaration, no metadata, size left to the page."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.S)
    svg = re.sub(r"<svg [^>]*?(viewBox=\"[^\"]*\")[^>]*>", r'<svg \1 role="img">', svg, count=1)
    for colour, variable in _PAGE_COLOURS.items():
        svg = svg.replace(colour, f"var({variable})")
    return svg.replace("font: 10px", "font: 12px").strip()
