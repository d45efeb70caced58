from __future__ import annotations

import pytest

from clearward.notes.laterality import assign
from clearward.notes.reader import read_note


@pytest.mark.parametrize(
    ("stream", "labels"),
    [
        (["OD", None, "OS", None], ["OD", "OS"]),
        ([None, "OD", None, "OS"], ["OD", "OS"]),
        (["OD", "OS", None, None], ["OD", "OS"]),
        ([None, None, "OD", "OS"], ["OD", "OS"]),
        (["OD", "OS", None, None, None, None], ["OD", "OS", "OD", "OS"]),
        (["OD", None, None, "OS", None], ["OD", "OD", "OS"]),
        (["OU", None], ["OU"]),
        ([None, None], ["", ""]),
    ],
)
def test_the_whole_clause_decides_the_side(stream: list, labels: list) -> None:
    assert [label for label, _ in assign(stream)] == labels


def test_a_bare_pair_is_right_then_left_and_less_sure() -> None:
    assert assign([None, None], paired=True) == [("OD", 0.7), ("OS", 0.7)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("IOP 16 in the right eye and 18 in the left", [(16, "OD"), (18, "OS")]),
        ("IOP R 16 L 18", [(16, "OD"), (18, "OS")]),
        ("IOP: OD 16 OS 18", [(16, "OD"), (18, "OS")]),
        ("IOP was 14 OU", [(14, "OU")]),
        ("眼压：左眼21mmHg，右眼18mmHg", [(21, "OS"), (18, "OD")]),
        ("左眼眼压21mmHg", [(21, "OS")]),
        ("IOP 15/17", [(15, "OD"), (17, "OS")]),
        ("pressures: IOP in both eyes 15 mmHg", [(15, "OU")]),
        ("TOD 16mmHg，TOS 18mmHg", [(16, "OD"), (18, "OS")]),
    ],
)
def test_pressures_find_their_eye(text: str, expected: list) -> None:
    found = [(f.value_num, f.laterality) for f in read_note(text)]
    assert found == expected
