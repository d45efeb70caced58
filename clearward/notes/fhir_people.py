"""FHIR HumanName, ContactPoint, Address and contact lists as plain rows of identifiers: a person
has several names, phones and homes, and relatives have theirs. What forms a value takes in text
belongs to `identifiers`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

LISTS = ("names", "telecoms", "addresses", "contacts")
_SYSTEMS = {"phone": "phone", "fax": "phone", "sms": "phone", "pager": "phone"}


def plain_rows(row: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """A person's row without its FHIR lists, then a row for every element of them.

    Args:
        row: column → value; of `LISTS`, JSON as the resource has it. Anything else than a list of
            objects is passed over: what it held is looked for by the plain columns.
    """
    yield {name: value for name, value in row.items() if name not in LISTS}
    sex = {"sex": row["sex"]} if row.get("sex") else {}
    for name in _objects(row.get("names")):
        yield {**_name(name), **sex}
    yield from _reached(row.get("telecoms"), row.get("addresses"))
    for contact in _objects(row.get("contacts")):
        names, telecoms = (contact.get(key) for key in ("name", "telecom"))
        for name in _objects([names] if isinstance(names, dict) else names):
            yield _name(name)
        yield from _reached(telecoms, [contact.get("address")])


def _reached(telecoms: Any, addresses: Any) -> Iterator[dict[str, str]]:
    for point in _objects(telecoms):
        column = _SYSTEMS.get(str(point.get("system", "phone")), "email")
        yield _texts({column: point.get("value")})
    for address in _objects(addresses):
        places = {"city": address.get("city"), "county": address.get("district")}
        for line in _strings(address.get("line")) or [""]:
            yield _texts({"address": line, "zip": address.get("postalCode"), **places})


def _name(name: Mapping[str, Any]) -> dict[str, str]:
    given = _strings(name.get("given"))
    if not given and not name.get("family"):
        return _texts({"name": name.get("text")})
    column = "maiden_name" if name.get("use") == "maiden" else "last_name"
    parts = {"first_name": given[0] if given else "", "middle_name": " ".join(given[1:])}
    return _texts({column: name.get("family"), **parts})


def _strings(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _texts(row: Mapping[str, Any]) -> dict[str, str]:
    return {name: value for name, value in row.items() if isinstance(value, str) and value}


def _objects(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return []
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
