"""Whether the tests inside the project cover it and can fail: data tests and unit tests of dbt."""

from __future__ import annotations

import re

import duckdb
import pytest

from tests.dbt.test_project import models

DECIDES = re.compile(r"\bcase\b|\bover\s*\(|\barg_(min|max)\(")
COMMENT = re.compile(r"\{#.*?#\}|--[^\n]*", re.DOTALL)


def sound_tests(manifest):
    """Arguments of the data test `sound`, by the model it is on."""
    tests = [n for n in manifest["nodes"].values() if n["resource_type"] == "test"]
    named = [n["test_metadata"] | {"on": n["attached_node"]} for n in tests]
    return {t["on"].split(".")[-1]: t["kwargs"] for t in named if t["name"] == "sound"}


def test_every_mart_is_tested_for_its_key_its_lists_and_its_patients(dbt):
    tests = sound_tests(dbt.manifest)
    for node in models(dbt.manifest, "marts"):
        told = tests[node["name"]]
        columns = node["columns"]
        lists = {c["name"]: c["meta"]["values"] for c in columns.values() if "values" in c["meta"]}
        has_patients = "patient_key" in columns and not node["name"].endswith("__patient")
        assert told["key"] == node["config"]["meta"]["key"]
        assert told.get("listed", {}) == lists, node["name"]
        assert ("patients" in told) == has_patients


def test_every_case_and_window_has_a_unit_test(dbt):
    tried = {f"model.clearward.{t['model']}" for t in dbt.manifest["unit_tests"].values()}
    decisive = {
        n["unique_id"]
        for folder in ("marts", "intermediate")
        for n in models(dbt.manifest, folder)
        if decides(n["raw_code"])
    }
    macros = {
        name
        for name, macro in dbt.manifest["macros"].items()
        if name.startswith("macro.clearward.")
        and macro["path"].startswith("macros/")
        and decides(macro["macro_sql"])
    }
    assert len(decisive) > 20 and len(macros) > 15
    assert decisive - tried == set()
    assert macros - called_by(dbt.manifest, tried) == set()


def called_by(manifest, nodes):
    """Macros that models call, themselves or through others."""
    called, waiting = (
        set(),
        [m for n in nodes for m in manifest["nodes"][n]["depends_on"]["macros"]],
    )
    while waiting:
        name = waiting.pop()
        if name not in called:
            called.add(name)
            waiting += manifest["macros"][name]["depends_on"]["macros"]
    return called


def decides(code):
    """Whether a query chooses between rows or values, comments aside."""
    return bool(DECIDES.search(COMMENT.sub("", code)))


GOOD = {"cv_index_key": "1", "patient_key": "a", "arm": "HF", "phenotype": "HFrEF"}


@pytest.mark.parametrize(
    ("rows", "problems"),
    [
        ([GOOD], []),
        ([GOOD | {"cv_index_key": None}], [("key is null", 1)]),
        ([GOOD, GOOD], [("key is repeated", 1)]),
        ([GOOD | {"arm": "XX"}], [("arm is not of its list", 1)]),
        ([GOOD | {"arm": None}], []),
        ([GOOD | {"patient_key": "gone"}], [("patient is not delivered", 1)]),
    ],
    ids=["good", "no-key", "twice", "unlisted", "empty", "not-delivered"],
)
def test_the_data_test_of_a_mart_finds_what_is_wrong(dbt, two_months, rows, problems):
    [path] = dbt.target.glob("compiled/**/cardiology__cv_index_is_sound.sql")
    with duckdb.connect(":memory:") as engine:
        engine.execute("create table cardiology__patient as select 'a' as patient_key")
        engine.execute(
            "create table cardiology__cv_index (cv_index_key text, patient_key text, arm text,"
            " phenotype text, first_ever text)"
        )
        for row in rows:
            engine.execute(
                "insert into cardiology__cv_index values (?, ?, ?, ?, 'U')", list(row.values())
            )
        assert engine.execute(path.read_text(encoding="utf-8")).fetchall() == problems
