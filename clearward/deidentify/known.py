"""Who is known at a hospital: the identifiers its own extracts hold, as tables for one run.

They never leave the connection. What they are compared with belongs to `content`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb

from clearward.deidentify.domains import plain_sql
from clearward.sources.spec import Column, Table, load_spec, source_systems
from clearward.warehouse import Warehouse, read_parquet_sql

# Dropped because of where they are, not because of whom they name.
_PLACES = frozenset({"city", "county", "state", "province", "zip", "department", "birth_place"})
_LEAST = 2


def meet(
    connection: duckdb.DuckDBPyConnection, warehouse: Warehouse, *, hospital: str, month: str
) -> None:
    """Make tables ``known(v)`` and ``known_name(v)`` of everybody up to a month."""
    for name in ("known", "known_name"):
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {name}(v VARCHAR)")
    for paths, columns in _sources(warehouse, hospital=hospital, month=month):
        rows = read_parquet_sql(paths)
        for column in columns:
            plain = plain_sql(f'"{column.name}"')
            query = f"SELECT DISTINCT {plain} AS v FROM {rows} WHERE length({plain}) >= {_LEAST}"
            connection.execute(f"INSERT INTO known {query}")
            if column.name.endswith("name"):
                connection.execute(f"INSERT INTO known_name {query}")
    _deduplicate(connection)


def identifying(table: Table) -> tuple[Column, ...]:
    """Text columns of a table that name a person or a row in the hospital's own system."""
    return tuple(
        column
        for column in table.columns
        if column.type == "text"
        and column.treatment in {"drop", "pseudonym"}
        and column.name not in _PLACES
    )


def _sources(
    warehouse: Warehouse, *, hospital: str, month: str
) -> Iterator[tuple[list[Path], tuple[Column, ...]]]:
    for system in map(load_spec, source_systems()):
        for table in system.tables:
            is_people = table.name == "patients" or not table.passes
            columns = tuple(
                column
                for column in identifying(table)
                if is_people or (column.treatment == "drop" and not column.name.endswith("_id"))
            )
            name = system.warehouse_name(table)
            paths = warehouse.history("raw", name, upto=month, hospital=hospital)
            paths = paths or warehouse.history("cleared", name, upto=month, hospital=hospital)
            if columns and paths:
                yield paths, columns


def _deduplicate(connection: duckdb.DuckDBPyConnection) -> None:
    for name in ("known", "known_name"):
        query = f"SELECT DISTINCT v FROM {name} WHERE v IS NOT NULL"
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {query}")
