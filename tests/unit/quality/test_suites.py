"""Every table that crosses a border has a suite, and every check of it can fail."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clearward.products.spec import load_product, product_names
from clearward.quality.gate import run_gate
from clearward.quality.report import State
from clearward.quality.suites import SAFE_KINDS, load_suite
from clearward.sources.spec import load_spec, source_systems
from tests.unit.quality import fabricate, native

EXPECTATIONS = Path(__file__).parents[3] / "expectations"
RAW = {
    load_spec(system).warehouse_name(table): (load_spec(system), table)
    for system in source_systems()
    for table in load_spec(system).tables
    if table.passes
}
RELEASE = {
    load_product(name).table_name(table): (load_product(name), table)
    for name in product_names()
    for table in load_product(name).tables
}
GOOD = {"raw": fabricate.good_raw, "release": fabricate.good_release}
BORDERS = [("raw", system) for system in source_systems()] + [
    ("release", product) for product in product_names()
]


def path_of(border: str, table: str) -> Path:
    return EXPECTATIONS / border / f"{table}.json"


def suites_of(border: str, owner: str) -> dict[str, Path]:
    tables = RAW if border == "raw" else RELEASE
    return {name: path_of(border, name) for name in tables if name.startswith(f"{owner}__")}


@pytest.mark.parametrize(("border", "tables"), [("raw", RAW), ("release", RELEASE)])
def test_there_is_one_suite_per_table_and_no_other(border, tables):
    assert {path.stem for path in (EXPECTATIONS / border).iterdir()} == set(tables)


def test_the_tables_that_must_have_rows_are_those_of_the_specs():
    for name, (_, table) in RAW.items():
        assert load_suite(path_of("raw", name)).must_have_rows is table.required
        assert load_suite(path_of("raw", name)).where == "op <> 'D'"
    for name, (_, table) in RELEASE.items():
        assert load_suite(path_of("release", name)).must_have_rows is not table.may_be_empty


def test_every_required_column_of_a_spec_is_demanded():
    for name, (_, table) in RAW.items():
        checks = set(load_suite(path_of("raw", name)).check_ids())
        assert {f"{c.name}_is_present" for c in table.columns if c.required} <= checks


def test_the_patient_suite_demands_the_k_and_quasi_identifiers_of_the_spec():
    for name in product_names():
        bounds = load_product(name).protection
        columns = ", ".join(qi.column for qi in bounds.quasi_identifiers)
        text = path_of("release", f"{name}__patient").read_text(encoding="utf-8")
        assert f"GROUP BY {columns} HAVING count(*) < {bounds.k}" in text
        few = path_of("release", f"{name}__attrition").read_text(encoding="utf-8")
        assert f"n_out BETWEEN 1 AND {bounds.k - 1}" in few


def test_suites_are_named_after_their_table_and_use_safe_kinds_only():
    for path in EXPECTATIONS.rglob("*.json"):
        document = json.loads(path.read_text(encoding="utf-8"))
        assert document["name"] == path.stem
        assert {item["type"] for item in document["expectations"]} <= SAFE_KINDS
        assert all(item["meta"]["kahn"] for item in document["expectations"])


@pytest.mark.parametrize(("border", "owner"), BORDERS, ids=lambda value: value)
def test_good_tables_pass_and_every_check_can_fail(border, owner, settings, tmp_path):
    suites = suites_of(border, owner)
    good, bad = {}, {}
    for name, path in suites.items():
        owner_spec, table = (RAW if border == "raw" else RELEASE)[name]
        suite = load_suite(path)
        rows = GOOD[border](owner_spec, table, suite)
        good[name] = [fabricate.write(tmp_path / "good" / f"{name}.parquet", rows)]
        rows = fabricate.broken(suite, rows)
        bad[name] = [fabricate.write(tmp_path / "bad" / f"{name}.parquet", rows)]

    green = run_gate(settings, gate=border, suites=suites, tables=good, report_dir=tmp_path / "g")
    assert [(c.table, c.check, c.state) for c in green.red] == []
    assert State.VACUOUS not in {check.state for check in green.checks}

    red = run_gate(settings, gate=border, suites=suites, tables=bad, report_dir=tmp_path / "b")
    survived = [
        (c.table, c.check, c.state)
        for c in red.checks
        if c.state is not State.FAIL and c.check != "has_rows"
    ]
    assert survived == []

    loaded = {name: load_suite(path) for name, path in suites.items()}
    by_itself = native.run_natively(loaded, {name: files[0] for name, files in bad.items()})
    measured = {f"{c.table}.{c.check}": c.state for c in red.checks if c.check != "has_rows"}
    assert by_itself == measured
