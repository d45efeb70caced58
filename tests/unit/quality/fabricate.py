"""Good tables for every suite, and the same tables broken against each of their checks.

A good row is made from the suite's own permissible values and the specs; each check has a way to
break it, found by the check's id. A check without a way is an error here, so a new check cannot be
added without one.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from clearward.products.spec import Product, ProductTable
from clearward.quality.suites import Suite
from clearward.sources.spec import SourceSystem, Table

Row = dict[str, Any]
GOOD_ROWS = 30
BAD_COPIES = 10  # fewer than k, and more than any share a check forgives
CODES = {
    "his__front_sheet_operations": "14.7401",
    "synthea__observations": "8480-6",
    "fhir__observations": "8480-6",
    "fhir__encounters": "185349003",
}
RAW_VALUES = {
    "text": "x",
    "integer": 1,
    "decimal": 1.0,
    "boolean": True,
    "date": dt.date(2020, 1, 2),
    "timestamp": dt.datetime(2020, 1, 2, 3, 4),
}


def key(*parts: object) -> str:
    return hashlib.md5("|".join(map(str, parts)).encode()).hexdigest()[:20]


def write(path: Path, rows: list[Row]) -> Path:
    made = pa.Table.from_pylist(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    duckdb.sql(f"COPY (SELECT * FROM made) TO '{path}' (FORMAT parquet)")
    assert made.num_rows == len(rows)
    return path


def permissible(suite: Suite) -> Row:
    """One value per column that the suite's own sets and ranges allow."""
    values: Row = {}
    for expectation in suite.expectations:
        kwargs = expectation["kwargs"]
        if "value_set" in kwargs:
            values[kwargs["column"]] = kwargs["value_set"][0]
        if "min_value" in kwargs and "column" in kwargs:
            middle = (kwargs["min_value"] + kwargs["max_value"]) / 2
            values[kwargs["column"]] = int(middle) if middle >= 1 else middle
    return values


def good_raw(system: SourceSystem, table: Table, suite: Suite) -> list[Row]:
    row: Row = {column.name: RAW_VALUES[column.type] for column in table.columns}
    if "code" in row:
        chinese = "E11.300x031+H36.0*"
        row["code"] = CODES.get(suite.name, chinese if system.name == "his" else "44054006")
    row |= {"hospital_id": "h", "month": "2024-05", "op": "I", "file_id": "0" * 12}
    row |= permissible(suite)
    return [
        {**row, "row_key": key(i), "patient_key": key("p", i), "source_row": i}
        for i in range(GOOD_ROWS)
    ]


def good_release(product: Product, table: ProductTable, suite: Suite) -> list[Row]:
    columns = suite.expectations[0]["kwargs"]["column_set"]
    if table.entity == "attrition":
        return _good_attrition(columns)
    row: Row = {column: _plain(column) for column in columns} | permissible(suite)
    row |= {"hospital_id": "H01", "birth_year": "1950-1959", "index_year": "2020"}
    row |= {"death_day": 30, "is_deceased": True, "code": "I50.9", "code_stem": "I50"}
    row |= {"asterisk_code": "H36.0*", "subtype_code": "I63.9"}
    rows = []
    for i in range(GOOD_ROWS):
        keys = {c: key(c.removesuffix("_key"), i) for c in columns if c.endswith("_key")}
        rows.append({c: v for c, v in {**row, **keys}.items() if c in columns})
    return rows


def _plain(column: str) -> Any:
    return False if re.match("is_|has_|uses_", column) else "word"


def _good_attrition(columns: list[str]) -> list[Row]:
    counts = [("adult", 90, 60), ("k-anonymity", 60, GOOD_ROWS)]
    empty: Row = dict.fromkeys(columns)
    return [
        {**empty, "hospital_id": "ALL", "step_no": i, "step_id": step, "reason": "word"}
        | {"n_in": n_in, "n_out": n_out, "n_excluded": n_in - n_out}
        for i, (step, n_in, n_out) in enumerate(counts, start=1)
    ]


def broken(suite: Suite, good: list[Row]) -> list[Row]:
    """The good rows with rows against each check."""
    bad: list[Row] = []
    for number, expectation in enumerate(suite.expectations):
        change = _way(expectation, good[0])
        for copy in range(BAD_COPIES):
            row = {**good[copy % len(good)]}
            if "row_key" in row:
                row["row_key"] = key("bad", number, copy)
            bad.append({**row, **change})
    extra = "columns_are_the_agreed_ones" in suite.check_ids()
    return [
        {**row, **({"visited_on": dt.date(2020, 1, 1)} if extra else {})} for row in [*good, *bad]
    ]


def _way(expectation: Row, good: Row) -> Row:
    check, kwargs = expectation["meta"]["check"], expectation["kwargs"]
    query = kwargs.get("unexpected_rows_query", "")
    for pattern, make in WAYS:
        found = re.fullmatch(pattern, check)
        if found:
            return make(found, query, good)
    raise KeyError(f"no way to break the check {check}")


def _first_text(query: str) -> str:
    found = re.search(r"concat_ws\(' ', (\w+)", query)
    assert found is not None
    return found[1]


def _early(column: str, good: Row) -> Row:
    is_date = not isinstance(good[column], dt.datetime)
    return {column: dt.date(1700, 1, 1) if is_date else dt.datetime(1700, 1, 1)}


Way = Callable[[re.Match[str], str, Row], Row]
WAYS: list[tuple[str, Way]] = [
    (r"(\w+)_is_present", lambda m, q, g: {m[1]: None}),
    (r"(\w+)_is_permissible", lambda m, q, g: {m[1]: "zz"}),
    (r"(\w+)_is_in_range", lambda m, q, g: {m[1]: 10**7}),
    (r"keys_are_keyed_hashes", lambda m, q, g: {"patient_key": "P-1"}),
    (r"row_key_is_given_once_a_month", lambda m, q, g: {"row_key": key("twice")}),
    (r"(\w+)_has_the_syntax_of_its_system", lambda m, q, g: {m[1]: "??"}),
    (r"(\w+)_is_not_after_(\w+)", lambda m, q, g: _early(m[2], g)),
    (r"(\w+)_is_in_lived_time", lambda m, q, g: _early(m[1], g)),
    (r"death_is_not_before_birth", lambda m, q, g: _early("death_date", g)),
    (r"text_was_decoded.*", lambda m, q, g: {_first_text(q): "a\ufffdb"}),
    (r"kept_text_names_no_person", lambda m, q, g: {_first_text(q): "call 13812345678 now"}),
    (r"value_is_not_blank", lambda m, q, g: {"value": "  "}),
    (r"columns_are_the_agreed_ones|no_column_is_a_date", lambda m, q, g: {}),
    (r"keys_are_product_pseudonyms", lambda m, q, g: {"patient_key": "P-1"}),
    (r"hospital_id_is_a_label", lambda m, q, g: {"hospital_id": "stmary"}),
    (r"patient_is_in_the_product", lambda m, q, g: {"patient_key": key("nobody")}),
    (r"encounter_is_in_the_product", lambda m, q, g: {"encounter_key": key("nowhere")}),
    (r"patient_is_one_row", lambda m, q, g: {"patient_key": key("new")}),
    # broken by the row above: the broken patient table has a patient no other table knows
    (r"every_patient_has_a_row", lambda m, q, g: {}),
    (r"each_class_has_11_patients", lambda m, q, g: {"region_l1": "rare"}),
    (r"(\w+_year)_is_a_year_or_a_band", lambda m, q, g: {m[1]: "1950-01-01"}),
    (r"death_has_its_flag", lambda m, q, g: {"is_deceased": False}),
    (r"text_names_no_person_or_date", lambda m, q, g: {_first_text(q): "seen 2024-05-03"}),
    (r"codes_have_the_form_of_codes", lambda m, q, g: {_first_code(q): "J. Smith"}),
    (r"steps_subtract", lambda m, q, g: {"n_excluded": 77}),
    (r"steps_follow_each_other", lambda m, q, g: {"n_in": 1000, "n_excluded": 940}),
    (r"no_count_is_of_a_few_people", lambda m, q, g: {"n_excluded": 3}),
    (r"last_step_is_protection.*", lambda m, q, g: {"step_id": "k-anonymity", "n_out": 500}),
]


def _first_code(query: str) -> str:
    found = re.search(r"regexp_matches\((\w+)", query)
    assert found is not None
    return found[1]
