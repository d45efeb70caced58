"""How dates are written, English and Chinese, and how a moved one is written back the same way.
Whether a match is a date and where it moves to belongs to `textdates`.
"""

from __future__ import annotations

import re
from datetime import date

MONTH_NAMES = ("January", "February", "March", "April", "May", "June", "July", "August",
               "September", "October", "November", "December")  # fmt: skip
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_NAMES = "|".join(f"{m}|{m[:3]}" for m in MONTH_NAMES) + "|Sept"
_NAMES = f"{_NAMES}|{_NAMES.upper()}"
_DAYS = "|".join(f"{d}|{d[:3]}" for d in _WEEKDAYS)
_HAN = "〇零○一二三四五六七八九十廿卅"
_YEAR = r"(?:18|19|20)\d{2}"
# at the start of a run of digits, which is where every one of them begins
NUMERIC = re.compile(
    rf"(?<![\d./-])(?P<y>{_YEAR})(?P<s>[-/.])(?P<m>\d{{1,2}})(?P=s)(?P<d>\d{{1,2}})(?![\d./-]\d|\d)"
    rf"|(?<!\d)(?P<cy>(?:{_YEAR}|\d{{2}}(?=年\d{{1,2}}月\d{{1,2}}[日号])))\s?年\s?(?P<cm>\d{{1,2}})\s?月(?!余|[个前后内])"
    r"(?:份)?(?:\s?(?P<cd>\d{1,2})(?:[日号]?\s?[-~至到]\s?(?P<r>\d{1,2}))?\s?[日号]|\s?(?P<cx>\d{1,2})(?![\d.]))?"
    r"|(?<![\d年])(?P<bm>\d{1,2})月(?P<bd>\d{1,2})(?:[日号]?\s?[-~至到]\s?(?P<br>\d{1,2}))?(?P<bz>[日号]|(?=[\s,;)]|$))"
    rf"|(?<![\d./-])(?P<um>\d{{1,2}})(?P<us>[-/.])(?P<ud>\d{{1,2}})(?P=us)(?P<uy>{_YEAR}|\d{{2}})(?![\d/-]|\.\d)"
    rf"|(?<![\d/])(?P<ed>\d{{1,2}})(?P<eth>st|nd|rd|th)?(?P<es>\s+(?:of\s+)?|-|)(?P<em>{_NAMES})(?P<ez>\.?(?:,?\s+|-|(?=\d)))?(?:(?P<ey>{_YEAR}))?(?![A-Za-z\d])"
    rf"|(?<![\d.])(?P<p>{_YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))(?P<pt>(?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d)?)?(?!\d|\.\d)"
    rf"|(?<![\d./-])(?P<ty>{_YEAR})(?P<ts>[-/.])(?P<tm>0[1-9]|1[0-2]|(?<![.])[1-9](?=[^\d.]|$)|[1-9](?=[\u4e00-\u9fff]))(?![\d./-]\d|\d|\s?[A-Za-zμ%])"
    rf"|(?<![\d./-])(?P<qm>0[1-9]|1[0-2])(?P<qs>/)(?P<qy>{_YEAR})(?![\d/-])"
    r"|(?<![\d./-])(?P<sm>\d{1,2})/(?P<sd>\d{1,2})(?!\d|[/%]|\.\d)"
)
NAMED = re.compile(
    rf"(?<![A-Za-z])(?:(?P<w>{_DAYS})(?P<ws>,?\s+))?(?P<nm>{_NAMES})(?P<nx>\.?\s+|-)(?P<nd>\d{{1,2}})(?P<nth>st|nd|rd|th)?"
    rf"(?:\s?(?:-|to)\s?(?P<nr>\d{{1,2}})(?!\d))?(?:(?P<nz>,?\s+|-)(?P<ny>{_YEAR}))?(?![\d/])"
    rf"|(?<![A-Za-z])(?P<om>{_NAMES})(?P<oz>\.?,?\s+(?:of\s+)?|-)(?P<oy>{_YEAR})(?!\d)"
)
CHINESE_DATE = re.compile(
    rf"(?:(?P<hy>[{_HAN}]{{4}})年)?(?P<hm>[{_HAN}]{{1,3}})月(?!余|[个前后内])(?:(?P<hd>[{_HAN}]{{1,3}})[日号])"
    rf"|(?P<jy>[{_HAN}]{{4}})年(?P<jm>[{_HAN}]{{1,3}})月(?![{_HAN}]{{1,3}}[日号]|余)"
)
_DIGITS = {c: n for n, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "○": 0}
_NUMBERS = ("m", "d", "cm", "cd", "cx", "bm", "bd", "um", "ud", "sm", "sd", "tm", "qm")


def month_number(name: str) -> int:
    """1 to 12 of a month's English name or its first letters."""
    return next(
        i for i, full in enumerate(MONTH_NAMES, 1) if full.lower().startswith(name[:3].lower())
    )


def chinese_number(text: str) -> int:
    """二〇二四, 十二, 二十八, 廿三 as a number."""
    text = text.replace("廿", "二十").replace("卅", "三十")
    if "十" not in text:
        return int("".join(str(_DIGITS[c]) for c in text))
    tens, _, ones = text.partition("十")
    return (_DIGITS[tens] if tens else 1) * 10 + (_DIGITS[ones] if ones else 0)


def _in_chinese(number: int) -> str:
    tens, ones = divmod(number, 10)
    text = ("" if tens == 1 else "零一二三"[tens]) + "十" if tens else ""
    return text + ("一二三四五六七八九"[ones - 1] if ones else "")


def render(groups: dict[str, str], moved: date, last: date | None) -> str:
    """A moved date in the form of the groups that matched; `last` ends a range of days."""
    if "hm" in groups:
        year = f"{_han_year(groups['hy'], moved)}年" if "hy" in groups else ""
        return f"{year}{_in_chinese(moved.month)}月{_in_chinese(moved.day)}日"
    if "jm" in groups:
        return f"{_han_year(groups['jy'], moved)}年{_in_chinese(moved.month)}月"
    for name, write in _WRITERS:
        if name in groups:
            return write(groups, moved, last)
    return _named(groups, moved, last)


def _han_year(old: str, moved: date) -> str:
    zero = next((c for c in old if c in "〇零○"), "〇")
    return "".join((zero + "一二三四五六七八九")[int(c)] for c in str(moved.year))


def _compact(groups: dict[str, str], moved: date, _last: date | None) -> str:
    return moved.strftime("%Y%m%d") + groups.get("pt", "")


def _iso(groups: dict[str, str], moved: date, _last: date | None) -> str:
    return groups["s"].join([str(moved.year), *_padded(groups, moved)])


def _chinese(groups: dict[str, str], moved: date, last: date | None) -> str:
    month, day = _padded(groups, moved)
    year = f"{moved.year:04d}"[-len(groups["cy"]) :] + "年" if "cy" in groups else ""
    if "cx" in groups:
        return f"{year}{month}月{day}"
    if not ("cd" in groups or "bd" in groups):
        return f"{year}{month}月"
    if groups.get("bz") == "":
        return f"{month}月{day}"
    until = (
        ""
        if last is None
        else f"-{last.day}日"
        if last.month == moved.month
        else f"日-{last.month}月{last.day}日"
    )
    return f"{year}{month}月{day}" + (until or "日")


def _slashed(groups: dict[str, str], moved: date, _last: date | None) -> str:
    month, day = _padded(groups, moved)
    parts = [day, month] if int(groups["um"]) > 12 else [month, day]
    return groups["us"].join([*parts, f"{moved.year:04d}"[-len(groups["uy"]) :]])


def _month_of_year(groups: dict[str, str], moved: date, _last: date | None) -> str:
    month = _padded(groups, moved)[0]
    if "ty" in groups:
        return f"{moved.year}{groups['ts']}{month}"
    return f"{month}/{moved.year}"


def _short(groups: dict[str, str], moved: date, _last: date | None) -> str:
    return "/".join(_padded(groups, moved))


_WRITERS = (
    ("p", _compact), ("y", _iso), ("cm", _chinese), ("bm", _chinese), ("um", _slashed),
    ("ty", _month_of_year), ("qy", _month_of_year), ("sm", _short),
)  # fmt: skip


def _named(groups: dict[str, str], moved: date, last: date | None) -> str:
    name = groups.get("nm") or groups.get("em") or groups["om"]
    month = MONTH_NAMES[moved.month - 1]
    month = month if len(name) > 4 or name.title() == "May" else month[:3]
    month = month.upper() if name.isupper() else month
    if "om" in groups:
        return f"{month}{groups['oz']}{moved.year}"
    if "em" in groups:
        day = _ordinal(moved.day, groups.get("eth"))
        day = f"{moved.day:02d}" if groups["ed"].startswith("0") else day
        year = f"{moved.year}" if "ey" in groups else ""
        return f"{day}{groups['es']}{month}{groups.get('ez', '')}{year}"
    weekday = _weekday(groups["w"], moved) + groups["ws"] if "w" in groups else ""
    day = _ordinal(moved.day, groups.get("nth"))
    day = f"{moved.day:02d}" if groups["nd"].startswith("0") else day
    until = (
        ""
        if last is None
        else f"-{last.day}"
        if last.month == moved.month
        else f" to {MONTH_NAMES[last.month - 1][:3]} {last.day}"
    )
    year = f"{groups['nz']}{moved.year}" if "ny" in groups else ""
    return f"{weekday}{month}{groups['nx']}{day}{until}{year}"


def _weekday(old: str, moved: date) -> str:
    full = _WEEKDAYS[moved.weekday()]
    return full if old in _WEEKDAYS else full[:3]


def _ordinal(day: int, suffix: str | None) -> str:
    if suffix is None:
        return str(day)
    special = {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{'th' if 10 < day < 14 else special}"


def _padded(groups: dict[str, str], moved: date) -> tuple[str, str]:
    """Month and day with a leading zero where the original shows that it writes one."""
    parts = [groups[name] for name in _NUMBERS if name in groups]
    chinese = "cm" in groups or "bm" in groups
    zero = any(p.startswith("0") for p in parts) or (
        not chinese and all(len(p) == 2 for p in parts)
    )
    width = 2 if zero else 1
    return f"{moved.month:0{width}d}", f"{moved.day:0{width}d}"
