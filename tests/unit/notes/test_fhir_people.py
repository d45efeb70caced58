"""A patient of a FHIR export is looked for under every name, phone and home, relatives too."""

from __future__ import annotations

import json

import pytest

from clearward.notes.fhir_people import plain_rows
from clearward.notes.identifiers import identifiers_of

ROW = {
    "patient_id": "p1",
    "last_name": "Ashdown",
    "sex": "female",
    "names": json.dumps(
        [
            {"use": "official", "family": "Ashdown", "given": ["Perdita", "Jo", "Rae"]},
            {"use": "maiden", "family": "Quillfeather"},
            {"use": "nickname", "given": ["Perdy"]},
            {"text": "欧阳晓月"},
        ]
    ),
    "telecoms": json.dumps(
        [
            {"system": "phone", "value": "555-210-4433"},
            {"system": "email", "value": "perdita@example.org"},
        ]
    ),
    "addresses": json.dumps(
        [
            {
                "line": ["12 Elm St", "Apt 4"],
                "city": "Ware",
                "district": "Hampshire",
                "postalCode": "01082",
            }
        ]
    ),
    "contacts": json.dumps(
        [
            {
                "name": {"family": "Ashdown", "given": ["Orlando"]},
                "telecom": [{"value": "555-900-1212"}],
                "address": {"city": "Holyoke"},
            }
        ]
    ),
}


def values(column: str) -> set[str]:
    return {row[column] for row in plain_rows(ROW) if column in row}


def test_every_name_phone_and_place_of_the_lists_is_a_row():
    assert values("first_name") == {"Perdita", "Perdy", "Orlando"}
    assert values("middle_name") == {"Jo Rae"}
    assert values("last_name") == {"Ashdown"}
    assert values("maiden_name") == {"Quillfeather"}
    assert values("name") == {"欧阳晓月"}
    assert values("phone") == {"555-210-4433", "555-900-1212"}
    assert values("email") == {"perdita@example.org"}
    assert values("address") == {"12 Elm St", "Apt 4"}
    assert values("city") == {"Ware", "Holyoke"}
    assert values("zip") == {"01082"}


def test_the_plain_columns_stay_as_they_are():
    first = next(plain_rows(ROW))
    assert first == {"patient_id": "p1", "last_name": "Ashdown", "sex": "female"}


def test_a_relatives_name_does_not_take_the_patients_sex():
    rows = [row for row in plain_rows(ROW) if row.get("first_name") == "Orlando"]
    assert [row.get("sex") for row in rows] == [None]


@pytest.mark.parametrize("junk", ["", "{", "null", "3", '"x"', '[1, null, "x"]', '[{"given": 3}]'])
def test_what_is_no_list_of_objects_is_passed_over(junk):
    rows = list(plain_rows({"patient_id": "p", **dict.fromkeys(("names", "contacts"), junk)}))
    assert rows[0] == {"patient_id": "p"}
    assert not any(rows[1:])


def test_every_one_of_them_is_looked_for_in_notes():
    known = {(item.kind, item.text) for item in identifiers_of(ROW)}
    texts = {text for _, text in known}
    assert {"quillfeather", "perditaashdown"} <= texts
    assert ("phone", "5559001212") in known
    assert any("orlandoashdown" in text for text in texts)
