"""Clock times and spans of time as notes write them. A date is nobody's finding: only the time of
day leaves, as ISO 8601 basic time ("T0830").
"""

from __future__ import annotations

import re

from clearward.notes.numerals import number

_CLOCK = re.compile(
    r"(?P<h>\d{1,2})\s?(?:[:时点]\s?(?P<m>\d{2})?分?)?\s?(?P<half>[AaPp])?\.?[Mm]?|(?P<four>[0-2]\d[0-5]\d)"
)
_FOUR = re.compile(r"(?<!\d)([0-2]\d)([0-5]\d)(?!\d)")
_MINUTES = {"min": 1, "mins": 1, "minute": 1, "minutes": 1, "分钟": 1, "分": 1, "h": 60, "hr": 60,
            "hrs": 60, "hour": 60, "hours": 60, "小时": 60, "d": 1440, "day": 1440, "days": 1440,
            "天": 1440, "日": 1440, "周": 10080, "week": 10080, "weeks": 10080}  # fmt: skip


def clock(text: str) -> str:
    """``T0830`` of "8:30 am", "0830", "8时30分"; empty when the text holds no time of day."""
    plain = text.strip().lstrip("@at ").strip()
    four = _FOUR.fullmatch(re.split(r"[\sh]", plain)[0]) if plain else None
    if four:
        return f"T{four[1]}{four[2]}" if int(four[1]) < 24 else ""
    match = _CLOCK.match(plain)
    if match is None or match["h"] is None:
        return ""
    hour, minute = int(match["h"]), match["m"] or "00"
    half = (match["half"] or "").lower()
    hour = hour % 12 + 12 if half == "p" else hour % 12 if half == "a" else hour
    return f"T{hour:02d}{minute}" if hour < 24 and int(minute) < 60 else ""


def minutes(count: str, unit: str) -> float:
    """A span in minutes: `count` of `unit` ("2", "hours"; "半", "小时").

    Raises:
        ValueError: the count is no number.
    """
    return number(count) * _MINUTES[unit.lower()]
