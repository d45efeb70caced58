"""Any table as a DuckDB source: what the verifier may be pointed at. Add a file form here; what is
measured on it belongs to the module that is named after the measure.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt

from clearward.errors import ProtectionError
from clearward.warehouse import read_parquet_sql, sql_path


def quoted(name: str) -> str:
    """A column name of a foreign file as a SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """A value as a SQL string literal."""
    return "'" + value.replace("'", "''") + "'"


def columns_list(names: Sequence[str]) -> str:
    """Column names, quoted and joined by commas."""
    return ", ".join(quoted(name) for name in names)


def file_source(path: Path) -> str:
    """A Parquet or CSV file as a table expression; every CSV column is text."""
    if not path.is_file():
        raise ProtectionError(
            f"There is no file {path.name} to measure.",
            seen="no such file",
            expected="a Parquet or CSV file",
            do="name an existing file",
        )
    if path.suffix == ".parquet":
        return read_parquet_sql([path])
    return f"read_csv('{sql_path(path)}', all_varchar = true, header = true)"


def columns_of(connection: duckdb.DuckDBPyConnection, source: str) -> dict[str, str]:
    """Column -> DuckDB type; ProtectionError when the file cannot be read."""
    try:
        rows = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    except duckdb.Error as error:
        raise ProtectionError(
            "A table cannot be read.", seen=type(error).__name__, do="make the file again"
        ) from None
    return {str(row[0]): str(row[1]) for row in rows}


def check_columns(
    connection: duckdb.DuckDBPyConnection, source: str, names: Sequence[str]
) -> dict[str, str]:
    """The columns of a source; ProtectionError unless all of these are among them."""
    found = columns_of(connection, source)
    missing = sorted(set(names) - set(found))
    if missing:
        raise ProtectionError(
            "Risk cannot be measured: a column is missing.",
            seen=f"no column {', '.join(missing)}",
            expected=", ".join(sorted(found)),
            do="name columns of the file",
        )
    return found


def one(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[float, ...]:
    """The only row of an aggregate; an empty aggregate's nulls become 0."""
    row = connection.execute(query).fetchone()
    return tuple(value or 0 for value in row) if row else ()


def numbers(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, npt.NDArray[np.int64]]:
    """The columns of a query of whole numbers, each (rows,)."""
    found = connection.execute(query).fetchnumpy()
    return {name: np.asarray(column).astype(np.int64) for name, column in found.items()}


def check_units(connection: duckdb.DuckDBPyConnection, source: str, unit: str | None) -> int:
    """Number of units; ProtectionError unless there is one row for each of one or more units."""
    distinct = f"count(DISTINCT {quoted(unit)})" if unit else "count(*)"
    rows, units = one(connection, f"SELECT count(*), {distinct} FROM {source}")
    if rows == 0 or rows != units:
        raise ProtectionError(
            "Risk cannot be measured: the file is not one row per patient.",
            seen=f"{rows} rows, {units} patients",
            expected="at least one row, and as many patients as rows",
            do="build the patient table again",
        )
    return int(rows)
