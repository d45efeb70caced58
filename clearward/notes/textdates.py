"""Dates inside text, moved by the patient's own days and written back in the form they had.
The number of days belongs to `deidentify.dates`; a year alone is not a date and stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September",
           "October", "November", "December")  # fmt: skip
_NAMES = "|".join(f"{m}|{m[:3]}" for m in _MONTHS) + "|Sept"
# at the start of a run of digits, which is where every one of them begins
_NUMERIC = re.compile(
    r"(?<![\d./-])(?P<y>(?:19|20)\d{2})(?P<s>[-/.])(?P<m>\d{1,2})(?P=s)(?P<d>\d{1,2})(?![\d./-]\d|\d)"
    r"|(?<!\d)(?P<cy>(?:19|20)\d{2})\s?年\s?(?P<cm>\d{1,2})\s?月(?:\s?(?P<cd>\d{1,2})\s?[日号])?"
    r"|(?<![\d年])(?P<bm>\d{1,2})月(?P<bd>\d{1,2})[日号]"
    r"|(?<![\d./-])(?P<um>\d{1,2})(?P<us>[-/])(?P<ud>\d{1,2})(?P=us)(?P<uy>(?:19|20)?\d{2})(?![\d/-])"
    rf"|(?<![\d/])(?P<ed>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<em>{_NAMES})\.?(?:,?\s+(?P<ey>(?:19|20)\d{{2}}))?(?![A-Za-z\d])"
    r"|(?<![\d.])(?P<p>(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))(?!\d|\.\d)"
    r"|(?P<sm>\d{1,2})/(?P<sd>\d{1,2})(?![\d/%])"
)
_NAMED = re.compile(
    rf"(?<![A-Za-z])(?P<nm>{_NAMES})\.?\s+(?P<nd>\d{{1,2}})(?:st|nd|rd|th)?(?:,?\s+(?P<ny>(?:19|20)\d{{2}}))?(?![\d/])"
    rf"|(?<![A-Za-z])(?P<om>{_NAMES})\.?,?\s+(?P<oy>(?:19|20)\d{{2}})(?!\d)"
)
_RUN = re.compile(r"\d+")
# "5/3" alone may be a share, a pressure or an acuity
_ANNOUNCED = re.compile(r"(?i:(?<![a-z])(?:on|since|dated|until|by))\s$")


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
    for run in _RUN.finditer(plain):
        at = run.start()
        match = _NUMERIC.match(plain, at) if at >= end else None
        if match is None or (match["sm"] and not _ANNOUNCED.search(plain, max(0, at - 7), at)):
            continue
        end = match.end()
        yield match
    if any(month[:3] in plain for month in _MONTHS):
        yield from _NAMED.finditer(plain)


def _edit(match: re.Match[str], days: int, year: int) -> DateEdit | None:
    groups = {key: value for key, value in match.groupdict().items() if value is not None}
    found = _parts(groups, year)
    if found is None:
        return None
    try:
        moved = date(*found) + timedelta(days=days)
    except (ValueError, OverflowError):
        return None
    start = match.start("sm") if "sm" in groups else match.start()
    return DateEdit(start, match.end(), _render(groups, moved))


def _parts(groups: dict[str, str], year: int) -> tuple[int, int, int] | None:
    """Year, month, day; a month alone stands for its middle."""
    if "p" in groups:
        text = groups["p"]
        return int(text[:4]), int(text[4:6]), int(text[6:])
    for y, m, d in (("y", "m", "d"), ("cy", "cm", "cd"), ("", "bm", "bd"), ("", "sm", "sd")):
        if m in groups:
            return int(groups.get(y, year)), int(groups[m]), int(groups.get(d, 15))
    if "um" in groups:
        return _slashed(groups, year)
    for y, m, d in (("ny", "nm", "nd"), ("ey", "em", "ed"), ("oy", "om", "")):
        if m in groups:
            return int(groups.get(y, year)), _month(groups[m]), int(groups.get(d, 15))
    return None


def _slashed(groups: dict[str, str], year: int) -> tuple[int, int, int]:
    """Month first, unless the first number cannot be a month."""
    first, second, text = int(groups["um"]), int(groups["ud"]), groups["uy"]
    full = int(text) if len(text) == 4 else 2000 + int(text)
    full -= 100 if len(text) == 2 and full > year + 5 else 0
    return (full, second, first) if first > 12 else (full, first, second)


def _month(name: str) -> int:
    return next(i for i, full in enumerate(_MONTHS, 1) if full.startswith(name[:3]))


def _render(groups: dict[str, str], moved: date) -> str:
    month, day = _padded(groups, moved)
    if "p" in groups:
        return moved.strftime("%Y%m%d")
    if "y" in groups:
        return groups["s"].join([str(moved.year), month, day])
    if "cy" in groups:
        return f"{moved.year}年{month}月" + (f"{day}日" if "cd" in groups else "")
    if "bm" in groups:
        return f"{month}月{day}日"
    if "um" in groups:
        parts = [day, month] if int(groups["um"]) > 12 else [month, day]
        return groups["us"].join([*parts, f"{moved.year:04d}"[-len(groups["uy"]) :]])
    return f"{month}/{day}" if "sm" in groups else _render_named(groups, moved)


def _render_named(groups: dict[str, str], moved: date) -> str:
    name = groups.get("nm") or groups.get("em") or groups["om"]
    month = _MONTHS[moved.month - 1]
    month = month if len(name) > 4 or name == "May" else month[:3]
    if "om" in groups:
        return f"{month} {moved.year}"
    if "em" in groups:
        return f"{moved.day} {month}" + (f" {moved.year}" if "ey" in groups else "")
    return f"{month} {moved.day}" + (f", {moved.year}" if "ny" in groups else "")


def _padded(groups: dict[str, str], moved: date) -> tuple[str, str]:
    """Month and day with a leading zero where the original shows that it writes one."""
    parts = [groups[name] for name in _NUMBERS if name in groups]
    chinese = "cm" in groups or "bm" in groups
    zero = any(p.startswith("0") for p in parts) or (
        not chinese and all(len(p) == 2 for p in parts)
    )
    width = 2 if zero else 1
    return f"{moved.month:0{width}d}", f"{moved.day:0{width}d}"


_NUMBERS = ("m", "d", "cm", "cd", "bm", "bd", "um", "ud", "sm", "sd")
