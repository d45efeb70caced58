"""The day a value is of, where its clause names one, and whether that lies before the note: "EF 30
% on TTE 2/2019" is none of today's. Words of time ("last year") belong to `context`, dates that are
moved to `textdates`.

After Harkema et al. (2009): what is dated before the encounter is historical. A month counts as the
encounter's own, because what was measured then is what the visit goes by.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from calendar import monthrange
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cached_property
from typing import NamedTuple

OWN = timedelta(days=30)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# every date holds one of these; most notes hold none, and are passed over at once
_GATE = re.compile(r"\d{1,2}[-/]\d{1,2}[-/]\d\d|\d{1,2}/(?:19|20)\d\d|(?<!\d)(?:19|20)\d\d")
_FIGURES = re.compile(
    r"(?<![\d./-])(?:(?P<y>(?:19|20)\d\d)\s?[-/.年]\s?(?P<m>1[0-2]|0?[1-9])"
    r"(?:\s?[-/.月]\s?(?P<d>3[01]|[12]\d|0?[1-9])日?|月)?(?![\d%/]|\.\d)"
    r"|(?P<um>\d{1,2})[/-](?P<ud>\d{1,2})[/-](?P<uy>(?:19|20)\d\d|\d\d)(?![\d/]|\.\d)"
    r"|(?P<sm>1[0-2]|0?[1-9])/(?P<sy>(?:19|20)\d\d)(?![\d/])"
    r"|(?P<ly>(?:19|20)\d\d)(?:年(?![前内多余来])|(?=\s?[:),.;](?!\d)|$|-(?!\d)))"
    r"|(?<=[Ii]n )(?P<iy>(?:19|20)\d\d)(?![\d/]))"
)
_NAMED = re.compile(
    r"(?<![A-Za-z\d])(?:(?P<nd>\d{1,2})(?:st|nd|rd|th)?\s)?(?P<nm>(?:[Jj]an|[Ff]eb|[Mm]ar|[Aa]pr"
    r"|[Mm]ay|[Jj]u[nl]|[Aa]ug|[Ss]ep|[Oo]ct|[Nn]ov|[Dd]ec)[a-z]{0,6})\.?,?\s"
    r"(?:(?P<ne>\d{1,2})(?:st|nd|rd|th)?,?\s)?(?P<ny>(?:19|20)\d\d)(?!\d)"
)
_NAME = 24  # characters that day and month may take before a year
# a birthday dates nothing, and what began then goes on
_NO_DAY = re.compile(
    r"(?i:(?:dob|birth|born|since|until|till)\W{0,3}(?:on\s)?)$|(?:出生|生于|自|至|起)\D{0,3}$"
)
_NOW = re.compile(
    r"(?<![A-Za-z])(?i:today|now|currently|current|at present|this (?:visit|admission|time))"
    r"(?![A-Za-z])|今[日天次晨]?|(?<![出表发体呈])现(?![病象])|目前|此次|本次"
)
_SEGMENT = re.compile(r"[;。\n!?]|\.\s+(?=[A-Z])|\.$")
_BREAK = re.compile(r"[,;。\n\d]|\.\s+(?=[A-Z])")
_COLON = re.compile(r"[)\]]?\s{0,2}:")
_OPENED = re.compile(r"(?:[-*•#\s]|(?i:on|in|at|echo|患者|患儿|于))*$")
_BEHIND, _BEFORE = 40, 160


class Day(NamedTuple):
    """Where a date stands, and the last day it can mean; `is_whole` when it names the day."""

    start: int
    end: int
    last: date
    is_whole: bool


class Calendar:
    """The dates of one text, read once when asked.

    Args:
        plain: the folded text.
        written: the note's own day, when it is known.
    """

    def __init__(self, plain: str, written: date | None) -> None:
        self._plain = plain
        self._written = written
        self._carried: tuple[Day, int] | None = None

    @cached_property
    def days(self) -> tuple[Day, ...]:
        """The dates, in the order of the text."""
        return tuple(_days(self._plain, self._written))

    @cached_property
    def _latest(self) -> date:
        return max(day.last for day in self.days)

    @cached_property
    def _speaks_of_today(self) -> bool:
        return _NOW.search(self._plain) is not None

    def is_past(self, start: int, end: int, *, until: int, told: int, is_word: bool) -> bool | None:
        """Whether the day that governs the value at ``[start, end)`` lies before the note's; None
        where no day does, or where one that may be the note's own is all that is known.

        Args:
            start, end: the value.
            until: start of the next value, or the end of the text.
            told: end of the value before it, 0 without one: a date right behind that is its own.
            is_word: said in words: a date that opens the sentence holds across a comma.
        """
        if not _GATE.search(self._plain, max(0, start - _BEFORE), end + _BEHIND):
            return None
        day = self._behind(start, end, until) or self._before(start, told, is_word=is_word)
        return None if day is None else self._is_before(day)

    def _behind(self, start: int, end: int, until: int) -> Day | None:
        stop = min(until, end + _BEHIND)
        index = bisect_left(self.days, end, key=_start)
        day = self.days[index] if index < len(self.days) else None
        return day if day and day.start < stop and self._is_glued(end, day) else None

    def _is_glued(self, end: int, day: Day) -> bool:
        """Whether nothing but words stands between a value and a date behind it, and the date
        announces nothing itself ("2/2019: EF")."""
        between = self._plain[end : day.start]
        if _BREAK.search(between) or _NOW.search(between):
            return False
        return not (
            _COLON.match(self._plain, day.end) and ")" not in self._plain[day.end : day.end + 1]
        )

    def _before(self, start: int, told: int, *, is_word: bool) -> Day | None:
        """The last date before a value in its sentence, unless that is another value's, or the
        clause has come back to today."""
        plain, first = self._plain, max(0, start - _BEFORE)
        for cut in _SEGMENT.finditer(plain, first, start):
            first = cut.end()
        index = bisect_left(self.days, start, key=_start) - 1
        day = self.days[index] if index >= 0 else None
        if (
            day is None
            or day.start < first
            or day.end > start
            or _NOW.search(plain, day.end, start)
        ):
            return None
        if told > 0 and first <= told <= day.start and self._is_glued(told, day):
            return None
        between = plain[day.end : start]
        is_carried = self._carried is not None and self._carried[0] == day and told > day.start
        opens = bool(_OPENED.match(plain[first : day.start]))
        if "," in between and not (
            is_carried or _COLON.match(plain, day.end) or (is_word and opens)
        ):
            return None
        self._carried = (day, start)
        return day

    def _is_before(self, day: Day) -> bool | None:
        if self._written is not None:
            return day.last < self._written - OWN
        # no day is known: a note that dates a value by the month alone, or that speaks of a later
        # day or of today as well, looks back
        is_older = self._latest > day.last + OWN
        return is_older or not day.is_whole or self._speaks_of_today or None


def _start(day: Day) -> int:
    return day.start


def _days(plain: str, written: date | None) -> Iterator[Day]:
    for gate in _GATE.finditer(plain):
        start = gate.start()
        match = _FIGURES.match(plain, start)
        if match is None and start and plain[start - 1] == " ":
            match = _NAMED.search(plain, max(0, start - _NAME), gate.end())
        if match is None or _NO_DAY.search(plain, max(0, match.start() - 14), match.start()):
            continue
        parts = _parts({k: v for k, v in match.groupdict().items() if v}, written)
        if parts is not None:
            yield Day(match.start(), match.end(), *parts)


def _parts(said: dict[str, str], written: date | None) -> tuple[date, bool] | None:
    if "um" in said:
        return _slashed(said, written)
    if "nm" in said:
        name = said["nm"][:3].lower()
        day = said.get("nd") or said.get("ne")
        return _last(int(said["ny"]), _MONTHS.index(name) + 1, int(day) if day else 0)
    year = int(next(said[key] for key in ("y", "sy", "ly", "iy") if key in said))
    month = said.get("m") or said.get("sm")
    return _last(year, int(month) if month else 0, int(said.get("d") or 0))


def _slashed(said: dict[str, str], written: date | None) -> tuple[date, bool] | None:
    """Month first, unless that is no month or lies ahead of the note."""
    first, second, year = int(said["um"]), int(said["ud"]), int(said["uy"])
    if year < 100:
        year += 1900 if 2000 + year > (written.year if written else 2090) + 1 else 2000
    found = _last(year, first, second) if first <= 12 else None
    if found and not (written and found[0] > written):
        return found
    return (_last(year, second, first) if second <= 12 else None) or found


def _last(year: int, month: int, day: int) -> tuple[date, bool] | None:
    """The last day that a date of such parts can mean; 0 where a part is not told."""
    if not 0 <= month <= 12:
        return None
    most = monthrange(year, month or 12)[1]
    if day > most:
        return None
    return date(year, month or 12, day or most), bool(day)
