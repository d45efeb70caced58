"""What changed in each table since the last release, by key. Which number follows from it belongs
to `version`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from clearward.errors import ReleaseError
from clearward.settings import Settings
from clearward.warehouse import engine, read_parquet_sql

LOAD_COLUMNS = frozenset({"month"})
"""Columns that say when a row came, not what it says: a new month alone is no update."""


@dataclass(frozen=True)
class OldTable:
    """A table of the last release, fetched to a local file."""

    path: Path
    columns: Mapping[str, str]


@dataclass(frozen=True)
class NewTable:
    """A table of the candidate."""

    path: Path
    columns: Mapping[str, str]
    key: tuple[str, ...]
    rows: int


@dataclass(frozen=True)
class TableChange:
    """Rows of one table against the last release; None where a count is masked."""

    table: str
    rows: int
    inserted: int | None
    updated: int | None
    deleted: int | None

    @property
    def is_change(self) -> bool:
        """True unless all three counts are zero."""
        return any(count != 0 for count in (self.inserted, self.updated, self.deleted))


def diff_tables(
    settings: Settings, old: Mapping[str, OldTable], new: Mapping[str, NewTable]
) -> tuple[TableChange, ...]:
    """Count inserted, updated and deleted rows of every table of either side.

    A row is updated when a column both sides have IS DISTINCT FROM its old value.
    """
    changes = []
    with engine(settings) as connection:
        for table in sorted({*old, *new}):
            changes.append(_diff(connection, table, old.get(table), new.get(table)))
    return tuple(changes)


def _diff(
    connection: duckdb.DuckDBPyConnection, table: str, old: OldTable | None, new: NewTable | None
) -> TableChange:
    if new is None:
        deleted = _count(connection, old.path) if old else 0
        return TableChange(table, 0, 0, 0, deleted)
    if old is None:
        return TableChange(table, new.rows, new.rows, 0, 0)
    if not set(new.key) <= set(old.columns):
        # Another key makes other rows of all of them
        return TableChange(table, new.rows, new.rows, 0, _count(connection, old.path))
    shared = [c for c in new.columns if c in old.columns and c not in {*new.key, *LOAD_COLUMNS}]
    try:
        row = connection.execute(_diff_sql(old.path, new.path, key=new.key, columns=shared))
        inserted, deleted, updated = row.fetchone() or (0, 0, 0)
    except duckdb.Error as error:
        raise ReleaseError(
            f"Table {table} cannot be compared with its last release.",
            seen=type(error).__name__,
            do="verify the last release, and rebuild the candidate",
        ) from None
    return TableChange(table, new.rows, inserted, updated, deleted)


def _diff_sql(old: Path, new: Path, *, key: Sequence[str], columns: Sequence[str]) -> str:
    on = " AND ".join(f'o."{name}" IS NOT DISTINCT FROM n."{name}"' for name in key)
    differs = " OR ".join(f'o."{name}" IS DISTINCT FROM n."{name}"' for name in columns) or "false"
    return f"""
        SELECT count(*) FILTER (o.present IS NULL),
               count(*) FILTER (n.present IS NULL),
               count(*) FILTER (o.present AND n.present AND ({differs}))
        FROM (SELECT true AS present, * FROM {read_parquet_sql([old])}) o
        FULL JOIN (SELECT true AS present, * FROM {read_parquet_sql([new])}) n ON {on}
    """


def _count(connection: duckdb.DuckDBPyConnection, path: Path) -> int:
    row = connection.execute(f"SELECT count(*) FROM {read_parquet_sql([path])}").fetchone()
    return int(row[0]) if row else 0


def publishable(change: TableChange, k: int) -> TableChange:
    """The same without counts of 1 to k-1.

    Rows before and after are public, so a masked number of inserted rows follows from the deleted
    ones: the two are shown or masked together.
    """
    pair = (change.inserted, change.deleted)
    updated = None if is_small(change.updated, k) else change.updated
    if any(is_small(count, k) for count in pair):
        return replace(change, inserted=None, deleted=None, updated=updated)
    return replace(change, updated=updated)


def is_small(count: int | None, k: int) -> bool:
    """True for 1 to k-1."""
    return count is not None and 0 < count < k
