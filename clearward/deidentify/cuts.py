"""What one file must leave behind, found before its rows pass: special diseases, odd values.

The finding is in `special` and `content`; here both become SQL for the passage and counts for the
report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from clearward.deidentify.content import Judged, judge_columns
from clearward.deidentify.domains import domain
from clearward.deidentify.schemas import passing_columns
from clearward.deidentify.special import Pair, row_pair, value_pair
from clearward.sources.spec import Column, Table
from clearward.warehouse import read_parquet_sql

_ROWS = "special_rows"


@dataclass(frozen=True)
class Cuts:
    """Cuts of one file; the temporary tables they name live as long as the connection.

    Attributes:
        rows: what decides on whole rows, where any row must stay.
        judged: column -> values that may not leave.
        along: column -> what decides on its value by a special disease, and the table of it.
    """

    rows: Pair | None = None
    judged: Mapping[str, Judged] = field(default_factory=dict)
    along: Mapping[str, tuple[Pair, str]] = field(default_factory=dict)

    def special_sql(self, row: str = "r") -> str:
        """SQL that is true where a row must stay behind."""
        return f"({self.rows.key_sql(row)} IN (SELECT k FROM {_ROWS}))" if self.rows else "false"

    def value_sql(self, column: Column, treated: str, row: str = "r") -> str:
        """SQL for a treated value, or NULL where it may not leave."""
        tests = []
        value = f'{row}."{column.name}"'
        if column.name in self.judged:
            tests.append(f"{value} IN (SELECT v FROM {self.judged[column.name].table})")
        if column.name in self.along:
            pair, table = self.along[column.name]
            tests.append(f"{pair.key_sql(row)} IN (SELECT k FROM {table})")
        if column.treatment == "keep" and domain(column.domain).range:
            least, greatest = domain(column.domain).range
            tests.append(f"{value} NOT BETWEEN {least} AND {greatest}")
        return f"CASE WHEN {' OR '.join(tests)} THEN NULL ELSE {treated} END" if tests else treated


def find_cuts(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    *,
    source: Path,
    earlier: list[Path],
    found: Mapping[str, str],
) -> Cuts:
    """Look through a cleared file; DeidentifyError when a column holds personal data."""
    judged = judge_columns(connection, table, source=source, earlier=earlier, found=found)
    rows = row_pair(table, found)
    along = {}
    for column in passing_columns(table):
        pair = value_pair(table, column.name, found) if column.name in found else None
        name = f"special_{column.name}"
        if pair and pair.find(connection, source, name):
            along[column.name] = (pair, name)
    held = rows if rows and rows.find(connection, source, _ROWS) else None
    return Cuts(held, judged, along)


def special_counts(
    connection: duckdb.DuckDBPyConnection, cuts: Cuts, *, source: Path
) -> dict[str, int]:
    """Rows left behind by category of special disease."""
    if not cuts.rows:
        return {}
    return dict(
        connection.execute(
            f"SELECT s.category, count(*) FROM {read_parquet_sql([source])} r JOIN {_ROWS} s"
            f" ON s.k = {cuts.rows.key_sql()} GROUP BY ALL ORDER BY ALL"
        ).fetchall()
    )


def withheld_counts(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    *,
    cuts: Cuts,
    source: Path,
    target: Path,
    found: Mapping[str, str],
) -> dict[str, int]:
    """Values that a passing row lost, by output column; columns that lost none are left out."""
    columns = [column for column in passing_columns(table) if column.name in found]
    if not columns:
        return {}
    kept = f"FILTER (NOT {cuts.special_sql()} AND r.op <> 'D')"
    before = ", ".join(f'count(r."{column.name}") {kept}' for column in columns)
    after = ", ".join(f"count(\"{column.output}\") FILTER (op <> 'D')" for column in columns)
    one = connection.execute(f"SELECT {before} FROM {read_parquet_sql([source])} r").fetchone()
    other = connection.execute(f"SELECT {after} FROM {read_parquet_sql([target])}").fetchone()
    lost = zip(columns, one or (), other or (), strict=True)
    return {column.output: int(a) - int(b) for column, a, b in lost if a != b}
