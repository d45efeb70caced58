"""Files as text tables: the values a reader hands on, and which reader a table needs.

A staged table holds the spec's columns as text, untouched, with `file_no`, `source_row` (1-based;
the header of a CSV is row 1) and `part` (0, or the position inside a row that became several).
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from clearward.errors import ExtractError
from clearward.settings import Settings
from clearward.sources.parsing import name_sql
from clearward.sources.spec import Table


@dataclass(frozen=True)
class Piece:
    """One file (or folder of texts) of one table, staged.

    Attributes:
        sql: SELECT of `staged_columns`.
        records: records of the file as its manifest counts them.
        dropped: headers that no spec lists.
        present: spec columns the file has.
    """

    sql: str
    records: int
    dropped: tuple[str, ...] = ()
    present: tuple[str, ...] = ()


@dataclass(frozen=True)
class Input:
    """A file of an extract on its way to a reader."""

    path: Path
    file_no: int
    shown: str


def staged_columns(table: Table) -> tuple[str, ...]:
    """Names a staged SELECT yields, in order."""
    return ("file_no", "source_row", "part", *(column.name for column in table.columns))


def select_sql(table: Table, *, file_no: str, row: str, part: str, values: Sequence[str]) -> str:
    """The SELECT list of a staged table; ``values`` are text expressions in column order."""
    named = [
        f"CAST({value} AS VARCHAR) AS {name_sql(column.name)}"
        for value, column in zip(values, table.columns, strict=True)
    ]
    head = (
        f"CAST({file_no} AS INTEGER) AS file_no",
        f"CAST({row} AS BIGINT) AS source_row",
        f"CAST({part} AS INTEGER) AS part",
    )
    return ", ".join((*head, *named))


def empty_sql(table: Table) -> str:
    """A staged table without rows: what a table that was not sent looks like."""
    values = ["NULL" for _ in table.columns]
    return f"SELECT {select_sql(table, file_no='0', row='0', part='0', values=values)} LIMIT 0"


@contextmanager
def scratch_folder(settings: Settings) -> Iterator[Path]:
    """A private folder under the home for identified text on its way; removed at the end."""
    folder = settings.home / "spill" / f"extract-{uuid.uuid4().hex}"
    folder.mkdir(parents=True)
    folder.chmod(0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def guarded(doing: str) -> Iterator[None]:
    """Turn an engine failure into an ExtractError that echoes none of the engine's message: it
    may hold a value of the data."""
    try:
        yield
    except duckdb.Error as error:
        raise ExtractError(
            f"The engine failed while it {doing} the extract; nothing of it was taken.",
            seen=type(error).__name__,
            do="check disk space and CLEARWARD_MEMORY, then try again",
        ) from None
