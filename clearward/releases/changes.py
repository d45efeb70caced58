"""What changed in the rows of each table from one version to the next, by key, and which of these
counts may be told. Which number follows from a change belongs to `version`, the rows themselves to
`feed`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb

from clearward.errors import ReleaseError
from clearward.products.counts import is_small
from clearward.releases.side_by_side import SideBySide, has_same_key, side_by_side
from clearward.settings import Settings
from clearward.warehouse import engine, read_parquet_sql


@dataclass(frozen=True)
class TableChange:
    """Rows of one table against the version before; None where a count is masked.

    Attributes:
        rows, rows_before: in the new and in the old version.
        inserted, updated, deleted: rows by key.
        columns: column -> updated rows in which it differs; columns that differ nowhere are left
            out.
    """

    table: str
    rows: int
    rows_before: int
    inserted: int | None
    updated: int | None
    deleted: int | None
    columns: Mapping[str, int | None] = field(default_factory=dict)

    @property
    def is_change(self) -> bool:
        """True unless all three counts are zero."""
        return any(count != 0 for count in (self.inserted, self.updated, self.deleted))


def diff_tables(
    settings: Settings,
    old: Mapping[str, Path],
    new: Mapping[str, Path],
    *,
    keys: Mapping[str, Sequence[str]],
) -> tuple[TableChange, ...]:
    """Count what changed in every table of either side, in one full join per table.

    Args:
        settings: limits of the engine.
        old, new: table -> its Parquet file.
        keys: table -> primary key.

    A row is updated when a column of the new version says something else than before, see
    `side_by_side`. Where the key is not the same on both sides, all rows are others.
    """
    with engine(settings) as connection:
        return tuple(
            _diff(connection, table, old.get(table), new.get(table), key=keys.get(table, ()))
            for table in sorted({*old, *new})
        )


def _diff(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    old: Path | None,
    new: Path | None,
    *,
    key: Sequence[str],
) -> TableChange:
    try:
        rows, before = _count(connection, new), _count(connection, old)
        if not (old and new and has_same_key(connection, [old], [new], key=key)):
            return TableChange(table, rows, before, inserted=rows, updated=0, deleted=before)
        pair = side_by_side(connection, [old], [new], key=key)
        return _join(connection, table, pair.hashed())
    except duckdb.Error as error:
        raise ReleaseError(
            f"Table {table} cannot be compared with its last release.",
            seen=type(error).__name__,
            do="verify the last release, and rebuild the candidate",
        ) from None


def _join(connection: duckdb.DuckDBPyConnection, table: str, pair: SideBySide) -> TableChange:
    flags = [f"{pair.differs_sql(name)} AS d{i}" for i, name in enumerate(pair.compared)]
    each = [f"count(*) FILTER (is_kept AND d{i})" for i in range(len(flags))]
    anywhere = " OR ".join(f"d{i}" for i in range(len(flags))) or "false"
    row = connection.execute(f"""
        SELECT count(*) FILTER (is_new), count(*) FILTER (is_gone), count(*) FILTER (is_kept),
            count(*) FILTER (is_kept AND ({anywhere})) {"".join(f", {count}" for count in each)}
        FROM (SELECT o._is_there IS NULL AS is_new, n._is_there IS NULL AS is_gone,
            o._is_there AND n._is_there AS is_kept {"".join(f", {flag}" for flag in flags)}
            {pair.join_sql()})
    """).fetchone()
    inserted, deleted, kept, updated, *columns = row or (0,) * 4
    differing = {n: c for n, c in zip(pair.compared, columns, strict=True) if c}
    return TableChange(
        table, kept + inserted, kept + deleted, inserted, updated, deleted, differing
    )


def _count(connection: duckdb.DuckDBPyConnection, path: Path | None) -> int:
    if path is None:
        return 0
    row = connection.execute(f"SELECT count(*) FROM {read_parquet_sql([path])}").fetchone()
    return int(row[0]) if row else 0


def publishable(change: TableChange, k: int) -> TableChange:
    """The same with counts of 1 to k-1 masked, and those that lead to one by subtraction.

    Rows before and after are public, so of inserted, deleted and kept rows one tells the others:
    they are shown together or not at all. Kept rows less the updated are those that stayed the
    same, updated rows less those with a changed column are those without: what remains of a
    subtraction must not be small either. And because an updated row differs in some column, the
    shown columns leave a least number for the masked ones: then one more is masked.
    """
    counts = (change.inserted, change.deleted, change.updated)
    if any(count is None for count in counts):
        return change
    inserted, deleted, updated = (count or 0 for count in counts)
    kept = change.rows - inserted
    is_pair_hidden = any(is_small(n, k) for n in (inserted, deleted, kept))
    if is_pair_hidden:  # how many were kept is hidden too: what follows must not depend on it
        least = min(change.rows, change.rows_before)
        is_updated_hidden = is_small(updated, k) or least - updated < 2 * k
    else:
        is_updated_hidden = is_small(updated, k) or is_small(kept - updated, k)
    return replace(
        change,
        inserted=None if is_pair_hidden else inserted,
        deleted=None if is_pair_hidden else deleted,
        updated=None if is_updated_hidden else updated,
        columns={}
        if is_updated_hidden
        else _columns(change.columns, updated, None if is_pair_hidden else kept, k=k),
    )


def _columns(
    columns: Mapping[str, int | None], updated: int, kept: int | None, *, k: int
) -> dict[str, int | None]:
    shown = {name: count or 0 for name, count in columns.items()}
    hidden = {
        name
        for name, count in shown.items()
        if any(is_small(n, k) for n in (count, updated - count, kept and kept - count))
    }
    if hidden:
        told = {name: count for name, count in shown.items() if name not in hidden}
        if updated - sum(told.values()) > len(hidden) and told:
            hidden.add(max(told, key=lambda name: (told[name], name)))
    return {name: None if name in hidden else count for name, count in shown.items()}
