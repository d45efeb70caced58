"""The overview of a release: what anybody may see before they buy."""

import json
import re

import pytest

from clearward.releases.overview import NAME
from tests.unit.releases import factory

DIAGNOSIS = """SELECT printf('d%05d', i) AS diagnosis_key, printf('p%019d', i) AS patient_key,
    'H01' AS hospital_id, i AS day,
    CASE WHEN i < 40 THEN 'Heart failure' WHEN i < 45 THEN 'Rarity' ELSE '*' END AS label_en,
    CASE WHEN i < 40 THEN '心力衰竭' WHEN i < 45 THEN '罕见' ELSE '*' END AS label_zh
    FROM range(60) t(i)"""
PATIENT = """SELECT printf('p%019d', i) AS patient_key,
    CASE WHEN i < 3 THEN 'H02' ELSE 'H01' END AS hospital_id,
    CASE WHEN i < 4 THEN 'U' WHEN i % 2 = 0 THEN 'F' ELSE 'M' END AS sex,
    CASE WHEN i < 5 THEN '1930-1939' WHEN i < 30 THEN '1940-1949' ELSE '1950-1959' END
        AS birth_year,
    'east_china' AS region_l1, '2020-2024' AS index_year FROM range(60) t(i)"""


@pytest.fixture
def read(house):
    def build(**kwargs):
        house.write(**kwargs)
        text = (house.build().folder / "files" / NAME).read_text("utf-8")
        return json.loads(text), text

    return build


def test_it_tells_size_columns_and_distributions(read):
    told, _ = read()
    assert (told["patients"], told["hospitals"], told["k"]) == (60, 1, 11)
    assert told["charts"]["sex"] == [
        {"label": "F", "last": "F", "label_zh": "", "count": 33},
        {"label": "M", "last": "M", "label_zh": "", "count": 33},
    ]
    assert told["tables"][0]["table"] == "cardiology__patient"
    assert told["attrition"][0]["n_in"] == "100"
    assert told["quality"]["kinds"]["completeness"]["checks"] == len(told["tables"])


def test_small_groups_are_joined_or_left_out_wherever_they_are(read):
    told, text = read(overrides={"patient": PATIENT, "diagnosis": DIAGNOSIS})
    charts = told["charts"]
    assert charts["birth"] == [
        {"label": "1930-1939", "last": "1940-1949", "label_zh": "", "count": 33},
        {"label": "1950-1959", "last": "1950-1959", "label_zh": "", "count": 33},
    ]
    assert {cell["label"] for cell in charts["sex"]} == {"F", "__other__"}
    assert [cell["label"] for cell in charts["hospital"]] == ["__other__"]
    assert [cell["label"] for cell in charts["diagnoses"]] == ["Heart failure"]
    assert "Rarity" not in text
    assert all(c["count"] % told["k"] == 0 for cells in charts.values() for c in cells)


def test_years_are_not_shown_beside_a_few_people_without_one(read):
    some = PATIENT.replace("'1930-1939'", "'U'")
    told, _ = read(overrides={"patient": some})
    assert told["charts"]["birth"] == []


def test_no_patient_is_in_it(read):
    _, text = read(overrides={"patient": PATIENT, "diagnosis": DIAGNOSIS})
    assert not re.search(r"p0{10}|d0000", text)


def test_tables_without_the_columns_give_no_chart(read):
    told, _ = read()
    assert {"birth", "index", "sex", "hospital", "region", "visits"} == set(told["charts"])


def test_the_same_tables_give_the_same_bytes(house, read):
    _, first = read()
    path = house.build().folder / "files" / NAME
    assert path.read_text("utf-8") == first
    assert NAME in (path.parent / "SHA256SUMS.txt").read_text("utf-8")


def test_few_rows_are_not_counted(read):
    few = factory.entity_sql("procedure", "procedure_key", patients=4)
    told, _ = read(overrides={"procedure": few})
    rows = {t["table"]: t["rows"] for t in told["tables"]}
    assert rows["cardiology__procedure"] is None
    assert rows["cardiology__attrition"] == 3
