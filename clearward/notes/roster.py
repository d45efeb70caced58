"""Whom a hospital knows: the columns of raw that never leave, as rows of identifiers.

Which columns these are is the spec's word (treatment `drop`, and a patient's natural id); what
forms a value takes in text belongs to `identifiers`. Every version up to the month counts, not
only the current one: notes keep a maiden name or an old phone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import duckdb

from clearward.notes.identifiers import ROLES, Identifier, audited, identifiers_of
from clearward.notes.known import KnownPeople
from clearward.sources.spec import SourceSystem, Table, load_spec, source_systems
from clearward.sources.state_sql import accepted_history
from clearward.warehouse import Warehouse, read_parquet_sql

BATCH = 10_000


def make_roster(
    connection: duckdb.DuckDBPyConnection, warehouse: Warehouse, *, hospital: str, month: str
) -> int:
    """Make tables `own` (patient_key, people) and `staff` (people); `people` is JSON, one object
    per person. Returns how many raw tables were read."""
    own: list[str] = []
    staff: list[str] = []
    for system in map(load_spec, source_systems()):
        for table in system.tables:
            name = system.warehouse_name(table)
            paths = accepted_history(warehouse, name, upto=month, hospital=hospital)
            if paths:
                present = _columns(connection, paths)
                own += _own_sql(table, paths, present)
                staff += _staff_sql(table, paths, present)
    _make_tables(connection, own, staff)
    return len(own) + len(staff)


def make_empty_roster(connection: duckdb.DuckDBPyConnection) -> None:
    """The tables of `make_roster` with nobody in them."""
    _make_tables(connection, [], [])


def _make_tables(connection: duckdb.DuckDBPyConnection, own: list[str], staff: list[str]) -> None:
    nobody = "SELECT NULL::VARCHAR AS patient_key, NULL::VARCHAR AS person WHERE false"
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE own AS
        SELECT patient_key, list_sort(list(DISTINCT person)) AS people
        FROM ({" UNION ALL ".join([nobody, *own])}) GROUP BY patient_key;
        CREATE OR REPLACE TEMP TABLE staff AS
        SELECT DISTINCT person FROM ({" UNION ALL ".join([nobody, *staff])}) ORDER BY person;
    """)


def staff_identifiers(connection: duckdb.DuckDBPyConnection) -> list[Identifier]:
    """Every form of the hospital's staff and organisations."""
    return [
        item
        for (person,) in _rows(connection, "SELECT person FROM staff ORDER BY person")
        for item in identifiers_of(json.loads(person), staff=True)
    ]


def everyone(connection: duckdb.DuckDBPyConnection, staff: list[Identifier]) -> KnownPeople:
    """The audit list: whole names, phones and ids of every patient and every member of staff."""
    sql = "SELECT DISTINCT unnest(people) AS person FROM own ORDER BY person"
    patients = (
        item
        for (person,) in _rows(connection, sql)
        for item in audited(identifiers_of(json.loads(person)))
    )
    return KnownPeople(dict.fromkeys([*audited(staff), *patients]))


def own_identifiers(people: list[str] | None) -> list[Identifier]:
    """Every form of one patient's identifiers, from the `people` column of `own`."""
    return [item for person in people or () for item in identifiers_of(json.loads(person))]


def note_tables() -> Iterator[tuple[SourceSystem, Table]]:
    """Tables of every source system that hold free text."""
    for system in map(load_spec, source_systems()):
        for table in system.tables:
            if any(column.treatment == "scrub" for column in table.columns):
                yield system, table


def _rows(connection: duckdb.DuckDBPyConnection, sql: str) -> Iterator[tuple[str]]:
    result = connection.execute(sql)
    while rows := result.fetchmany(BATCH):
        yield from rows


def _columns(connection: duckdb.DuckDBPyConnection, paths: list[Path]) -> frozenset[str]:
    described = connection.execute(f"DESCRIBE SELECT * FROM {read_parquet_sql(paths)}").fetchall()
    return frozenset(name for name, *_ in described)


def _own_sql(table: Table, paths: list[Path], present: frozenset[str]) -> list[str]:
    """What names the patient; a doctor's column in a patient's row does not."""
    if not table.patient or not table.passes:
        return []
    names = [c.name for c in table.columns if c.treatment == "drop" and c.name in present]
    names = [name for name in names if name not in _DOCTORS]
    # a surrogate has the sex of whom it stands for
    names += [_SEX] if names and _SEX in present else []
    if not names or "patient_key" not in present:
        return []
    return [_people_sql([*names, table.patient], paths, "patient_key")]


def _staff_sql(table: Table, paths: list[Path], present: frozenset[str]) -> list[str]:
    if not table.passes:
        names = [c.name for c in table.columns if c.treatment == "drop" and c.name in present]
        names = [name for name in names if not name.endswith("_id")]
    else:
        names = [c.name for c in table.columns if c.name in _DOCTORS and c.name in present]
    # an organisation's name has no surname: it is looked for whole
    called = {"name": "organisation_name"} if "organization_id" in table.natural_key else {}
    return [_people_sql(names, paths, "NULL::VARCHAR", called)] if names else []


def _people_sql(
    names: list[str], paths: list[Path], key: str, called: Mapping[str, str] | None = None
) -> str:
    fields = {(called or {}).get(name, name): f"CAST({name} AS VARCHAR)" for name in names}
    body = ", ".join(f"'{name}': {value}" for name, value in fields.items())
    return (
        f"SELECT DISTINCT {key} AS patient_key, to_json({{{body}}})::VARCHAR AS person"
        f" FROM {read_parquet_sql(paths)} WHERE op <> 'D'"
    )


_SEX = "sex"
_DOCTORS = frozenset(name for name in ROLES if name in ("doctor_name", "surgeon_name"))
