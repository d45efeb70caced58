"""What a clause says about what stands in it: denied, doubted, past, aimed at, someone else's.

After NegEx (Chapman et al. 2001) and ConText (Harkema et al. 2009). A concept is read in its whole
clause ("no fever, chills or rash"); a measured value in its own part of it, because a comma ends
what was said before ("no distress, BP 150/90"). Triggers are data in `context.toml`; whose words a
turn is belongs to `dialogue`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from clearward.notes.context_zh import chinese_kinds, is_chinese
from clearward.notes.document import Document
from clearward.notes.scan import Hit, uncovered
from clearward.notes.sections import Section, section_at, sections
from clearward.notes.triggers import Meaning, load_triggers

BEFORE, AFTER, AFTER_VALUE, NEAR_VALUE = 300, 100, 40, 48
# most clauses begin nearer: there it is looked for first
_NEAR = 60
# both open with one character of a class, so that most of a text is passed over at once
_START = re.compile(
    r"[.!?。;\s_](?:(?<=[。!?;])|(?<=[.!?])\s+(?=[A-Z\d\"'(#•-])"
    r"|(?<=\s[.?!])\s+(?=\w)|(?<=\n)(?:\s*\n|[ \t]*(?=[-•*#\d\[]|[A-Z][A-Za-z_ /]{1,30}:))"
    r"|(?<=\s)(?=\d{1,2}\)\s?\w)|(?<=\s)\s+(?=[A-Z][A-Z ()/]{3,40}:)|(?<=_)_{3,})"
)
_END = re.compile(
    r"[.!?。;\s_](?:(?<=[。!?;])|(?<=[.!?])(?=\s+[A-Z\"'(#•-]|\s*$)"
    r"|(?<=\s[.?!])(?=\s+\w)|(?<=\n)(?:\s*\n|[ \t]*(?=[-•*#\[]|[A-Z][\w /]{1,30}:))"
    r"|(?<=\s)(?=\d{1,2}\)\s?\w)|(?<=\s)\s+(?=[A-Z][A-Z ()/]{3,40}:)|(?<=_)_{3,})"
)
# what ends the part of a clause that speaks of a value; a comma inside a number does not
_PART = re.compile(r"[,;\n](?!\d{3})|\s-\s|\(")
_PART_AFTER = re.compile(r"[,\n](?!\d{3})|\s-\s|(?<=\S)\s*\((?!-\))")
_FIGURE = re.compile(r"\d")
_TIMES = ("target", "planned", "prior")
# stands between pieces that were not side by side, so that no trigger reaches across
_SEAM = " \x00 "
_VALUE = " \x01 "


@dataclass(frozen=True, slots=True)
class Context:
    """What the clause says about one span."""

    is_negated: bool = False
    certainty: str = "certain"
    temporality: str = "current"
    experiencer: str = "patient"
    is_hypothetical: bool = False


class Place(NamedTuple):
    """Where a measured value stands among what its cue announced; characters, half-open.

    Attributes:
        head: start of the cue, or of a label before it.
        first: start of the first value of the region.
        after_last: end of the value before this one, or `first`.
        start, end: the value.
        until: start of the next value, or the end of the text.
        earlier: start and end of what the cue before this one announced.
    """

    head: int
    first: int
    after_last: int
    start: int
    end: int
    until: int
    earlier: tuple[int, int] = (0, 0)


class Reach(NamedTuple):
    """Positions in a line of triggers.

    Attributes:
        near: before it only triggers that hold across a comma count.
        inner: from it to the span nothing is denied: "IOP not elevated at 14" is 14.
        comma: behind it triggers that hold across a comma on the other side do not count.
    """

    near: int
    inner: int
    comma: int


def clause(plain: str, start: int, end: int) -> tuple[int, int]:
    """Bounds of the clause a span stands in, at most 300 characters before and 100 after."""
    first = max(0, start - BEFORE)
    near = max(first, start - _NEAR)
    begun = _last_start(plain, near, start)
    if begun < 0 and near > first:
        begun = _last_start(plain, first, start)
    first = max(first, begun)
    last = min(len(plain), end + AFTER)
    stop = _END.search(plain, end, last)
    return first, stop.start() if stop else last


def _last_start(plain: str, first: int, start: int) -> int:
    """Where the last clause that begins in ``[first, start]`` begins, or -1."""
    found = -1
    # one character further, so that the lookahead sees what the span opens with
    for match in _START.finditer(plain, first, start + 1):
        found = match.end() if match.end() <= start else found
    return found


def context_of(
    document: Document, start: int, end: int, *, section: Section | None = None
) -> Context:
    """Read the clause round the concept at ``[start, end)``, and the section it stands in.

    Args:
        document: the note.
        start, end: the concept.
        section: where it stands, when the caller knows; else headers of the note are looked for.
    """
    known = section or section_at(sections(document.plain, document.lang), start)
    if is_chinese(document, start, end):
        return in_section(_context(set(chinese_kinds(document, start, end))), known)
    first, last = clause(document.plain, start, end)
    lower = document.lower
    if _is_silent(lower[first:last]):
        return in_section(Context(), known)
    context = _read((lower[first:start], lower[start:end], lower[end:last]), 0, start)
    return in_section(context, known)


def contexts_of(
    document: Document, spans: Sequence[tuple[int, int]], headers: Sequence[Section]
) -> list[Context]:
    """`context_of` for many concepts in the order of the text; those of one clause share it.

    Args:
        document: the note.
        spans: start and end of each concept.
        headers: the note's sections.
    """
    found: list[Context] = []
    first = last = 0
    lower = document.lower
    for start, end in spans:
        section = section_at(headers, start)
        if is_chinese(document, start, end):
            found.append(context_of(document, start, end, section=section))
            continue
        if not (first <= start and end <= last and start - first <= BEFORE):
            first, last = clause(document.plain, start, end)
        context = Context()
        if not _is_silent(lower[first:last]):
            context = _read((lower[first:start], lower[start:end], lower[end:last]), 0, start)
        found.append(in_section(context, section))
    return found


def value_context(document: Document, place: Place, section: Section) -> Context:
    """Read what the clause says of one measured value: its own part, its cue's part, and words of
    time before both; then the section."""
    if is_chinese(document, place.start, place.end):
        kinds = chinese_kinds(document, place.start, place.end)
        return in_section(_context(set(kinds)), section)
    plain, lower = document.plain, document.lower
    first, last = clause(plain, place.head, place.end)
    if _is_silent(lower[first:last]):
        return in_section(Context(), section)
    # speech knows no commas: what is said far before a figure is not said of it
    near = max(_last_part(plain, first, place.head), place.head - NEAR_VALUE)
    own = place.after_last
    if own > place.first:
        own = _last_part(plain, own, place.start)
    far = _without(lower, first, near, earlier=place.earlier)
    cue = far + _SEAM + lower[near : place.head]
    inner = lower[place.head : place.first] + _SEAM + _opening(document, place)
    inner += lower[own : place.start]
    stop = min(last, place.until, place.end + AFTER_VALUE)
    part = _PART_AFTER.search(plain, place.end, stop)
    after = lower[place.end : part.start() if part else stop]
    bounds = len(_collapsed(far)), len(_collapsed(cue))
    return in_section(_read((cue + inner, _VALUE, after), *bounds), section)


def _opening(document: Document, place: Place) -> str:
    """What opens the part that a later value shares with one before it: "today" of the second value
    in "24 OD 25 OS; today 17 OD 16 OS"."""
    start = _last_part(document.plain, place.first, place.start)
    if not place.first < start < place.after_last:
        return ""
    figure = _FIGURE.search(document.plain, start, place.start)
    return document.lower[start : figure.start()] + _SEAM if figure else ""


def _last_part(plain: str, start: int, end: int) -> int:
    """Where the last part of ``[start, end)`` begins."""
    for match in _PART.finditer(plain, start, end):
        start = match.end()
    return start


def _without(lower: str, first: int, near: int, *, earlier: tuple[int, int]) -> str:
    """What stands before a cue's part, less the value before it and what is said behind that one:
    "EF 60 % three years ago, now EF 30 %"."""
    start, end = earlier
    if not first < end <= near:
        return lower[first:near]
    comma = _PART.search(lower, end, near)
    return lower[first : max(first, start)] + _SEAM + lower[comma.end() if comma else near : near]


@lru_cache(maxsize=64)
def _is_silent(clause_text: str) -> bool:
    """Whether a clause holds no trigger at all; several values often share one."""
    return not _scan(_collapsed(clause_text))


@lru_cache(maxsize=64)
def _scan(line: str) -> tuple[Hit, ...]:
    """The triggers of a line; what stands in one clause asks in turn."""
    return tuple(load_triggers().scanner.scan(line, line))


def in_section(context: Context, section: Section) -> Context:
    """What the clause leaves open, its section says."""
    if not (section.temporality or section.experiencer):
        return context
    time = context.temporality
    return replace(
        context,
        temporality=section.temporality or time if time == "current" else time,
        experiencer=section.experiencer or context.experiencer,
    )


def _collapsed(text: str) -> str:
    return " ".join(text.split())


def _read(pieces: tuple[str, str, str], near: int, inner: int) -> Context:
    """Scan the three pieces as one line: before, the span itself, behind it; see `judge`."""
    before, span, after = pieces
    left, middle, right = (_collapsed(piece) for piece in pieces)
    left += " " if left and (before[-1:].isspace() or span[:1].isspace()) else ""
    right = f" {right}" if right and (after[:1].isspace() or span[-1:].isspace()) else right
    line = left + middle + right
    start, end = len(left), len(left) + len(middle)
    triggers = load_triggers()
    # in "no [[change in vision]]" the change is what is spoken of: there it is no pseudo trigger
    hits = [
        hit
        for hit in _scan(line)
        if not (hit.start < end and start < hit.end and triggers.meanings[hit.tag].is_pseudo)
    ]
    if not hits:
        return Context()
    found = [(hit, triggers.meanings[hit.tag]) for hit in uncovered(hits)]
    comma = line.find(",", end, end + AFTER_VALUE)
    reach = Reach(near, inner, comma if comma >= 0 else end + AFTER_VALUE)
    return judge(found, start, end, reach=reach)


def judge(hits: Sequence[tuple[Hit, Meaning]], start: int, end: int, *, reach: Reach) -> Context:
    """Apply the triggers of a clause, in order, to one span.

    Args:
        hits: triggers and what they mean.
        start, end: the span, in the same characters.
        reach: where which triggers count.
    """
    found: set[str] = set()
    for hit, meaning in hits:
        if hit.start >= start:
            # "[[status post splenectomy]]" says itself that it is past
            found |= {"prior"} & meaning.before if hit.start == start else set()
            break
        if hit.end > start:
            continue
        found = set() if meaning.ends else found - meaning.stop
        found |= meaning.anywhere
        if hit.start >= reach.near:
            found |= meaning.before - {"negation"} if hit.start >= reach.inner else meaning.before
    ended: set[str] = set()
    behind: set[str] = set()
    for hit, meaning in hits:
        if hit.start < end:
            continue
        ended |= meaning.stop
        behind |= meaning.after - ended
        behind |= meaning.anywhere - ended if hit.start < reach.comma else set()
        if "current" in meaning.after:
            # what is said nearer stands: in "45 % in 2020 and now" the year is of 45 %
            found -= {"prior", "target"}
        if meaning.ends:
            break
    return _context(found | behind)


def _context(found: set[str]) -> Context:
    time = next((kind for kind in _TIMES if kind in found), "current")
    return Context(
        is_negated="negation" in found,
        certainty="uncertain" if "uncertain" in found else "certain",
        temporality=time,
        experiencer="family" if "family" in found else "patient",
        is_hypothetical="hypothetical" in found,
    )
