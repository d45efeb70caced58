"""The risk report's plots as SVG, from figures that may be published. Add a plot here; what it says
in words belongs to the report's template.

Drawn as text: a plotting library took a third of a release's time for these few bars. The same
figures give the same bytes. Colours are the page's own, and so are the fonts, which show Chinese.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from math import ceil, floor, log10
from typing import Any

INK, ACCENT, OTHER, BOUND = "var(--soft)", "var(--accent)", "var(--other)", "var(--bad)"
WIDTH, LEFT, RIGHT = 640, 64, 616
Words = Mapping[str, str]
Place = Callable[[float], float]
"""From a value to pixels from the left."""


def plot_all(
    figures: Mapping[str, Any], bounds: Mapping[str, float], words: Mapping[str, Words]
) -> dict[str, dict[str, str]]:
    """Every plot whose figures are there, by language and name; ``words`` are by language."""
    return {language: dict(_draw(figures, bounds, said)) for language, said in words.items()}


def _draw(
    figures: Mapping[str, Any], bounds: Mapping[str, float], words: Words
) -> Iterator[tuple[str, str]]:
    if figures.get("class_sizes"):
        yield "classes", plot_sizes(figures["class_sizes"], bounds["k"], words)
    if figures.get("before"):
        yield "risk", plot_risk(figures, bounds, words)
    if figures.get("attacks"):
        yield "attacks", plot_attacks(figures["attacks"], bounds, words)
    if figures.get("history") and figures["history"]["sizes"]:
        yield "history", plot_sizes(figures["history"]["sizes"], bounds["k"], words)


def plot_sizes(sizes: Sequence[Sequence[int]], k: float, words: Words) -> str:
    """How many patients stand in groups of which size, with the bound k."""
    step = max(1, -(-max(size for size, _ in sizes) // 40))
    bars: dict[int, int] = {}
    for size, groups in sizes:
        place = (size - 1) // step * step + 1
        bars[place] = bars.get(place, 0) + size * groups
    last, most = max(max(bars) + step, int(k) + 2), max(bars.values())
    top, bottom = 24, 204

    def x(value: float) -> float:
        return LEFT + (RIGHT - LEFT) * value / last

    def y(value: float) -> float:
        return bottom - (bottom - top) * value / most

    parts = [_axis(x, _ticks(0, last), top, bottom)]
    for tick in _ticks(0, most):
        parts.append(_text(LEFT - 8, y(tick) + 4, f"{tick:,g}", anchor="end"))
    parts += [
        _bar(x(p), y(n), x(p + 0.9 * step) - x(p), bottom - y(n), ACCENT) for p, n in bars.items()
    ]
    parts += [
        _line(x(k), top, x(k), bottom, colour=BOUND, dashes="5 4"),
        _text(x(k) + 6, top + 8, f"k = {k:g}", colour=BOUND),
        _text((LEFT + RIGHT) / 2, bottom + 40, words["group_size"], anchor="middle"),
        _text(LEFT - 8, 12, words["patients"], anchor="start"),
    ]
    return _svg(bottom + 48, parts)


def plot_risk(figures: Mapping[str, Any], bounds: Mapping[str, float], words: Words) -> str:
    """Highest and mean prosecutor risk before and after, with the bounds."""
    before, after = figures["before"], figures["after"]
    rows = [
        (words["max_risk"], before["max_prosecutor"], after["max_prosecutor"], 1 / bounds["k"]),
        (words["avg_risk"], before["avg_prosecutor"], after["avg_prosecutor"], bounds["avg"]),
    ]
    top, left, height = 36, 110, 62
    bottom = top + height * len(rows)

    def x(share: float) -> float:
        return left + (RIGHT - 50 - left) * share

    parts = [
        _legend([(OTHER, words["before"]), (ACCENT, words["after"]), (BOUND, words["bound"])]),
        _axis(lambda percent: x(percent / 100), [0, 20, 40, 60, 80, 100], top, bottom),
        _text((left + RIGHT) / 2, bottom + 40, words["percent"], anchor="middle"),
    ]
    for place, (name, old, new, bound) in enumerate(rows):
        y = top + height * place + 8
        parts.append(_text(left - 8, y + 28, name, anchor="end"))
        for shift, value, colour in ((0, old, OTHER), (24, new, ACCENT)):
            parts.append(_bar(left, y + shift, x(value) - left, 20, colour))
            end = x(max(value, bound)) + 6
            parts.append(_text(end, y + shift + 15, f"{100 * value:.1f}%"))
        parts.append(_line(x(bound), y - 4, x(bound), y + 48, colour=BOUND, wide=2))
    return _svg(bottom + 48, parts)


def plot_attacks(attacks: Mapping[str, Any], bounds: Mapping[str, float], words: Words) -> str:
    """Attack beside control and the advantage, each with its 95 % interval."""
    ends = [
        100 * attack[part][end]
        for attack in attacks.values()
        for part in ("control", "attack", "advantage")
        for end in ("low", "high")
    ]
    limits = [100 * bounds[attack["name"]] for attack in attacks.values()]
    low, high = float(min(0.0, *ends)), float(max(*ends, *limits))
    longest = max(len(_called(name, words)) for name in attacks)
    top, left, height = 36, min(320, max(210, 8 * longest + 16)), 46
    bottom = top + height * len(attacks)

    def x(percent: float) -> float:
        return left + (RIGHT - left) * (percent - low) / ((high - low) or 1)

    named = [(OTHER, words["control"]), (ACCENT, words["attack"]), (INK, words["advantage"])]
    parts = [
        _legend([*named, (BOUND, words["bound"])]),
        _axis(x, _ticks(low, high), top, bottom),
        _text((left + RIGHT) / 2, bottom + 40, words["success_percent"], anchor="middle"),
    ]
    for place, (name, attack) in enumerate(attacks.items()):
        y = top + height * place + 10
        parts.append(_text(left - 10, y + 16, _called(name, words), anchor="end"))
        for row, (part, (colour, _)) in enumerate(
            zip(("control", "attack", "advantage"), named, strict=True)
        ):
            parts += _interval(attack[part], x, y + 12 * row, colour)
        limit = x(100 * bounds[str(attack["name"])])
        parts.append(_line(limit, y - 6, limit, y + 30, colour=BOUND, wide=2))
    return _svg(bottom + 48, parts)


def _called(name: str, words: Words) -> str:
    kind, _, subject = name.partition(".")
    return f"{words[kind]} {subject.rpartition('.')[2]}".strip()


def _interval(interval: Mapping[str, float], x: Place, y: float, colour: str) -> list[str]:
    low, point, high = (100 * interval[end] for end in ("low", "point", "high"))
    line = _line(x(min(low, point)), y, x(max(high, point)), y, colour=colour, wide=2)
    return [line, f'<circle cx="{x(point):.1f}" cy="{y:.1f}" r="4" style="fill:{colour}"/>']


def _ticks(low: float, high: float) -> list[float]:
    """About six round numbers from low to high (steps of 1, 2 or 5 times a power of ten)."""
    span = (high - low) or 1
    power = 10.0 ** floor(log10(span / 5))
    step = next(n * power for n in (1, 2, 5, 10) if n * power >= span / 6)
    return [n * step for n in range(ceil(low / step), floor(high / step) + 1)]


def _axis(x: Place, ticks: Sequence[float], top: float, bottom: float) -> str:
    lines = [
        _line(x(tick), top, x(tick), bottom, colour=INK, faint=True)
        + _text(x(tick), bottom + 18, f"{tick:g}", anchor="middle")
        for tick in ticks
    ]
    return "".join(lines) + _line(x(ticks[0]), bottom, RIGHT, bottom, colour=INK)


def _legend(entries: Sequence[tuple[str, str]]) -> str:
    parts, left = [], 110
    for colour, name in entries:
        parts += [_bar(left, 4, 14, 12, colour), _text(left + 20, 15, name)]
        left += 46 + sum(15 if ord(letter) > 0x2E80 else 8 for letter in name)
    return "".join(parts)


def _bar(x: float, y: float, width: float, height: float, colour: str) -> str:
    box = f'x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{max(height, 0):.1f}"'
    return f'<rect {box} style="fill:{colour};stroke:none"/>'


def _line(
    x1: float,
    y1: float,
    x2: float,
    y2: float,
    *,
    colour: str,
    wide: float = 1,
    dashes: str = "none",
    faint: bool = False,
) -> str:
    style = f"stroke:{colour};stroke-width:{wide};stroke-dasharray:{dashes}"
    style += ";opacity:.25" if faint else ""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" style="{style}"/>'


def _text(x: float, y: float, said: str, *, anchor: str = "start", colour: str = INK) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} style="fill:{colour}">{escape(said)}</text>'


def _svg(height: float, parts: Sequence[str]) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height:.0f}" aria-hidden="true">{"".join(parts)}</svg>'
