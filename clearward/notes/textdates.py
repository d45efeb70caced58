"""Dates inside text, moved by the patient's own days and written back in the form they had.
The number of days belongs to `deidentify.dates`, how a date is written to `dateforms`; a year alone
is not a date and stays.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

from clearward.notes.dateforms import (
    CHINESE_DATE,
    NAMED,
    NUMERIC,
    chinese_number,
    month_number,
    render,
)

_NUMBER = re.compile(r"\d+")
# a number with what makes it a date behind it
_OPENING = re.compile(
    r"(?:\d{1,4}(?=/\d|-[\dA-Z]|\s?[年月]|\.\d{1,2}(?:\.\d|[\u4e00-\u9fff]))|"
    r"(?:18|19|20)\d\d(?=\.\d)|\d{8}|\d{1,2}(?=(?:st|nd|rd|th)?(?:\s+(?:of\s+)?|-|)[JFMASOND]))"
)
# a letter before it is looked for behind its first: a search goes fastest to a class of characters
_MONTH = re.compile(
    r"[JFMASOND](?<![A-Za-z][A-Z])(?:an|eb|ar|pr|ay|un|ul|ug|ep|ct|ov|ec|AN|EB|AR|PR|AY|UN|UL|UG|EP|CT|OV|EC)"
)
_WEEKDAY = re.compile(r"(?<![A-Za-z])[MTWFS][a-z]{2,8},?\s+$")
# "5/3" alone may be a share, a pressure or an acuity
_ANNOUNCED = re.compile(
    r"(?i:(?<![a-z])(?:on|since|dated?|until|till|by|from|through|thru|before|after|as of|admitted|"
    r"discharged|seen|scheduled|visit|dos|dob|due|effective|started|stopped|last|next|"
    r"ekg|ecg|eeg|ct|mri|mra|echo|cxr|oct|labs?|note|surgery|appointment|appt)\s?:?\s?(?:on\s)?)$|"
    r"(?:于|日期|时间|截至|自)\s?:?\s?$"
)
_NOT_A_DATE = re.compile(
    r"(?i:score|strength|acuity|vision|va|bp|grade|out of|pain|gcs|power|reflex)\W*\w*\s?$"
)
_COLUMNS = (
    ("y", "m", "d"), ("cy", "cm", "cd"), ("", "bm", "bd"), ("", "sm", "sd"), ("ty", "tm", ""),
    ("qy", "qm", ""), ("ny", "nm", "nd"), ("ey", "em", "ed"), ("oy", "om", ""),
)  # fmt: skip
_EARLIEST, _LATEST = 1850, 2150


class DateEdit(NamedTuple):
    """A date in the text and what replaces it."""

    start: int
    end: int
    text: str


def shifted_dates(plain: str, days: int, *, year: int) -> Iterator[DateEdit]:
    """Every date of a folded text, moved.

    Args:
        plain: the text.
        days: the patient's own shift.
        year: year of the note, for dates that name none.
    """
    for match in _matches(plain):
        edit = _edit(match, days, year)
        if edit is not None:
            yield edit


def _matches(plain: str) -> Iterator[re.Match[str]]:
    end = 0
    for run in _NUMBER.finditer(plain):
        at = run.start()
        is_opening = at >= end and _OPENING.match(plain, at)
        match = NUMERIC.match(plain, at) if is_opening else None
        if match is None or (match["sm"] and not _is_announced(plain, at)):
            continue
        end = match.end()
        yield match
    for month in _MONTH.finditer(plain):
        weekday = _WEEKDAY.search(plain, max(0, month.start() - 12), month.start())
        match = NAMED.match(plain, weekday.start()) if weekday else None
        match = match or NAMED.match(plain, month.start())
        if match:
            yield match
    if "月" in plain:
        yield from CHINESE_DATE.finditer(plain)


def _is_announced(plain: str, at: int) -> bool:
    before = plain[max(0, at - 16) : at]
    return bool(_ANNOUNCED.search(before)) and not _NOT_A_DATE.search(before)


def _edit(match: re.Match[str], days: int, year: int) -> DateEdit | None:
    groups = {key: value for key, value in match.groupdict().items() if value is not None}
    found = _parts(groups, year)
    moved = _moved(found, days) if found else None
    if found is None or moved is None:
        return None
    # "5月20-28日": the second day moves as many days
    until = next((groups[name] for name in ("r", "br", "nr") if name in groups), None)
    last = _moved((found[0], found[1], int(until)), days) if until else None
    start = match.start("sm") if "sm" in groups else match.start()
    return DateEdit(start, match.end(), render(groups, moved, last))


def _moved(parts: tuple[int, int, int], days: int) -> date | None:
    """A day that the month does not have counts as its last: 2月30日 still tells a day."""
    year, month, day = parts
    if not (1 <= month <= 12 and 1 <= day <= 31 and _EARLIEST <= year <= _LATEST):
        return None
    return date(year, month, min(day, monthrange(year, month)[1])) + timedelta(days=days)


def _parts(groups: dict[str, str], year: int) -> tuple[int, int, int] | None:
    """Year, month, day; a month alone stands for its middle."""
    if "p" in groups:
        text = groups["p"]
        return int(text[:4]), int(text[4:6]), int(text[6:8])
    if "um" in groups:
        return _slashed(groups, year)
    if "hm" in groups:
        written = chinese_number(groups["hy"]) if "hy" in groups else year
        day = chinese_number(groups["hd"]) if "hd" in groups else 15
        return _century(written, year), chinese_number(groups["hm"]), day
    if "jm" in groups:
        return chinese_number(groups["jy"]), chinese_number(groups["jm"]), 15
    for y, m, d in _COLUMNS:
        if m in groups:
            written = _century(int(groups.get(y, year)), year)
            month = int(groups[m]) if groups[m].isdigit() else month_number(groups[m])
            return written, month, int(groups.get(d) or groups.get("cx") or 15)
    return None


def _century(written: int, year: int) -> int:
    """A year of two digits is of this century unless that lies years ahead of the note."""
    if written >= 100:
        return written
    return 1900 + written if 2000 + written > year + 5 else 2000 + written


def _slashed(groups: dict[str, str], year: int) -> tuple[int, int, int]:
    """Month first, unless the first number cannot be a month."""
    first, second = int(groups["um"]), int(groups["ud"])
    full = _century(int(groups["uy"]), year)
    return (full, second, first) if first > 12 else (full, first, second)
