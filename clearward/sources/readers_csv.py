"""CSV files as staged text: header aliases, any column order, wide sheets made long. How text
becomes typed values belongs to `parsing`; bytes and encodings to `text`.
"""

from __future__ import annotations

import csv
import re
import unicodedata
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from clearward.errors import ExtractError
from clearward.sources.parsing import name_sql, quoted
from clearward.sources.spec import Column, SourceSystem, Table
from clearward.sources.staging import Input, Piece, select_sql
from clearward.sources.text import decoded, transcode
from clearward.warehouse import sql_path

DELIMITERS = (",", "\t", ";", "|")
_LINE = re.compile(r"CSV Error on Line: (\d+)")
_MAX_LINE = 16_000_000


@dataclass(frozen=True)
class Header:
    """Names in the first line, as sent and as compared, and the delimiter between them."""

    names: tuple[str, ...]
    delimiter: str

    def index(self, sources: Iterable[str]) -> int | None:
        """Place of the first alias that is present."""
        places = {folded(name): place for place, name in reversed([*enumerate(self.names)])}
        return next((places[folded(s)] for s in sources if folded(s) in places), None)


def folded(name: str) -> str:
    """A header as it is compared: width, case and blanks around it do not matter."""
    return unicodedata.normalize("NFKC", name).strip().casefold()


def read_header(tables: Sequence[Table], source: Input, *, encoding: str) -> Header:
    """The header, split by the delimiter that makes most names known; doubled names refuse."""
    line = ""
    for text in decoded(source.path, encoding=encoding, shown=source.shown):
        line += text
        if "\n" in line or "\r" in line:
            break
    line = re.split(r"[\r\n]", line, maxsplit=1)[0]
    known = {
        folded(s) for table in tables for column in table.columns for s in aliases(table, column)
    }
    best = max(
        (Header(tuple(next(csv.reader([line], delimiter=d), [])), d) for d in DELIMITERS),
        key=lambda header: sum(folded(name) in known for name in header.names),
    )
    if not any(best.names):
        raise ExtractError(
            f"{source.shown} is empty: it has not even a header.",
            do="send it with its header, or leave it out of the extract",
        )
    doubled = {folded(name) for name in best.names if name}
    if len(doubled) != sum(1 for name in best.names if name):
        raise ExtractError(
            f"The header of {source.shown} names a column twice.",
            do="give every column its own name",
        )
    return best


def aliases(table: Table, column: Column) -> tuple[str, ...]:
    """Every header name that would feed a column, numbered ones of a wide sheet included."""
    count = int(table.unpivot.get("count", 0))
    return tuple(
        name.replace("{n}", str(n))
        for name in column.source
        for n in (range(1, count + 1) if "{n}" in name else (0,))
    )


def check_columns(table: Table, header: Header, shown: str) -> None:
    """Refuse a file that lacks a required column."""
    missing = [
        f"{column.name} ({' / '.join(column.source)})"
        for column in table.columns
        if column.required
        and column.name != table.unpivot.get("position")
        and header.index(aliases(table, column)) is None
    ]
    # A wide sheet without any numbered column has nothing to make long: that is no error.
    if table.unpivot and not _numbers(table, header):
        missing = [name for name in missing if "{n}" not in name]
    if missing:
        raise ExtractError(
            f"{shown} lacks required columns of table {table.name}.",
            seen=f"{len(header.names)} columns, without {', '.join(missing)}",
            do="add the columns, or their new names to the spec when they were renamed",
        )


def _numbers(table: Table, header: Header) -> list[int]:
    present = table.column(table.unpivot["present"])
    count = int(table.unpivot["count"])
    return [n for n in range(1, count + 1) if header.index(_nth(present, n)) is not None]


def _nth(column: Column, number: int) -> tuple[str, ...]:
    return tuple(name.replace("{n}", str(number)) for name in column.source)


def stage_csv(
    connection: duckdb.DuckDBPyConnection,
    system: SourceSystem,
    tables: Sequence[Table],
    *,
    source: Input,
    scratch: Path,
    encoding: str,
    bom: bool = False,
) -> dict[str, Piece]:
    """Read one CSV once and give each of its tables a view on it; ragged or unclosed rows refuse.

    Returns:
        Piece by table name.
    """
    header = read_header(tables, source, encoding=encoding)
    for table in tables:
        check_columns(table, header, source.shown)
    path = source.path
    if encoding != "utf-8" or bom:
        plain = scratch / f"{uuid.uuid4().hex}.csv"
        path = transcode(path, plain, encoding=encoding, shown=source.shown)
    target = scratch / f"{uuid.uuid4().hex}.parquet"
    wanted = sorted({place for table in tables for place in _places(table, header)})
    rows = copy_csv(connection, path, header, wanted=wanted, target=target, shown=source.shown)
    if path != source.path:
        path.unlink()
    known = {folded(n) for t in tables for c in t.columns for n in aliases(t, c)}
    dropped = tuple(sorted(n.strip() for n in header.names if folded(n) not in known))
    views = Views(header, source, target, tuple(dict.fromkeys(("", *system.null_tokens))))
    return {t.name: _piece(t, views, rows, dropped) for t in tables}


def copy_csv(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    header: Header,
    *,
    wanted: Sequence[int],
    target: Path,
    shown: str,
) -> int:
    """Copy columns ``c<place>`` of a UTF-8 CSV to Parquet in file order; returns records."""
    columns = ", ".join(f"'c{place}': 'VARCHAR'" for place in range(len(header.names)))
    names = ", ".join(f"c{place}" for place in wanted) or "c0"
    packing = "gzip" if path.suffix.lower() == ".gz" else "none"
    try:
        row = connection.execute(
            f"COPY (SELECT {names} FROM read_csv('{sql_path(path)}', auto_detect=false, "
            f"header=true, delim={quoted(header.delimiter)}, quote='\"', escape='\"', "
            f"compression='{packing}', null_padding=false, strict_mode=true, "
            f"max_line_size={_MAX_LINE}, columns={{{columns}}})) "
            f"TO '{sql_path(target)}' (FORMAT parquet, COMPRESSION snappy)"
        ).fetchone()
    except duckdb.InvalidInputException as error:
        raise _malformed(str(error), shown, len(header.names)) from None
    return int(row[0]) if row else 0


def _malformed(message: str, shown: str, width: int) -> ExtractError:
    """DuckDB's message echoes the line; only its number and kind may travel on."""
    line = _LINE.search(message)
    kind = "a record that is not well-formed CSV"
    if "Expected Number of Columns" in message:
        kind = "a record with another number of columns"
    elif "unterminated quote" in message:
        kind = "a quote that is never closed"
    return ExtractError(
        f"{shown} is ragged or cut.",
        seen=kind + (f" at line {line.group(1)}" if line else ""),
        expected=f"{width} columns in every record, quotes doubled inside quotes",
        do="export the file again",
    )


def _places(table: Table, header: Header) -> list[int]:
    found = [header.index((alias,)) for c in table.columns for alias in aliases(table, c)]
    return [place for place in found if place is not None]


@dataclass(frozen=True)
class Views:
    """What the views of several tables on one staged CSV share."""

    header: Header
    source: Input
    target: Path
    null_tokens: tuple[str, ...]


def _piece(table: Table, views: Views, rows: int, dropped: tuple[str, ...]) -> Piece:
    header = views.header
    numbers: Sequence[int] = _numbers(table, header) if table.unpivot else [0]
    selects = [_select(table, views, number) for number in numbers]
    present = tuple(
        column.name
        for column in table.columns
        if column.name == table.unpivot.get("position")
        or header.index(aliases(table, column)) is not None
    )
    if not selects:
        selects = [f"({_select(table, views, 1)} LIMIT 0)"]
    return Piece(" UNION ALL ".join(selects), rows, dropped, present)


def _select(table: Table, views: Views, number: int) -> str:
    position = table.unpivot.get("position")
    values = []
    for column in table.columns:
        place = views.header.index(_nth(column, number))
        absent = quoted(column.default) if column.default else "NULL"
        value = f"c{place}" if place is not None else absent
        values.append(str(number) if column.name == position else value)
    file_no = str(views.source.file_no)
    columns = select_sql(
        table, file_no=file_no, row="file_row_number + 2", part=str(number), values=values
    )
    origin = f"read_parquet('{sql_path(views.target)}', file_row_number=true)"
    if not table.unpivot:
        return f"SELECT {columns} FROM {origin}"
    # A sheet has fixed slots; one that holds nothing, or a null token, is no row.
    wanted = name_sql(table.unpivot["present"])
    empty = ", ".join(quoted(token) for token in views.null_tokens)
    return f"(SELECT * FROM (SELECT {columns} FROM {origin}) WHERE trim({wanted}) NOT IN ({empty}))"
