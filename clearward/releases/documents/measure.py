"""What is counted in the published tables for the documents: empty cells by hospital and year,
codes, patients. What may be shown of it is decided by each document.

Every table is read once: its groups and its codes are counted from the same scan where it has both.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from clearward.errors import ReleaseError
from clearward.releases.tables import TableFile

PATIENT, ATTRITION = "patient", "attrition"
_CODE = re.compile(r"(^|_)code(_stem)?$")
_TOLD = ("code_system", "concept", "label_en", "label_zh")
"""Columns that say what a code means."""


@dataclass(frozen=True)
class Group:
    """Rows of a table in one hospital and index year, as both are published; '' where a table or
    the patients have no such column.

    Attributes:
        nulls: column -> empty cells.
    """

    hospital: str
    year: str
    rows: int
    patients: int
    nulls: dict[str, int]


@dataclass(frozen=True)
class Code:
    """One combination of a table's code columns, and how often it is there."""

    values: dict[str, str | None]
    rows: int
    patients: int


@dataclass(frozen=True)
class Measured:
    """Counts of the published tables; tables about people only.

    Attributes:
        groups, codes: by table.
        people: one dict per combination of quasi-identifiers, with its ``patients``.
        attrition: the rows of the attrition table, by hospital and step.
    """

    groups: dict[str, list[Group]] = field(default_factory=dict)
    codes: dict[str, list[Code]] = field(default_factory=dict)
    people: list[dict[str, str | int]] = field(default_factory=list)
    attrition: list[dict[str, Any]] = field(default_factory=list)


def code_columns(table: TableFile) -> list[str]:
    """Columns of a table that hold codes."""
    return [column.name for column in table.columns if _CODE.search(column.name)]


def measure(tables: Sequence[TableFile], quasi: Sequence[str]) -> Measured:
    """Count what the documents tell of the published tables.

    Args:
        tables: of the release, the patient table among them.
        quasi: the quasi-identifiers' columns.

    Raises ReleaseError when a table cannot be read.
    """
    measured = Measured()
    people = [table for table in tables if table.is_of_people and table.rows]
    steps = [table for table in tables if table.entity == ATTRITION]
    if not steps:
        raise ReleaseError("The product has no attrition table.", do="add it to the product spec")
    with duckdb.connect(":memory:", config={"threads": "1"}) as connection:
        try:
            years = _make_patients(connection, tables)
            measured.attrition.extend(_attrition(connection, steps[0]))
            for table in people:
                measured.groups[table.table] = _groups(connection, table, has_years=years)
                if code_columns(table):
                    measured.codes[table.table] = _codes(connection, table)
                if table.entity == PATIENT:
                    measured.people.extend(_people(connection, table, quasi))
        except duckdb.Error as error:
            raise ReleaseError(
                "A published table cannot be counted for the documents.",
                seen=type(error).__name__,
                do="run protection of that product and month again",
            ) from None
    return measured


def _make_patients(connection: duckdb.DuckDBPyConnection, tables: Sequence[TableFile]) -> bool:
    """Make table ``patients`` of key and index year; False where there is no such year."""
    found = next((table for table in tables if table.entity == PATIENT), None)
    if found is None or "index_year" not in found.schema:
        return False
    connection.execute(
        "CREATE TABLE patients AS SELECT patient_key, CAST(index_year AS VARCHAR) AS index_year "
        "FROM read_parquet(?, hive_partitioning = false)",
        [str(found.path)],
    )
    return True


def _groups(
    connection: duckdb.DuckDBPyConnection, table: TableFile, *, has_years: bool
) -> list[Group]:
    names = [column.name for column in table.columns]
    hospital = "t.hospital_id" if "hospital_id" in names else "''"
    joined = has_years and "patient_key" in names
    year = "patients.index_year" if joined else "''"
    join = "LEFT JOIN patients USING (patient_key)" if joined else ""
    who = "count(DISTINCT t.patient_key)" if "patient_key" in names else "count(*)"
    counts = ", ".join(f'count(t."{name}")' for name in names)
    rows = connection.execute(
        f"SELECT coalesce({hospital}, ''), coalesce({year}, ''), count(*), {who}, {counts} "
        f"FROM read_parquet(?, hive_partitioning = false) t {join} GROUP BY 1, 2 ORDER BY 1, 2",
        [str(table.path)],
    ).fetchall()
    return [
        Group(h, y, n, p, {c: n - f for c, f in zip(names, filled, strict=True)})
        for h, y, n, p, *filled in rows
    ]


def _codes(connection: duckdb.DuckDBPyConnection, table: TableFile) -> list[Code]:
    names = [*code_columns(table), *(name for name in _TOLD if name in table.schema)]
    who = "count(DISTINCT patient_key)" if "patient_key" in table.schema else "count(*)"
    listed = ", ".join(f'"{name}"' for name in names)
    rows = connection.execute(
        f"SELECT {listed}, count(*), {who} FROM read_parquet(?, hive_partitioning = false) "
        "GROUP BY ALL ORDER BY ALL",
        [str(table.path)],
    ).fetchall()
    return [Code(dict(zip(names, row, strict=False)), row[-2], row[-1]) for row in rows]


def _people(
    connection: duckdb.DuckDBPyConnection, table: TableFile, quasi: Sequence[str]
) -> list[dict[str, str | int]]:
    names = [name for name in quasi if name in table.schema]
    listed = ", ".join(f'CAST("{name}" AS VARCHAR) AS "{name}"' for name in names)
    rows = connection.execute(
        f"SELECT {listed}, count(*) FROM read_parquet(?, hive_partitioning = false) "
        "GROUP BY ALL ORDER BY ALL",
        [str(table.path)],
    ).fetchall()
    return [{**dict(zip(names, row, strict=False)), "patients": row[-1]} for row in rows]


def _attrition(connection: duckdb.DuckDBPyConnection, table: TableFile) -> list[dict[str, Any]]:
    names = list(table.schema)
    rows = connection.execute(
        "SELECT * FROM read_parquet(?, hive_partitioning = false) ORDER BY hospital_id, step_no",
        [str(table.path)],
    ).fetchall()
    return [dict(zip(names, row, strict=True)) for row in rows]
