"""What must hold at the door: of the file that comes in, and of the file that goes out.

Every check raises DeidentifyError with counts and names of columns, never a value. What is done
to values belongs to `treatments`; when a check runs belongs to `door`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb

from clearward.deidentify.schemas import DIRECT_IDENTIFIERS, LOAD_COLUMNS
from clearward.errors import DeidentifyError
from clearward.sources.spec import TYPES, Table
from clearward.warehouse import read_parquet_sql

# Types a reader may have written narrower than the spec's; widening them loses nothing.
_WIDENED = {
    ("INTEGER", "BIGINT"),
    ("SMALLINT", "BIGINT"),
    ("BIGINT", "DOUBLE"),
    ("INTEGER", "DOUBLE"),
    ("FLOAT", "DOUBLE"),
    ("DATE", "TIMESTAMP"),
}


def check_output(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    *,
    schema: Mapping[str, str],
    pseudonyms: Collection[str],
) -> None:
    """Raise unless a file holds exactly the columns agreed, and pseudonyms only as pseudonyms."""
    found = columns_of(connection, path)
    if found != dict(schema) or DIRECT_IDENTIFIERS & set(found):
        wrong = sorted(set(found.items()) ^ set(schema.items()))
        raise DeidentifyError(
            f"The output for {path.parent.parent.parent.name} has other columns than agreed.",
            seen=", ".join(sorted({name for name, _ in wrong} | DIRECT_IDENTIFIERS & set(found))),
            expected=f"{len(schema)} listed columns, no direct identifier",
            do="correct the spec or the door; nothing was written",
        )
    bad = " OR ".join(
        f"NOT regexp_full_match(\"{name}\", '[0-9a-f]{{20}}')" for name in sorted(pseudonyms)
    )
    rows = count(connection, f"SELECT count(*) FROM {read_parquet_sql([path])} WHERE {bad}")
    if rows:
        raise DeidentifyError(
            f"The output for {path.parent.parent.parent.name} has keys that are no pseudonyms.",
            seen=f"{rows} rows",
            expected=f"20 hex characters in {sorted(pseudonyms)}",
            do="look for a raw id among the load columns; nothing was written",
        )


def check_types(table: Table, found: Mapping[str, str]) -> None:
    """Raise unless a cleared file has the load columns, and the spec's types where it names one."""
    wanted = {**LOAD_COLUMNS, **{column.name: TYPES[column.type] for column in table.columns}}
    wrong = sorted(
        name
        for name, type_ in found.items()
        if name in wanted and type_ != wanted[name] and (type_, wanted[name]) not in _WIDENED
    )
    absent = sorted(set(LOAD_COLUMNS) - set(found))
    if wrong or absent:
        raise DeidentifyError(
            f"The cleared file of {table.name} does not fit its spec.",
            seen=f"other types in {wrong}, without {absent}",
            expected="the types of the spec and all load columns",
            do="ingest and clear the month again with this version",
        )


def check_patients(
    connection: duckdb.DuckDBPyConnection, table: Table, *, hospital: str, source: Path
) -> None:
    """A row whose patient id and patient key disagree would pass on somebody else's consent."""
    if table.patient not in columns_of(connection, source):
        return
    wrong = count(
        connection,
        f"SELECT count(*) FROM (SELECT DISTINCT {table.patient} AS id, patient_key"
        f" FROM {read_parquet_sql([source])}) WHERE patient_key IS NULL OR id IS NOT NULL AND"
        f" patient_key <> row_hmac('{hospital}|patients|' || id)",
    )
    if wrong:
        raise DeidentifyError(
            f"Rows of {table.name} carry the key of another patient.",
            seen=f"{wrong} pairs of id and key",
            expected="patient_key made from the row's own patient id, with this keyring",
            do="check that the keyring is the one the month was ingested with",
        )


def columns_of(connection: duckdb.DuckDBPyConnection, path: Path) -> dict[str, str]:
    """Column -> DuckDB type of a Parquet file."""
    rows = connection.execute(f"DESCRIBE SELECT * FROM {read_parquet_sql([path])}").fetchall()
    return {row[0]: row[1] for row in rows}


def count(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    """The one number a query gives."""
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


@contextmanager
def no_values_in_errors(doing: str) -> Iterator[None]:
    """DuckDB quotes values in its messages, so only the kind of an error is passed on."""
    try:
        yield
    except duckdb.Error as error:
        raise DeidentifyError(
            f"The engine failed while {doing}.",
            seen=type(error).__name__,
            do="check that the cleared files are whole and of this version",
        ) from None
