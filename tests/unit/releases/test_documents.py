import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from clearward.releases import evidence
from clearward.releases.documents import PAGES, attrition, columns
from clearward.releases.lineage import dbt_hash
from clearward.releases.tables import Column, TableFile
from tests.unit.releases import factory


@pytest.fixture
def pages(house):
    house.write()
    folder = house.build().folder / "files"
    return {path.name: path.read_text("utf-8") for path in folder.glob("*.*")}


def read_csv(text):
    return list(csv.DictReader(text.lstrip("\ufeff").splitlines()))


def test_no_page_asks_another_origin(pages):
    for name in PAGES:
        assert not re.search(r"(?:src|href|url|@import)\W{0,3}(?:https?:)?//", pages[name]), name
        assert "<script" not in pages[name]


def test_every_page_is_titled_in_both_languages(pages):
    for name, (_, title, title_zh) in PAGES.items():
        assert f'<h1>{title}<small lang="zh">{title_zh}</small></h1>' in pages[name]


def test_every_link_of_a_page_leads_to_a_file_of_the_release(house):
    house.write()
    candidate = house.build()
    files = {entry.path for entry in candidate.files}
    for name in PAGES:
        text = (candidate.folder / "files" / name).read_text("utf-8")
        assert {link for link in re.findall(r'href="([^"#]*)', text) if link} <= files


def test_the_dictionary_has_every_column_once(house, pages):
    rows = read_csv(pages["dictionary.csv"])
    names = [(row["table"], row["column"]) for row in rows]
    data = [entry for entry in house.build().files if entry.table]
    assert sorted(names) == sorted((e.table, c) for e in data for c in e.columns)
    roles = {row["column"]: row["role"] for row in rows if row["table"].endswith("__patient")}
    assert roles["sex"] == "QI"
    assert roles["patient_key"] == "PK"


def test_few_left_out_patients_are_masked_and_cannot_be_subtracted(pages):
    """The factory leaves three of 63 patients out: neither number may be anywhere."""
    privacy = json.loads(pages["privacy.json"])
    assert privacy["patients_suppressed"] == "<k"
    assert {privacy["patients_in"], privacy["loss"], privacy["before"]["patients"]} == {"masked"}
    assert privacy["patients_kept"] == factory.PATIENTS
    for name in ("privacy.json", "privacy_report.html"):
        assert not re.search(r"\b63\b|>3<|\b0\.25\b", pages[name]), name


def test_many_left_out_patients_are_told(house):
    house.write()
    factory.write_reports(house.settings, privacy={"patients_in": 80, "patients_suppressed": 20})
    text = (house.build().folder / "files" / "privacy_report.html").read_text("utf-8")
    assert "<dd>20</dd>" in text
    assert "25.0%" in text


def test_small_counts_of_an_attrition_table_are_masked_again(house):
    sql = """SELECT * FROM (VALUES ('ALL', 1, 'code', 100, 96, 4, 'r'),
        ('ALL', 2, 'k', NULL, 60, NULL, 'r')) t(hospital_id, step_no, step_id, n_in, n_out,
        n_excluded, reason)"""
    house.write(overrides={"attrition": sql})
    folder = house.build().folder / "files"
    rows = read_csv((folder / "cohort_attrition.csv").read_text("utf-8"))
    assert [row["n_excluded"] for row in rows] == ["masked", "masked"]
    assert [row["n_out"] for row in rows] == ["masked", "60"]
    for name in ("cohort_attrition.html", "cohort_attrition.svg"):
        assert not re.search(r"\b96\b|\b4 left out", (folder / name).read_text("utf-8")), name


def test_values_are_escaped(house):
    sql = """SELECT 'H01' AS hospital_id, 1 AS step_no, '<script>x</script>' AS step_id,
        90 AS n_in, 60 AS n_out, 30 AS n_excluded, '"><img src=x>' AS reason"""
    house.write(overrides={"attrition": sql})
    text = (house.build().folder / "files" / "cohort_attrition.html").read_text("utf-8")
    assert "<script" not in text
    assert "<img" not in text


def test_the_pandas_snippet_runs(house):
    house.write()
    folder = house.build().folder / "files"
    command = [sys.executable, "load_pandas.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.stdout == f"({factory.PATIENTS}, 7) patients x columns\n"


def test_a_red_candidate_says_that_it_is_red(house):
    house.write()
    red = [{"table": "t", "check": "c", "state": "fail", "rows": 90, "failed": 30, "mostly": 0.9}]
    factory.write_reports(house.settings, gate={"is_green": False, "checks": red})
    folder = house.build().folder / "files"
    assert '<span class="bad">red</span>' in (folder / "quality_report.html").read_text("utf-8")


def test_texts_come_from_dbt():
    dbt = {
        "nodes": {
            "model.c.p__t": {
                "resource_type": "model",
                "name": "p__t",
                "description": "A table.",
                "columns": {
                    "iop_mmhg": {"description": "Pressure.", "meta": {"role": "S"}},
                    "eye": {"description": "Side.", "config": {"meta": {"values": ["OD", "OS"]}}},
                },
            }
        }
    }
    described = columns.describe(dbt, ["p__t", "p__u"])
    assert described["p__t"].description == "A table."
    assert described["p__u"].description == ""
    table = TableFile(
        entity="t",
        table="p__t",
        key=("eye",),
        path=None,
        sha256="",
        bytes=0,
        rows=100,
        columns=(Column("iop_mmhg", "DOUBLE", 50), Column("eye", "VARCHAR", 95)),
    )
    product = factory.load_product(factory.PRODUCT)
    first, second = columns.rows(product, [table], described, first_release={})
    assert (first["unit"], first["role"], first["description"]) == ("mm[Hg]", "S", "Pressure.")
    assert (first["filled_percent"], second["filled_percent"]) == ("50", "masked")
    assert second["values"] == "OD | OS"


def test_dbt_s_hash_follows_the_models_and_not_the_clock():
    manifest = {
        "metadata": {"generated_at": "a"},
        "nodes": {"m": {"resource_type": "model", "checksum": {"checksum": "1"}}},
        "macros": {},
    }
    same = {**manifest, "metadata": {"generated_at": "b"}}
    other = {**manifest, "nodes": {"m": {"resource_type": "model", "checksum": {"checksum": "2"}}}}
    assert dbt_hash(manifest) == dbt_hash(same) != dbt_hash(other)
    assert dbt_hash({}) == ""


def test_a_report_is_published_without_small_counts():
    report = {"checks": [{"failed": 3, "rows": 50}, {"failed": 0}, {"failed": 11}], "k": 5}
    assert evidence.publishable(report, 11) == {
        "checks": [{"failed": "<k", "rows": 50}, {"failed": 0}, {"failed": 11}],
        "k": 5,
    }


def test_an_attrition_of_many_hospitals_is_drawn_as_one():
    rows = [
        {"hospital_id": h, "step_no": 1, "step_id": "code", "n_in": a, "n_out": b, "reason": "r"}
        for h, a, b in (("H01", 100, 60), ("H02", 50, 30))
    ]
    found = attrition.read(rows, 11)
    [box] = found.boxes
    assert (box.n_in, box.n_out, box.n_excluded) == (150, 90, 60)
    assert found.hospitals == ["H01", "H02"]


def test_every_table_and_column_of_every_product_is_described_in_chinese_too():
    marts = Path(__file__).parents[3] / "dbt_project" / "models" / "marts"
    said = {
        text
        for path in marts.glob("*/*__models.yml")
        for model in yaml.safe_load(path.read_text("utf-8"))["models"]
        for text in (model["description"], *(c["description"] for c in model["columns"]))
    }
    assert len(said) > 150
    assert {text for text in said if not columns.chinese(text)} == set()


def test_steps_that_protection_joined_are_named_in_both_languages_one_by_one():
    row = {"hospital_id": "ALL", "step_no": 2, "n_in": 90, "n_out": 60, "n_excluded": 30}
    [box] = attrition.read([{**row, "step_id": "confirmed; followup", "reason": "r"}], 11).boxes
    assert box.step == "Confirmed; followed up"
    assert box.step_zh == "诊断得到确认；有随访"
    [box] = attrition.read([{**row, "step_id": "confirmed; a_new_one", "reason": "r"}], 11).boxes
    assert (box.step, box.step_zh) == ("Confirmed; a new one", "")
