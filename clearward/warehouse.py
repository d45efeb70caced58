"""The Parquet zones and the engine over them. Add here what every room needs to read or write
a table; keep each room's own SQL in that room.

Truth is in the Parquet files, one file per table x partition; DuckDB connections are opened for
one step and thrown away, so partitions run side by side and on other machines.
"""

from __future__ import annotations

import hashlib
import os
import re
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from clearward.errors import ConfigError
from clearward.settings import Settings

ZONES = ("raw", "quarantine", "cleared", "deidentified", "core", "product", "protected")
IDENTIFIED_ZONES = frozenset({"raw", "quarantine", "cleared"})

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_HOSPITAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.]*")
_MONTH = re.compile(r"\d{4}-(0[0-9]|1[0-2])")


def check_name(text: str) -> str:
    """Return a table or column name, or raise ConfigError: lower snake case only."""
    return _checked(_NAME, text, "name", "lower snake case")


def check_hospital(text: str) -> str:
    """Return a hospital id, or raise ConfigError: letters, digits, dot, underscore."""
    return _checked(_HOSPITAL, text, "hospital id", "letters, digits, '.' and '_'")


def check_month(text: str) -> str:
    """Return a month, or raise ConfigError: ``YYYY-MM``."""
    return _checked(_MONTH, text, "month", "YYYY-MM, such as 2024-05")


def _checked(pattern: re.Pattern[str], text: str, what: str, expected: str) -> str:
    if not pattern.fullmatch(text):
        raise ConfigError(f"Not a {what}: {text!r}.", expected=expected)
    return text


@dataclass(frozen=True)
class Warehouse:
    """Paths of every table partition under one root.

    Layout: ``<root>/<zone>/<table>/month=<YYYY-MM>/hospital=<id>/part.parquet``; tables that hold
    all hospitals of a month leave the hospital level out.
    """

    root: Path

    def partition(self, zone: str, table: str, *, month: str, hospital: str | None = None) -> Path:
        """The Parquet file of one partition; it need not exist."""
        if zone not in ZONES:
            raise ConfigError(f"Unknown zone {zone!r}.", expected=", ".join(ZONES))
        folder = self.root / zone / check_name(table) / f"month={check_month(month)}"
        if hospital is not None:
            folder /= f"hospital={check_hospital(hospital)}"
        return folder / "part.parquet"

    def history(
        self, zone: str, table: str, *, upto: str, hospital: str | None = None
    ) -> list[Path]:
        """Existing partitions of months <= ``upto``, oldest first."""
        inside = f"hospital={check_hospital(hospital)}/" if hospital else "**/"
        last = f"month={check_month(upto)}"
        found = (self.root / zone / check_name(table)).glob(f"month=*/{inside}part.parquet")
        return sorted(p for p in found if _month_part(p) <= last)

    def tables(self, zone: str) -> list[str]:
        """Names of the tables a zone holds."""
        folder = self.root / zone
        return sorted(p.name for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []


def _month_part(path: Path) -> str:
    return next(part for part in path.parts if part.startswith("month="))


@contextmanager
def engine(settings: Settings, *, ordered: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """A private in-memory DuckDB with the configured limits and nothing fetched from outside.

    Args:
        settings: threads, memory limit and home of spill files.
        ordered: keep the order of inserted rows; costs memory.
    """
    spill = settings.home / "spill" / uuid.uuid4().hex
    spill.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(
        ":memory:",
        config={
            "threads": str(settings.threads),
            "memory_limit": settings.memory_limit,
            "temp_directory": str(spill),
            "preserve_insertion_order": str(ordered).lower(),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        },
    )
    try:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection
    finally:
        connection.close()
        _remove_tree(spill)


def _remove_tree(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


def write_parquet(
    connection: duckdb.DuckDBPyConnection, query: str, target: Path, *, order_by: Sequence[str]
) -> int:
    """Write a query to one Parquet file, whole or not at all; returns rows written.

    ``order_by`` must be a full key: the same rows then give the same bytes.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    ordering = f" ORDER BY {', '.join(order_by)}" if order_by else ""
    try:
        row = connection.execute(
            f"COPY (SELECT * FROM ({query}){ordering}) TO '{sql_path(partial)}' "
            "(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880)"
        ).fetchone()
        promote(partial, target)
    finally:
        partial.unlink(missing_ok=True)
    return int(row[0]) if row else 0


def promote(partial: Path, target: Path) -> None:
    """Make a finished file durable under its real name in one atomic step."""
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    partial.replace(target)


def write_text(target: Path, text: str) -> Path:
    """Write a small UTF-8 file, a report for instance, whole or not at all; returns its path."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(target)
    return target


def hash_file(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sql_path(path: Path) -> str:
    """A path as the inside of a SQL string literal."""
    return str(path).replace("'", "''")


def read_parquet_sql(paths: Sequence[Path]) -> str:
    """``read_parquet([...])`` over files that may differ in column order; never a glob."""
    if not paths:
        raise ConfigError("No Parquet files to read.", do="run the step that makes them first")
    files = ", ".join(f"'{sql_path(path)}'" for path in paths)
    return f"read_parquet([{files}], union_by_name=true, hive_partitioning=false)"
