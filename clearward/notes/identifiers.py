"""What a hospital already knows of its people, in every form a note may write it. Add a column's
role to `ROLES`; forms of names are in `names`, of places in `addresses`, of numbers here; general
patterns belong to `phi`.

A column that is dropped at the one-way door and has no role here is still looked for, whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from clearward.notes.addresses import address_forms, place_forms, zip_forms
from clearward.notes.document import fold
from clearward.notes.fhir_people import plain_rows
from clearward.notes.forms import Identifier, Part
from clearward.notes.names import name_forms, part_forms
from clearward.notes.squeeze import squeeze_value
from clearward.notes.words import is_no_employer

__all__ = ["ROLES", "Identifier", "Part", "audited", "identifiers_of", "sex_of"]

ROLES: Mapping[str, str] = {
    "first_name": "first", "middle_name": "middle", "last_name": "last", "maiden_name": "maiden",
    "name": "name", "contact_name": "name", "doctor_name": "name", "surgeon_name": "name",
    "phone": "phone", "contact_phone": "phone", "national_id": "id", "health_card": "id",
    "driver_licence": "id", "passport": "id", "identifiers": "ids", "address": "address",
    "city": "place", "county": "place", "birth_place": "place", "zip": "zip",
    "employer": "organisation", "organisation_name": "organisation", "department": "ignore",
    "patient_id": "id", "email": "id", "sex": "ignore",
}  # fmt: skip
_LEAST = {"phone": 7, "id": 4, "audited": 6, "slips": 8}
_SEXES = {"f": "f", "female": "f", "女": "f", "女性": "f", "2": "f",
          "m": "m", "male": "m", "男": "m", "男性": "m", "1": "m"}  # fmt: skip


def identifiers_of(row: Mapping[str, str], *, staff: bool = False) -> list[Identifier]:
    """Every form of one person's or organisation's identifiers.

    Args:
        row: column name → value of the columns that never leave, and ``sex``; empty values are
            skipped.
        staff: staff and organisations: whole names only, never a lone first name.
    """
    filled = {key: value.strip() for key, value in row.items() if value and value.strip()}
    found = (item for plain in plain_rows(filled) for item in _forms(plain, staff))
    return [item for item in dict.fromkeys(found) if len(item.text) >= 2]


def _forms(row: Mapping[str, str], staff: bool) -> Iterator[Identifier]:
    yield from _person(row, staff)
    sex = sex_of(row)
    for column, value in row.items():
        role = ROLES.get(column, "other")
        if role == "name":
            own = sex if column == "name" else ""
            yield from name_forms(value, staff=staff, sex=own)
        else:
            yield from _FORMS.get(role, _nothing)(value, staff=staff)


def sex_of(row: Mapping[str, str]) -> str:
    """``f``, ``m`` or empty, of a person's row."""
    return _SEXES.get(row.get("sex", "").strip().lower(), "")


def _nothing(_value: str, *, staff: bool) -> Iterator[Identifier]:
    return iter(())


def _person(row: Mapping[str, str], staff: bool) -> Iterator[Identifier]:
    """Forms of a name that comes in parts."""
    parts = {ROLES.get(column, ""): value for column, value in row.items()}
    surnames = tuple(filter(None, (parts.get("last", ""), parts.get("maiden", ""))))
    first, middle = parts.get("first", ""), parts.get("middle", "")
    if surnames or first:
        yield from part_forms(first, middle, surnames, staff=staff, sex=sex_of(row))


def _phone(value: str, *, staff: bool) -> Iterator[Identifier]:
    """A column may hold more than one number."""
    for number in re.split(r"(?i)\bor\b|[;,/、]|ext", fold(value)):
        digits = re.sub(r"\D", "", number)
        if len(digits) < _LEAST["phone"]:
            continue
        for text in _without_prefix(digits):
            yield Identifier("phone", text, audited=True, slips=not staff)
        if len(digits) == 10 and not staff:  # an area code is left out among neighbours
            yield Identifier("phone", digits[3:])


def _without_prefix(digits: str) -> Iterator[str]:
    yield digits
    for prefix in ("0086", "86", "1", "001", "44"):
        if digits.startswith(prefix) and len(digits) - len(prefix) >= 10:
            yield digits[len(prefix) :]


def _id(value: str, *, staff: bool) -> Iterator[Identifier]:
    text = squeeze_value(value)
    if len(text) >= _LEAST["id"] and (any(c.isdigit() for c in text) or "@" in value):
        slips = not staff and len(text) >= _LEAST["slips"]
        yield Identifier("id", text, audited=len(text) >= _LEAST["audited"], slips=slips)


def _ids(value: str, *, staff: bool) -> Iterator[Identifier]:
    """FHIR identifiers come as JSON; only their values are identifiers."""
    for text in re.findall(r'"value"\s*:\s*"([^"]+)"', value):
        yield from _id(text, staff=staff)


def _organisation(value: str, *, staff: bool) -> Iterator[Identifier]:
    text = squeeze_value(value)
    if len(text) >= 4 and not is_no_employer(value):
        yield Identifier("organisation", text, cased=True)


_FORMS: Mapping[str, Callable[..., Iterator[Identifier]]] = {
    "phone": _phone, "id": _id, "ids": _ids, "address": address_forms, "place": place_forms,
    "zip": zip_forms, "organisation": _organisation, "other": _organisation,
}  # fmt: skip


def audited(items: Iterable[Identifier]) -> list[Identifier]:
    """The forms whose presence in any scrubbed note is a leak."""
    return [item._replace(parts=(), slips=False) for item in items if item.audited]
