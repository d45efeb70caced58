"""What an extract must hold to be worth typing: required tables and columns, filled, in the type
of their spec. Single bad values are no matter of the contract: they go to quarantine.
"""

from __future__ import annotations

import duckdb

from clearward.errors import ExtractError
from clearward.sources.manifest import Manifest
from clearward.sources.parsing import clean_sql, name_sql, parse_sql
from clearward.sources.readers import Staged
from clearward.sources.spec import Column, SourceSystem, Table

PARSE_RATE = 0.995
"""Share of a required column's values that must parse; fewer mean another type (rule R14)."""


def check_tables(
    connection: duckdb.DuckDBPyConnection,
    system: SourceSystem,
    manifest: Manifest,
    staged: Staged,
    *,
    deletions: int,
) -> None:
    """Refuse an extract that is empty, or lacks, empties or re-types something required.

    Raises:
        ExtractError: names the table and column, with counts.
    """
    rows = 0
    for table in system.tables:
        if table.name in staged.pieces:
            rows += _check_table(connection, system, table, staged, full=manifest.kind == "full")
        elif table.required and manifest.kind == "full":
            raise ExtractError(
                f"The extract lacks the required table {table.name}.",
                expected=f"a file named {' or '.join(table.files)}",
                do="send the extract again with that file",
            )
    if not rows and not deletions:
        raise ExtractError("The extract is empty.", seen="no row and no deletion in any file")


def _check_table(
    connection: duckdb.DuckDBPyConnection,
    system: SourceSystem,
    table: Table,
    staged: Staged,
    *,
    full: bool,
) -> int:
    """Refuse an empty required table and a re-typed or lost column; returns rows."""
    # Attachments may all be links or scans: that is a month without texts, not a broken export.
    columns = [
        c
        for c in table.columns
        if (c.required or c.treatment == "pseudonym") and c.name != table.options.get("base64")
    ]
    cleaned = ", ".join(f"{clean_sql(system, table, c)} AS {name_sql(c.name)}" for c in columns)
    counts = ", ".join(part for column in columns for part in _counts(system, column))
    row = connection.execute(
        f"SELECT count(*), {counts} FROM (SELECT {cleaned} FROM ({staged.sql(table)}))"
    ).fetchone()
    if row is None or not row[0]:
        if table.required and full:
            raise ExtractError(
                f"The required table {table.name} is empty.", do="send the extract again, filled"
            )
        return 0
    for number, column in enumerate(columns):
        _judge(table, column, *row[1 + 3 * number : 4 + 3 * number])
    return int(row[0])


def _counts(system: SourceSystem, column: Column) -> tuple[str, str, str]:
    name = name_sql(column.name)
    parsed = "0" if column.type == "text" else f"count({parse_sql(system, column, name)})"
    # An 18-digit id that passed through a spreadsheet: 4.2E+17. Its digits are lost for good.
    lost = f"count(*) FILTER (regexp_full_match({name}, '[0-9][.]?[0-9]*[eE][+]?[0-9]{{1,3}}'))"
    is_id = column.treatment == "pseudonym"
    return f"count({name})", parsed, lost if is_id else "0"


def _judge(table: Table, column: Column, filled: int, parsed: int, lost: int) -> None:
    place, sent_as = f"{table.name}.{column.name}", " / ".join(column.source)
    if column.required and not filled:
        raise ExtractError(
            f"The required column {place} is empty in every row.",
            do=f"send the column ({sent_as}) filled",
        )
    if column.required and column.type != "text" and parsed < PARSE_RATE * filled:
        raise ExtractError(
            f"The required column {place} has another type than its contract.",
            seen=f"{filled - parsed} of {filled} values are no {column.type}",
            expected=f"at least {PARSE_RATE:.1%} of them",
            do=f"export {sent_as} in its old form, or add the new format to the spec",
        )
    # One such id may be real (hexadecimal ids hold an e); a share of them is a spreadsheet's work.
    if lost > (1 - PARSE_RATE) * filled and lost > 1:
        raise ExtractError(
            f"The ids in {place} have lost digits.",
            seen=f"{lost} of {filled} values in scientific notation",
            do=f"export {sent_as} as text, not through a spreadsheet",
        )
