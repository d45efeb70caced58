"""Rows that tell of a special disease stay behind, by code, by word, and by what betrays it."""

from __future__ import annotations

import json

import duckdb
import pytest

from clearward.deidentify.door import deidentify_partition
from clearward.deidentify.reports import stale_months
from clearward.deidentify.special import category_sql, special_category, special_diseases
from clearward.keyring import init_keyring
from clearward.sources.spec import load_spec

from .cleared import (
    HOSPITAL,
    MONTH,
    make_row,
    make_settings,
    read_output,
    write_cleared,
    write_subject,
)

CASES = [
    ("B20.900", None, "hiv"),
    ("J18.900+B23.8*", None, "hiv"),
    ("86406008", None, "hiv"),
    ("7917-8", "HIV 1 Ab [Presence] in Serum", "hiv"),
    ("1359269", "darunavir 800 MG Oral Tablet", "hiv"),
    ("L0001", "HIV抗体检测", "hiv"),
    ("999", "Anti-HIV", "hiv"),
    ("999", "(HIV)", "hiv"),
    ("999", "Fitting of hearing aids", None),
    ("999", "Hearing aids, AIDS", "hiv"),
    ("999", "Archives of chivalry", None),
    ("A53.900", "梅毒", "sexually_transmitted"),
    ("F20.900", None, "psychiatric"),
    ("F10.200", None, "substance_use"),
    ("F00.900", "阿尔茨海默病性痴呆", None),
    ("F17.200", None, None),
    ("I10.x00x002", "高血压", None),
    ("2160-0", "Creatinine", None),
    (None, None, None),
]


@pytest.fixture
def settings(tmp_path):
    made = make_settings(tmp_path)
    write_subject(made, "0" * 20)
    return made


@pytest.mark.parametrize(("code", "label", "expected"), CASES)
def test_sql_and_python_agree_on_the_category(code, label, expected):
    assert special_category(code, label) == expected
    query = f"SELECT {category_sql('$c::VARCHAR', '$l::VARCHAR')}"
    assert duckdb.execute(query, {"c": code, "l": label}).fetchone() == (expected,)


WITHOUT_DOT = [
    ("O981", "sexually_transmitted"),
    ("Z114", "hiv"),
    ("T1491XA", "psychiatric"),
    ("F200", "psychiatric"),
    ("I639", None),
    ("6951", None),
]
ICD_9 = [
    ("042", "hiv"),
    ("V08", "hiv"),
    ("079.53", "hiv"),
    ("0979", "sexually_transmitted"),
    ("295.30", "psychiatric"),
    ("29530", "psychiatric"),
    ("E9500", "psychiatric"),
    ("30390", "substance_use"),
    ("305.1", None),
    ("3051", None),
    ("99586", None),
    ("290.0", None),
    ("41401", None),
    ("2953", "psychiatric"),
    ("295300", None),
    ("42731", None),
]


@pytest.mark.parametrize(("code", "expected"), WITHOUT_DOT)
def test_a_code_without_its_dot_tells_the_same(code, expected):
    assert special_category(code) == expected
    assert duckdb.execute(
        f"SELECT {category_sql('$c::VARCHAR', None)}", {"c": code}
    ).fetchone() == (expected,)


@pytest.mark.parametrize(("code", "expected"), ICD_9)
def test_icd_9_is_known_in_tables_of_diagnoses_and_a_short_number_elsewhere_is_an_item(
    code, expected
):
    query = f"SELECT {category_sql('$c::VARCHAR', None, is_diagnosis=True)}"
    assert special_category(code, is_diagnosis=True) == expected
    assert duckdb.execute(query, {"c": code}).fetchone() == (expected,)
    assert special_category(code) is None


def test_an_icd_9_diagnosis_stays_behind(settings):
    table, rows = pass_table(settings, "conditions", {"code": "042"}, {"code": "38341003"})
    assert table.special == {"hiv": 1}
    assert [row["code"] for row in rows if row["op"] == "I"] == ["38341003"]


def test_sql_and_python_agree_on_every_word_of_the_list():
    labels = [
        text
        for disease in special_diseases()
        for word in (*disease.words, *disease.whole, *disease.excepted)
        for text in (word, f"History of {word.upper()}, treated", f"x{word}x", word[:-1])
    ]
    query = f"SELECT {category_sql(None, 'l')} FROM (SELECT unnest($labels) AS l)"
    found = [row[0] for row in duckdb.execute(query, {"labels": labels}).fetchall()]
    assert found == [special_category(None, label) for label in labels]


def pass_table(settings, name, *own):
    system = load_spec("synthea")
    table, keyring = system.table(name), init_keyring(settings.keyring)
    write_cleared(
        settings, system, table, [make_row(keyring, table, n, **each) for n, each in enumerate(own)]
    )
    report = deidentify_partition(settings, keyring, hospital=HOSPITAL, month=MONTH)
    return report.tables[0], read_output(settings, f"synthea__{name}")


def test_a_special_row_leaves_as_a_deletion_with_nothing_but_its_keys(settings):
    hiv = {"code": "86406008", "description": "Human immunodeficiency virus infection (disorder)"}
    table, rows = pass_table(settings, "conditions", hiv, {"code": "38341003"})
    assert table.special == {"hiv": 1} and table.rows == 2 and table.withheld == {}
    (gone,) = [row for row in rows if row["op"] == "D"]
    told = {"code", "description", "started_on", "ended_on", "encounter_key", "code_system"}
    assert all(gone[name] is None for name in told)
    assert [row["code"] for row in rows if row["op"] == "I"] == ["38341003"]


def test_a_drug_that_betrays_the_disease_goes_too(settings):
    drug = {"code": "999", "description": "efavirenz 600 MG Oral Tablet"}
    table, _ = pass_table(settings, "medications", drug, {})
    assert table.special == {"hiv": 1}


def test_a_reason_is_withheld_and_the_encounter_stays(settings):
    why = {"reason_code": "86406008", "reason_description": "Essential hypertension (disorder)"}
    table, rows = pass_table(settings, "encounters", why, {})
    assert table.special == {} and table.withheld == {"reason_code": 1, "reason_description": 1}
    assert [row["op"] for row in rows] == ["I", "I"]


def test_a_month_that_passed_under_an_older_list_is_named(settings):
    pass_table(settings, "conditions", {})
    assert stale_months(settings) == []
    path = settings.reports / "door" / HOSPITAL / f"{MONTH}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"special_list": "0" * 12}))
    assert stale_months(settings) == [(HOSPITAL, MONTH)]
