"""Two versions of one table side by side, as SQL: which rows only one of them has, and where a
column differs. Counting that belongs to `changes`, writing it down to `feed`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from clearward.errors import ReleaseError
from clearward.warehouse import read_parquet_sql

LOAD_COLUMNS = frozenset({"month"})
"""Columns that say when a row came, not what it says: a new month alone is no update."""

_KEY, _HASH = "_key", "UBIGINT"
_NUMBER = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL\(.*\)")


@dataclass(frozen=True)
class SideBySide:
    """An old and a new version of a table, joined on its key.

    In SQL the versions are called ``o`` and ``n``; ``_is_there`` is null on the side that lacks a
    row.

    Attributes:
        old, new: relations.
        old_columns, new_columns: column -> type, as DuckDB names it, in the order of the file.
        key: primary key, in both versions and of one type.
    """

    old: str
    new: str
    old_columns: Mapping[str, str]
    new_columns: Mapping[str, str]
    key: tuple[str, ...]

    @property
    def compared(self) -> tuple[str, ...]:
        """Columns of the new version that can make a row an updated one."""
        return tuple(n for n in self.new_columns if n not in {*self.key, *LOAD_COLUMNS})

    def join_sql(self) -> str:
        """``FROM`` clause with every row of both versions once."""
        on = " AND ".join(f"o.{quoted(k)} IS NOT DISTINCT FROM n.{quoted(k)}" for k in self.key)
        sides = [f"(SELECT true AS _is_there, * FROM {side})" for side in (self.old, self.new)]
        return f"FROM {sides[0]} o FULL JOIN {sides[1]} n ON {on}"

    def differs_sql(self, column: str) -> str:
        """True where the column says something else than before.

        An added column does where it is filled. A column of another type does where the value
        does not survive the way there and back; a change of type alone changes no row.
        """
        name, now = quoted(column), self.new_columns[column]
        before = self.old_columns.get(column)
        if before is None:
            return f"n.{name} IS NOT NULL"
        if before == now:
            return f"o.{name} IS DISTINCT FROM n.{name}"
        if _NUMBER.fullmatch(before) and _NUMBER.fullmatch(now):
            return (
                f"(TRY_CAST(o.{name} AS {now}) IS DISTINCT FROM n.{name}"
                f" OR o.{name} IS DISTINCT FROM TRY_CAST(n.{name} AS {before}))"
            )
        return f"CAST(o.{name} AS VARCHAR) IS DISTINCT FROM CAST(n.{name} AS VARCHAR)"

    def hashed(self) -> SideBySide:
        """The same with 64-bit hashes in place of the key and of every value whose type stayed: a
        quarter less work where rows are counted and not shown.

        Of N and M rows two keys share a hash with a chance of N x M / 2^64 (one in 700,000 for five
        million each); then a count is off by one.
        """
        same = {n for n in self.compared if self.old_columns.get(n) == self.new_columns[n]}

        def side(relation: str, columns: Mapping[str, str]) -> tuple[str, dict[str, str]]:
            kept = {n: kind for n, kind in columns.items() if n in self.compared}
            values = [f"hash({', '.join(map(quoted, self.key))}) AS {_KEY}"]
            for name in kept:
                value = quoted(name)
                values.append(f"hash({value}) AS {value}" if name in same else value)
            kinds = {name: _HASH if name in same else kind for name, kind in kept.items()}
            return f"(SELECT {', '.join(values)} FROM {relation})", {_KEY: _HASH, **kinds}

        old, old_columns = side(self.old, self.old_columns)
        new, new_columns = side(self.new, self.new_columns)
        return SideBySide(old, new, old_columns, new_columns, (_KEY,))

    def any_differs_sql(self) -> str:
        """True where any compared column differs."""
        return " OR ".join(map(self.differs_sql, self.compared)) or "false"


def side_by_side(
    connection: duckdb.DuckDBPyConnection,
    old_files: Sequence[Path],
    new_files: Sequence[Path],
    *,
    key: Sequence[str],
) -> SideBySide:
    """Put the files of two versions side by side; one side may have none.

    Raises ReleaseError when both are empty, a file is missing, or the key is not the same on both
    sides: then no row of one version is a row of the other.
    """
    missing = [path.name for path in (*old_files, *new_files) if not path.is_file()]
    if missing or not (old_files or new_files) or not key:
        raise ReleaseError(
            "Two versions cannot be compared.",
            seen=f"{len(missing)} missing files" if missing else "no files, or no key",
            do="fetch both versions again, and name the table's primary key",
        )
    old, new = _relation(old_files, new_files), _relation(new_files, old_files)
    old_columns, new_columns = _columns(connection, old), _columns(connection, new)
    _check_key(old_columns, new_columns, key)
    return SideBySide(old, new, old_columns, new_columns, tuple(key))


def _relation(files: Sequence[Path], other: Sequence[Path]) -> str:
    """A version without files is one without rows."""
    return read_parquet_sql(files) if files else f"(FROM {read_parquet_sql(other)} LIMIT 0)"


def _columns(connection: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    described = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    return {str(name): str(kind) for name, kind, *_ in described}


def has_same_key(
    connection: duckdb.DuckDBPyConnection,
    old_files: Sequence[Path],
    new_files: Sequence[Path],
    *,
    key: Sequence[str],
) -> bool:
    """True when both versions have the key, of one type."""
    old, new = (_columns(connection, read_parquet_sql(files)) for files in (old_files, new_files))
    return bool(key) and not _changed_key(old, new, key)


def _changed_key(old: Mapping[str, str], new: Mapping[str, str], key: Sequence[str]) -> list[str]:
    return [name for name in key if name not in new or old.get(name) != new[name]]


def _check_key(old: Mapping[str, str], new: Mapping[str, str], key: Sequence[str]) -> None:
    changed = _changed_key(old, new, key)
    if changed:
        raise ReleaseError(
            "Another key makes other rows of all of them.",
            seen=f"{', '.join(changed)} missing, or of another type than before",
            expected="the same key in both versions",
            do="read the new version whole instead of its changes",
        )


def quoted(name: str) -> str:
    """A column's name in SQL."""
    return '"' + name.replace('"', '""') + '"'
