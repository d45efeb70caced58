"""Stand-ins for numbers, addresses and organisations: the same shape, other content, the same for
the same value of one patient. None can belong to anybody where a standard reserves values for that
(SSN 9xx, 555-01xx, example.org); a citizen number keeps a wrong check digit.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Protocol

from clearward.notes.document import fold
from clearward.notes.squeeze import squeeze_value

TRIES = 16
LONGEST = 500  # no identifier is; to draw for each character of a longer one costs its square
_TELLING = 4
_FULL_WIDTH, _STEP = (0xFF01, 0xFF5E), 0xFEE0
POOLED_AGE = "90+"
_CJK_RUN = re.compile(r"[\u3400-\u9fff]+")
_UNIT = re.compile(
    r"省|自治区|特别行政区|自治州|地区|市|新区|区|县|旗|街道|大道|大街|镇|乡|村|路|街|巷|弄|里|小区|花园|新村|"
    r"公寓|家园|社区|苑|^[号栋幢座楼层室户]|(?<=号)[院楼]|单元|第[一二三四五六七八九十]+|人民(?=医院)|中心(?=医院)|附属|中医|妇幼|大学|"
    r"医院|卫生院|社区卫生服务中心|诊所|保健院|院区|公司|学校|中学|小学|厂|集团|有限|[一二三四五六七八九十]"
)
_WORD = re.compile(r"[A-Za-z][A-Za-z'.&-]*|\d+|[\u3400-\u9fff]+")
_STATE = re.compile(r"[A-Z]{2}")


_KIND_OF_UNIT = {
    **dict.fromkeys(("路", "街", "巷", "弄", "大道", "大街", "里"), "street_zh"),
    **dict.fromkeys(("省", "市", "区", "县", "州", "旗", "镇", "乡"), "town_zh"),
}


class Draw(Protocol):
    """Bytes that depend on the words given, and on key and patient."""

    def __call__(self, *what: str) -> bytes:
        """The same words, the same bytes."""
        ...


@cache
def _lists() -> dict[str, list[str]]:
    path = Path(__file__).with_name("surrogates.toml")
    lists = tomllib.loads(path.read_text(encoding="utf-8"))["address"]
    return {k: v.split() if isinstance(v, str) else list(v) for k, v in lists.items()}


def stand_in(kind: str, text: str, *, draw: Draw, is_taken: Callable[[str], bool]) -> str:
    """What stands for a phone, id, address or organisation; an age is pooled.

    Args:
        kind: of the span.
        text: what stood there.
        draw: bytes of key and patient.
        is_taken: whether a text holds an identifier of the hospital.
    """
    if kind == "age":
        return POOLED_AGE
    make = _MAKERS.get(kind)
    if make is None:
        return f"[{kind.upper()}]"
    value = squeeze_value(text)
    if len(value) > LONGEST:
        return f"[{kind.upper()}]"
    for attempt in range(TRIES):
        new = make(text, _Bytes(draw, kind, value, attempt))
        short = len(value) < _TELLING
        if squeeze_value(new) != value and (short or not is_taken(new)):
            return widened(new, text)
    return f"[{kind.upper()}]"


def widened(new: str, old: str) -> str:
    """Full-width where the original was; a text of another length stays as it is."""
    if old.isascii() or len(new) != len(old):
        return new
    wide = (_FULL_WIDTH[0] <= ord(c) <= _FULL_WIDTH[1] for c in old)
    return "".join(
        chr(ord(c) + _STEP) if w and "!" <= c <= "~" else c for c, w in zip(new, wide, strict=True)
    )


class _Bytes:
    """As many drawn numbers as one stand-in needs."""

    def __init__(self, draw: Draw, kind: str, value: str, attempt: int) -> None:
        self._draw, self._what = draw, (kind, value, str(attempt))
        self._block, self._left = 0, b""

    def below(self, limit: int) -> int:
        """A drawn number from 0 to limit - 1."""
        if len(self._left) < 2:
            self._left = self._draw(*self._what, str(self._block))
            self._block += 1
        number = int.from_bytes(self._left[:2], "big")
        self._left = self._left[2:]
        return number % limit

    def one_of(self, words: list[str]) -> str:
        """One of some words."""
        return words[self.below(len(words))]

    def word(self, key: str) -> str:
        """One of a list of `surrogates.toml`."""
        return self.one_of(_lists()[key])


def _digits(text: str, drawn: _Bytes) -> str:
    """Digits for digits, letters for letters; what stands between stays."""
    made = []
    for character in fold(text):
        if character.isdigit():
            made.append(str(drawn.below(10)))
        elif character.isascii() and character.isalpha():
            letter = chr(ord("a") + drawn.below(26))
            made.append(letter.upper() if character.isupper() else letter)
        else:
            made.append(character)
    return "".join(made)


def _put(text: str, head: str) -> str:
    """A text with its first digits replaced."""
    left = iter(head)
    return re.sub(r"\d", lambda m: next(left, m[0]), text)


def _phone(text: str, drawn: _Bytes) -> str:
    new = _digits(text, drawn)
    digits = re.sub(r"\D", "", fold(text))
    prefix = next((p for p in ("0086", "86") if digits.startswith(p) and len(digits) > 11), "")
    if (
        len(digits) - len(prefix) == 11
        and digits[len(prefix)] == "1"
        and digits[len(prefix) + 1] in "3456789"
    ):
        return _put(new, prefix + drawn.one_of(["154", "160", "161", "163", "164", "168", "169"]))
    if len(digits) == 10 and digits[0] != "0":
        return _put(new, f"{new_area(drawn)}55501")
    if len(digits) == 7:
        return _put(new, "55501")
    return _put(new, "0") if digits.startswith("0") else new


def new_area(drawn: _Bytes) -> str:
    """A three-digit area code that does not open with 0 or 1."""
    return f"{2 + drawn.below(8)}{drawn.below(10)}{drawn.below(10)}"


def _id(text: str, drawn: _Bytes) -> str:
    if "@" in text:
        return _email(text, drawn)
    new = _digits(text, drawn)
    plain = re.sub(r"[^0-9Xx]", "", fold(text))
    if re.fullmatch(r"\d{17}[\dXx]", plain) and plain[6:8] in {"18", "19", "20"}:
        return _citizen_number(new, drawn)
    if re.fullmatch(r"\s*\d{3}[- ]\d{2}[- ]\d{4}\s*", fold(text)):
        return _put(new, "9")
    if re.match(r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼]", new):
        return drawn.one_of(list("京沪苏浙鲁粤川鄂")) + new[1:]
    return new


def _citizen_number(new: str, drawn: _Bytes) -> str:
    """Plausible to a reader, refused by the check digit of GB 11643."""
    born = f"{1940 + drawn.below(60)}{1 + drawn.below(12):02d}{1 + drawn.below(28):02d}"
    county = drawn.one_of(["110101", "310104", "420102", "440103", "510104"])
    body = f"{county}{born}{drawn.below(1000):03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    right = "10X98765432"[sum(int(c) * w for c, w in zip(body, weights, strict=True)) % 11]
    wrong = str((int(right) + 1 + drawn.below(8)) % 10) if right.isdigit() else "3"
    left = iter(body + wrong)
    return re.sub(r"\d|(?<=\d)[A-Za-z]$", lambda m: next(left, m[0]), new)


def _email(text: str, drawn: _Bytes) -> str:
    local = "".join(chr(ord("a") + drawn.below(26)) for _ in range(3 + drawn.below(6)))
    return f"{local}{drawn.below(100)}@example.org"


def _url(text: str, drawn: _Bytes) -> str:
    scheme = "https://" if "://" in text else ""
    return f"{scheme}www.example.org/{drawn.below(65536):x}"


def _place(text: str, drawn: _Bytes, *, names: tuple[str, str]) -> str:
    """Words that say what kind of place it is stay, names and numbers change."""
    keep = set(_lists()["keep"])

    def one(match: re.Match[str]) -> str:
        word = match[0]
        if word.isdigit():
            return _number(word, drawn)
        if _CJK_RUN.match(word):
            return _chinese_place(word, drawn, names[1])
        if word.lower().strip(".") in keep or _STATE.fullmatch(word):
            return word
        new = drawn.word(names[0])
        return new.upper() if word.isupper() else new if word[0].isupper() else new.lower()

    return _WORD.sub(one, fold(text))


def _number(text: str, drawn: _Bytes) -> str:
    first = str(1 + drawn.below(9))
    return first + "".join(str(drawn.below(10)) for _ in text[1:])


def _chinese_place(text: str, drawn: _Bytes, names: str) -> str:
    made, position = [], 0
    for unit in _UNIT.finditer(text):
        if unit.start() > position:
            made.append(drawn.word(_KIND_OF_UNIT.get(unit[0], names)))
        made.append(unit[0])
        position = unit.end()
    if position < len(text):
        made.append(drawn.word(names))
    return "".join(made)


def _address(text: str, drawn: _Bytes) -> str:
    names = "street" if re.match(r"\s*\d", fold(text)) else "town"
    return _place(text, drawn, names=(names, "town_zh"))


def _organisation(text: str, drawn: _Bytes) -> str:
    return _place(text, drawn, names=("organisation", "organisation_zh"))


_MAKERS: dict[str, Callable[[str, _Bytes], str]] = {
    "phone": _phone, "id": _id, "email": _email, "url": _url, "address": _address,
    "organisation": _organisation, "other": _organisation,
}  # fmt: skip
