"""What a hospital already knows of its people, in every form a note may write it. Add a column's
role to `ROLES` and a form to the function of that role; general patterns belong to `phi`.

A column that is dropped at the one-way door and has no role here is still looked for, whole.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from clearward.notes.document import fold
from clearward.notes.squeeze import squeeze_value

ROLES: Mapping[str, str] = {
    "first_name": "first", "middle_name": "middle", "last_name": "last", "maiden_name": "maiden",
    "name": "name", "contact_name": "name", "doctor_name": "name", "surgeon_name": "name",
    "phone": "phone", "contact_phone": "phone", "national_id": "id", "health_card": "id",
    "driver_licence": "id", "passport": "id", "identifiers": "ids", "address": "address",
    "city": "place", "county": "place", "birth_place": "place", "zip": "zip",
    "employer": "organisation", "organisation_name": "organisation", "department": "ignore",
    "patient_id": "id",
}  # fmt: skip
COMPOUND = ("欧阳", "上官", "司马", "诸葛", "东方", "皇甫", "尉迟", "公孙", "慕容", "令狐", "司徒",
            "夏侯", "南宫", "端木", "百里", "长孙", "宇文")  # fmt: skip
_TITLES = ("先生", "女士", "某某", "某", "大爷", "大妈", "阿姨", "老师", "小姐", "师傅")
_STAFF_TITLES = ("医生", "医师", "主任", "教授", "大夫", "护士", "护师")
_CJK = re.compile(r"[\u3400-\u9fff·]+")
_CN_PARTS = re.compile(
    r"[^省市区县镇乡村路街道弄号栋幢室院]{1,12}[省市区县镇乡村路街道弄号栋幢室院]+"
)
_HONORIFIC = re.compile(r"(?i)^(?:dr|mr|mrs|ms|miss|prof)\.?\s+|,?\s+(?:md|phd|jr|sr|iii|ii)\.?$")


@cache
def _ordinary() -> frozenset[str]:
    path = Path(__file__).with_name("ordinary_names.toml")
    return frozenset(tomllib.loads(path.read_text(encoding="utf-8"))["words"].split())


class Identifier(NamedTuple):
    """A form of an identifier, squeezed.

    Attributes:
        kind: name, phone, id, address, organisation, other.
        text: squeezed form to look for.
        keep: characters at its end that stay (a title after a surname).
        cased: a lone word that must open with a capital where it stands in the text.
        audited: long enough that finding it in any scrubbed note is a leak.
    """

    kind: str
    text: str
    keep: int = 0
    cased: bool = False
    audited: bool = False


def identifiers_of(row: Mapping[str, str], *, staff: bool = False) -> list[Identifier]:
    """Every form of one person's or organisation's identifiers.

    Args:
        row: column name → value of the columns that never leave; empty values are skipped.
        staff: staff and organisations: whole names only, never a lone first name.
    """
    filled = {key: value.strip() for key, value in row.items() if value and value.strip()}
    found = list(_person(filled, staff))
    for column, value in filled.items():
        found += _FORMS.get(ROLES.get(column, "other"), _nothing)(value, staff)
    return [item for item in dict.fromkeys(found) if len(item.text) >= 2]


def _nothing(_value: str, _staff: bool) -> Iterator[Identifier]:
    return iter(())


def _person(row: Mapping[str, str], staff: bool) -> Iterator[Identifier]:
    """Forms of a name that comes in parts."""
    parts = {ROLES.get(column, ""): value for column, value in row.items()}
    first, last = parts.get("first", ""), parts.get("last", "")
    if _CJK.fullmatch(last + first) and last and first:
        yield from _chinese(last + first, staff)
        return
    for surname in filter(None, (last, parts.get("maiden", ""))):
        yield from _latin(first, parts.get("middle", ""), surname, staff)


def _name(value: str, staff: bool) -> Iterator[Identifier]:
    value = _HONORIFIC.sub("", fold(value)).strip()
    if _CJK.search(value):
        yield from _chinese("".join(_CJK.findall(value)), staff)
        return
    if "," in value:
        last, _, given = value.partition(",")
        value = f"{given.strip()} {last.strip()}"
    tokens = value.split()
    if len(tokens) == 1:
        yield _audited("name", tokens[0], cased=True)
    elif tokens:
        yield from _latin(tokens[0], " ".join(tokens[1:-1]), tokens[-1], staff)


def _chinese(name: str, staff: bool) -> Iterator[Identifier]:
    name = name.replace("·", "")
    if len(name) < 2:
        return
    yield Identifier("name", name, audited=True)
    surname = next((s for s in COMPOUND if name.startswith(s)), name[0])
    for title in _STAFF_TITLES if staff else _TITLES:
        yield Identifier("name", surname + title, keep=len(title))
    given = name[len(surname) :]
    if len(given) >= 2 and not staff:
        yield Identifier("name", given)


def _latin(first: str, middle: str, last: str, staff: bool) -> Iterator[Identifier]:
    """Orders, initials and, for patients, each word alone."""
    f, m, s = squeeze_value(first), squeeze_value(middle), squeeze_value(last)
    for text in filter(None, {f + s, s + f, f + m + s, f + m[:1] + s, s + f + m[:1]}):
        yield Identifier("name", text, audited=bool(f and s) and len(text) >= 4)
    if f and s:
        yield Identifier("name", f[0] + s, cased=True)
        yield Identifier("name", s + f[0], cased=True)
    if not staff:
        for word in filter(None, (f, m, s)):
            yield Identifier("name", word, cased=len(word) < 4 or word in _ordinary())


def _phone(value: str, _staff: bool) -> Iterator[Identifier]:
    digits = re.sub(r"\D", "", fold(value))
    if len(digits) < 7:
        return
    yield Identifier("phone", digits, audited=True)
    for prefix in ("86", "1", "0086"):
        if digits.startswith(prefix) and len(digits) - len(prefix) >= 10:
            yield Identifier("phone", digits[len(prefix) :], audited=True)


def _id(value: str, _staff: bool) -> Iterator[Identifier]:
    text = squeeze_value(value)
    if len(text) >= 4 and any(c.isdigit() for c in text):
        yield Identifier("id", text, audited=len(text) >= 6)


def _ids(value: str, staff: bool) -> Iterator[Identifier]:
    """FHIR identifiers come as JSON; only their values are identifiers."""
    for text in re.findall(r'"value"\s*:\s*"([^"]+)"', value):
        yield from _id(text, staff)


def _address(value: str, _staff: bool) -> Iterator[Identifier]:
    text = squeeze_value(value)
    yield Identifier("address", text)
    if _CJK.search(value):
        parts = [part for part in _CN_PARTS.findall(fold(value)) if len(part) >= 3]
        parts = [part for part in parts if not part[:-1].isdigit()]
        parts += [part for part in [re.split("[省市区县]", fold(value))[-1]] if len(part) >= 4]
        yield from (
            Identifier("address", squeeze_value(part)) for part in parts if "省" not in part
        )
        return
    street = re.match(r"\d+\s+\S+(?:\s+\S+)?", fold(value))
    if street:
        yield Identifier("address", squeeze_value(street.group()))


def _place(value: str, _staff: bool) -> Iterator[Identifier]:
    town = fold(value).split(",")[0].split("  ")[0]
    yield Identifier("address", squeeze_value(town), cased=True)
    yield Identifier("address", squeeze_value(value), cased=True)


def _zip(value: str, _staff: bool) -> Iterator[Identifier]:
    text = squeeze_value(value)
    if len(text) >= 5 and text.strip("0"):
        yield Identifier("address", text)


def _organisation(value: str, _staff: bool) -> Iterator[Identifier]:
    text = squeeze_value(value)
    if len(text) >= 4:
        yield Identifier("organisation", text, cased=True)


def _audited(kind: str, value: str, *, cased: bool) -> Identifier:
    text = squeeze_value(value)
    return Identifier(kind, text, cased=cased, audited=len(text) >= 4)


_FORMS = {
    "name": _name, "phone": _phone, "id": _id, "ids": _ids, "address": _address, "place": _place,
    "zip": _zip, "organisation": _organisation, "other": _organisation,
}  # fmt: skip


def audited(items: Iterable[Identifier]) -> list[Identifier]:
    """The forms whose presence in any scrubbed note is a leak."""
    return [item for item in items if item.audited]
