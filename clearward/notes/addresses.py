"""Every form a known address takes in a note, English and Chinese: whole, its street with number,
its single parts."""

from __future__ import annotations

import re
from collections.abc import Iterator

from clearward.notes.document import fold
from clearward.notes.forms import Identifier
from clearward.notes.squeeze import squeeze_value
from clearward.notes.words import is_word

_CJK = re.compile(r"[\u3400-\u9fff]")
_LEVELS = re.compile(
    r"(?P<region>[\u4e00-\u9fff]{2,7}?(?:省|自治区|特别行政区))?"
    r"(?P<city>[\u4e00-\u9fff]{2,6}?(?:市|自治州|地区|盟))?"
    r"(?P<district>[\u4e00-\u9fff]{1,6}?(?:新区|区|县|旗|市))?"
    r"(?P<rest>.*)",
    re.DOTALL,
)
_PLACES = re.compile(r"[\u4e00-\u9fff]{1,10}?(?:街道|社区|小区|花园|大道|[镇乡村路街巷弄里苑园])")
_NUMBERED = re.compile(r"[\u4e00-\u9fff]{1,10}?(?:大道|[路街巷弄里村])\d+[号弄]")
_STREET = re.compile(r"\d+[A-Za-z]?\s+(?:[^\W\d_][\w'.-]*\s*){1,4}")
_UNIT = re.compile(r"(?i)\s*,?\s*\b(?:apt|apartment|unit|suite|ste|floor|fl|#|rm|room)\b.*$")
_WHOLE, _PART = 8, 3


def address_forms(value: str, *, staff: bool = False) -> Iterator[Identifier]:
    """Forms of a street address. One with a house number is looked for in every note."""
    plain = fold(value)
    text = squeeze_value(value)
    numbered = any(c.isdigit() for c in text)
    yield Identifier("address", text, audited=numbered and len(text) >= _WHOLE)
    if _CJK.search(plain):
        yield from _chinese(plain, staff)
        return
    street = _STREET.match(_UNIT.sub("", plain))
    if street:
        found = squeeze_value(street.group())
        yield Identifier("address", found, audited=len(found) >= _WHOLE)
        words = street.group().split()
        if len(words) > 2 and not staff:
            # "Schumm Parade" without its number, and the number with the first word
            yield Identifier("address", squeeze_value("".join(words[1:])), cased=True)
            yield Identifier("address", squeeze_value("".join(words[:2])))


def _chinese(plain: str, staff: bool) -> Iterator[Identifier]:
    match = _LEVELS.match("".join(plain.split()))
    if match is None:
        return
    region, city, district, rest = (
        match[name] or "" for name in ("region", "city", "district", "rest")
    )
    for text in (city + district + rest, district + rest, rest):
        if rest and len(text) >= 4:
            audited = any(c.isdigit() for c in text) and len(text) >= _WHOLE
            yield Identifier("address", squeeze_value(text), audited=audited)
    for text in _NUMBERED.findall(rest):
        yield Identifier("address", squeeze_value(text))
    if staff:
        return
    for text in (region + city, city + district, city, district, *_PLACES.findall(rest)):
        if len(text) >= _PART:
            yield Identifier("address", squeeze_value(text))
    tail = re.search(r"\d+[号弄].*$", rest)
    if tail and sum(map(str.isdigit, tail.group())) >= _PART:
        yield Identifier("address", squeeze_value(tail.group()))


def place_forms(value: str, *, staff: bool = False) -> Iterator[Identifier]:
    """A town or county; one that is a word needs its context."""
    town = fold(value).split(",")[0].split("  ")[0]
    short = re.sub(r"(?i)\s+county$", "", town)
    for text in dict.fromkeys(map(squeeze_value, (town, value, short))):
        if len(text) >= (2 if _CJK.search(text) else 3):
            yield Identifier("address", text, cased=True, lone=is_word(text))


def zip_forms(value: str, *, staff: bool = False) -> Iterator[Identifier]:
    """A postal code, whole; of a nine-digit one the first five too."""
    text = squeeze_value(value)
    if len(text) >= 5 and text.strip("0"):
        yield Identifier("address", text)
        if len(text) == 9 and text.isdigit() and not staff:
            yield Identifier("address", text[:5])
