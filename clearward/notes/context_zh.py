"""What a Chinese clause says about what stands in it: denied, doubted, past, planned, aimed at,
someone else's. Triggers are data in `context.zh.toml`; the answer has the form of `context`.

Chinese needs rules of its own: no word breaks, 、 joins where ， cuts, and 不 or 非 is as often
part of a name as a denial. After ConText (Harkema et al. 2009).
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

from clearward.notes.document import Document
from clearward.notes.scan import Hit, Literal, Scanner, uncovered
from clearward.notes.scan_engines import AutomatonScanner

BEFORE, AFTER = 120, 40
_BREAK = re.compile(r"[。;!\n]|\?(?=.)")
_CJK = re.compile(r"[一-鿿]")
_COMMA = re.compile(r"[,，]")
_CLOSED = re.compile(r"\s*(?:[,;。)!?\s]|$)")
_HEAD = re.compile(r"禁忌|指征|适应[证症]|可能性小")
_YEARS_AGO = re.compile(r"[\d一二两三四五六七八九十数多余几半]\s*$")
_ASKS = 3  # characters between a name and the mark that doubts it
_BARE = re.compile(r"[^\d:]{0,24}$")


@cache
def _triggers() -> Scanner:
    path = Path(__file__).with_name("context.zh.toml")
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    tags: dict[str, list[str]] = {}
    for kind, body in document.items():
        for side, words in body.items() if kind != "examples" else ():
            for word in words:
                tags.setdefault(word.lower(), []).append(f"{kind}.{side}")
    return AutomatonScanner([Literal(w, "|".join(sorted(set(k)))) for w, k in tags.items()])


def is_chinese(document: Document, start: int, end: int) -> bool:
    """Whether a span stands among Chinese characters: nine on either side decide."""
    if document.lang != "zh":
        return False
    return bool(_CJK.search(document.plain, max(0, start - 9), end + 9))


class _Trigger(NamedTuple):
    start: int
    end: int
    tags: tuple[str, ...]


class _Clause(NamedTuple):
    """A clause's triggers, and where a comma cuts it; positions in the clause.

    Attributes:
        every: all triggers, one inside another too.
        kept: those that lie in no longer one.
        commas: not 、, which joins.
    """

    every: tuple[_Trigger, ...]
    kept: tuple[_Trigger, ...]
    commas: tuple[int, ...]


def chinese_kinds(document: Document, start: int, end: int) -> frozenset[str]:
    """Kinds of `context.zh.toml` that hold for ``[start, end)``: negation, uncertain, …"""
    first, last = _bounds(document.plain, start, end)
    clause = _read_clause(document.text[first:last], document.lower[first:last])
    start, end = start - first, end - first
    line = document.plain[first:last]
    hits = _apart(clause, start, end)
    found: set[str] = set()
    stops: set[str] = set()
    for hit in reversed([hit for hit in hits if hit.end <= start]):
        has_comma = _has_comma(clause, hit.end, start)
        found |= _kinds(_before, _Reach(line, hit, start, end, frozenset(stops), has_comma))
        stops.update(hit.tags)
    stops = set()
    for hit in hits:
        if hit.start >= end:
            has_comma = _has_comma(clause, end, hit.start)
            found |= _kinds(_after, _Reach(line, hit, start, end, frozenset(stops), has_comma))
            stops.update(hit.tags)
    return frozenset(found)


@lru_cache(maxsize=64)
def _read_clause(text: str, lower: str) -> _Clause:
    """The triggers of a clause, which several names of one clause ask for in turn."""
    hits = _triggers().scan(lower, lower)
    every, kept = (
        tuple(_Trigger(h.start, h.end, tuple(h.tag.split("|"))) for h in each)
        for each in (hits, uncovered(hits))
    )
    return _Clause(every, kept, tuple(m.start() for m in _COMMA.finditer(text)))


def _apart(clause: _Clause, start: int, end: int) -> Sequence[_Trigger]:
    """Triggers beside a span. The words that are judged are no trigger of their own, but may be
    part of a pseudo word."""
    if not any(hit.start < end and start < hit.end for hit in clause.kept):
        return clause.kept
    apart = [
        Hit(hit.start, hit.end, "|".join(hit.tags))
        for hit in clause.every
        if hit.start >= end or hit.end <= start or hit.tags == ("pseudo.words",)
    ]
    return [
        _Trigger(hit.start, hit.end, tuple(hit.tag.split("|")))
        for hit in uncovered(apart)
        if hit.start >= end or hit.end <= start
    ]


def _has_comma(clause: _Clause, start: int, end: int) -> bool:
    return bisect_left(clause.commas, end) > bisect_left(clause.commas, start)


def _bounds(plain: str, start: int, end: int) -> tuple[int, int]:
    first = max(0, start - BEFORE)
    for match in _BREAK.finditer(plain, first, start):
        first = match.end()
    stop = _BREAK.search(plain, end, min(len(plain), end + AFTER))
    return first, stop.start() if stop else min(len(plain), end + AFTER)


class _Reach(NamedTuple):
    """One trigger and the span it may reach, in one line.

    Attributes:
        stops: tags of the triggers between the two.
        has_comma: whether a comma stands between them.
    """

    line: str
    hit: _Trigger
    start: int
    end: int
    stops: frozenset[str]
    has_comma: bool


def _kinds(judge: Callable[[_Reach, str, str], bool], reach: _Reach) -> set[str]:
    """The kinds of one trigger that reach the span."""
    parts = (tag.partition(".") for tag in reach.hit.tags)
    return {kind for kind, _, side in parts if judge(reach, kind, side)}


def _before(reach: _Reach, kind: str, side: str) -> bool:
    line, hit, stops = reach.line, reach.hit, reach.stops
    text = line[hit.end : reach.start]
    if side == "beside":
        return not text
    if side == "lists":
        return "stop.negation" not in stops and bool(_BARE.match(text))
    if side != "before":
        return False
    if kind == "prior":
        is_years = not line.startswith("年前", hit.start) or _YEARS_AGO.search(
            line, max(0, hit.start - 3), hit.start
        )
        return "stop.time" not in stops and bool(is_years)
    if kind == "family":
        return "stop.person" not in stops
    is_head = kind == "negation" and _HEAD.match(line, reach.end, reach.end + 8)
    is_stopped = kind == "negation" and "stop.negation" in stops
    return not (reach.has_comma or is_head or is_stopped)


def _after(reach: _Reach, kind: str, side: str) -> bool:
    line, hit = reach.line, reach.hit
    if reach.has_comma or side not in ("after", "closing"):
        return False
    if side == "closing" and not _CLOSED.match(line, hit.end):
        return False
    if hit.end - hit.start == 1:
        # 无 or ？ right behind a name, or with no more than a colon between
        most = _ASKS if line[hit.start] == "?" else 0
        return len(line[reach.end : hit.start].strip(" :")) <= most
    if kind == "negation":
        return not reach.stops & {"stop.negation", "negation.before"}
    return True
