"""What a Chinese clause says about what stands in it: denied, doubted, past, planned, aimed at,
someone else's. Triggers are data in `context.zh.toml`; the answer has the form of `context`.

Chinese needs rules of its own: no word breaks, 、 joins where ， cuts, and 不 or 非 is as often
part of a name as a denial. After ConText (Harkema et al. 2009).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path

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


def chinese_kinds(document: Document, start: int, end: int) -> frozenset[str]:
    """Kinds of `context.zh.toml` that hold for ``[start, end)``: negation, uncertain, …"""
    first, last = _bounds(document.plain, start, end)
    hits_here = _hits(document.lower[first:last])
    placed = (Hit(h.start + first, h.end + first, h.tag) for h in hits_here)
    # the words that are judged are no trigger of their own, but may be part of a pseudo word
    apart = [h for h in placed if h.start >= end or h.end <= start or h.tag == "pseudo.words"]
    hits = [h for h in uncovered(apart) if h.start >= end or h.end <= start]
    kinds = {kind for hit in hits for kind in _reaching(document, hits, hit, start, end)}
    return frozenset(kinds)


@lru_cache(maxsize=64)
def _hits(line: str) -> tuple[Hit, ...]:
    """The triggers of a clause, which several names of one clause ask for in turn."""
    return tuple(_triggers().scan(line, line))


def _bounds(plain: str, start: int, end: int) -> tuple[int, int]:
    first = max(0, start - BEFORE)
    for match in _BREAK.finditer(plain, first, start):
        first = match.end()
    stop = _BREAK.search(plain, end, min(len(plain), end + AFTER))
    return first, stop.start() if stop else min(len(plain), end + AFTER)


def _reaching(document: Document, hits: Sequence[Hit], hit: Hit, start: int, end: int) -> list[str]:
    is_before = hit.end <= start
    between = (hit.end, start) if is_before else (end, hit.start)
    stops = {tag for h in hits if between[0] <= h.start < between[1] for tag in h.tag.split("|")}
    commas = [
        m.start()
        for m in _COMMA.finditer(document.plain, *between)
        if document.text[m.start()] != "、"
    ]
    reached = []
    for tag in hit.tag.split("|"):
        kind, _, side = tag.partition(".")
        judge = _before if is_before else _after
        if judge(document.plain, hit, kind, side, between, stops, bool(commas)):
            reached.append(kind)
    return reached


def _before(
    plain: str,
    hit: Hit,
    kind: str,
    side: str,
    between: tuple[int, int],
    stops: set[str],
    has_comma: bool,
) -> bool:
    text = plain[between[0] : between[1]]
    if side == "beside":
        return not text
    if side == "lists":
        return "stop.negation" not in stops and bool(_BARE.match(text))
    if side != "before":
        return False
    if kind == "prior":
        is_years = not plain.startswith("年前", hit.start) or _YEARS_AGO.search(
            plain, max(0, hit.start - 3), hit.start
        )
        return "stop.time" not in stops and bool(is_years)
    if kind == "family":
        return "stop.person" not in stops
    is_head = kind == "negation" and _HEAD.match(plain, between[1], between[1] + 8)
    is_stopped = kind == "negation" and "stop.negation" in stops
    return not (has_comma or is_head or is_stopped)


def _after(
    plain: str,
    hit: Hit,
    kind: str,
    side: str,
    between: tuple[int, int],
    stops: set[str],
    has_comma: bool,
) -> bool:
    if has_comma or side not in ("after", "closing"):
        return False
    if side == "closing" and not _CLOSED.match(plain, hit.end):
        return False
    if plain[hit.start] == "?" or hit.end - hit.start == 1:
        return between[0] == between[1] or (plain[hit.start] == "?" and between[1] - between[0] < 4)
    if kind == "negation":
        return not stops & {"stop.negation", "negation.before"}
    return True
