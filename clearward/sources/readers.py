"""From an extract to staged text tables: which reader takes which file. Each format's own ways
stay in ``readers_csv``, ``readers_fhir`` and ``readers_notes``.
"""

from __future__ import annotations

import csv
import io
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from clearward.errors import ExtractError
from clearward.sources.borrow import borrow
from clearward.sources.bulk import (
    BulkManifest,
    first_resource,
    holds_consents,
    read_bulk_manifest,
)
from clearward.sources.files import (
    DELETIONS,
    TEXT_READER,
    is_consents,
    is_lines,
    plain_name,
    role_of,
    shown_name,
    tables_in,
)
from clearward.sources.readers_csv import copy_csv, read_header, stage_csv
from clearward.sources.readers_fhir import (
    copy_ndjson,
    deleted_urls,
    stage_ndjson,
)
from clearward.sources.readers_notes import stage_notes
from clearward.sources.spec import SourceSystem, Table
from clearward.sources.staging import Input, Piece, empty_sql
from clearward.sources.text import decoded, has_bom


@dataclass(frozen=True)
class SourceFile:
    """A file of an extract and what it is.

    Attributes:
        called: the name that tells its kind: its own, or ``<Resource>.ndjson`` after the Bulk Data
            manifest or its first line.
    """

    number: int
    name: str
    called: str
    path: Path
    shown: str
    role: str
    encoding: str

    @property
    def source(self) -> Input:
        """The file as readers take it."""
        return Input(self.path, self.number, self.shown)


@dataclass
class Staged:
    """Every table of an extract as staged text; ``pieces`` by table name."""

    pieces: dict[str, list[Piece]] = field(default_factory=dict)
    records: dict[int, int] = field(default_factory=dict)

    def sql(self, table: Table) -> str:
        """SELECT of all rows of a table, over all its files."""
        pieces = self.pieces.get(table.name, [])
        return " UNION ALL ".join(f"({p.sql})" for p in pieces) if pieces else empty_sql(table)

    def rows(self, name: str) -> int:
        """Records of a table's files; a wide sheet makes several rows of each."""
        return sum(piece.records for piece in self.pieces.get(name, []))

    def dropped(self) -> tuple[str, ...]:
        """``table.header`` of every column that no spec lists."""
        found = {f"{t}: {name}" for t, ps in self.pieces.items() for p in ps for name in p.dropped}
        return tuple(sorted(found))


@dataclass(frozen=True)
class Deletion:
    """A row the hospital takes back: the first values of its natural key."""

    table: str
    key: tuple[str, ...]
    file_no: int
    source_row: int


@dataclass(frozen=True)
class Reading:
    """Every file of an extract, read once: what verify judged and ingest can take over.

    Attributes:
        folder: holds the staged Parquet; the reading is worth nothing without it.
    """

    folder: Path
    staged: Staged
    deletions: tuple[Deletion, ...]


def source_files(
    system: SourceSystem, folder: Path, names: Sequence[str]
) -> tuple[SourceFile, ...]:
    """Files in manifest order, each with its role and the encoding it must be in."""
    bulk = read_bulk_manifest(folder) if system.format == "ndjson" else BulkManifest()
    return tuple(
        _source_file(system, folder, name, number=number, bulk=bulk)
        for number, name in enumerate(names)
    )


def _source_file(
    system: SourceSystem, folder: Path, name: str, *, number: int, bulk: BulkManifest
) -> SourceFile:
    called, role = name, role_of(system, name, listed=bulk.roles)
    shown = shown_name(system, name)
    if role == "unknown" and is_lines(name) and system.format == "ndjson":
        kind = bulk.types.get(plain_name(name)) or first_resource(folder / name)
        called = f"{kind}.ndjson"
        role = role_of(system, called)
        if role == "consents" or (role == "unknown" and holds_consents(folder / name, shown)):
            raise ExtractError(
                f"{shown} holds consents under another name.",
                expected="Consent.ndjson",
                do="rename it: a withdrawal must not get lost",
            )
    is_ours = is_consents(name) or plain_name(name) == DELETIONS
    encoding = "utf-8" if is_ours else system.encoding
    return SourceFile(number, name, called, folder / name, shown, role, encoding)


def stage_tables(
    connection: duckdb.DuckDBPyConnection,
    system: SourceSystem,
    files: Sequence[SourceFile],
    *,
    scratch: Path,
) -> Staged:
    """Read every file that feeds a table; nothing is typed or judged yet."""
    staged = Staged()
    lookup = _stage_lookup(connection, files, scratch)
    texts: dict[str, list[SourceFile]] = {}
    for file in files:
        if file.role != "table":
            continue
        tables = tables_in(system, file.called)
        if tables[0].options.get("reader") == TEXT_READER:
            texts.setdefault(tables[0].name, []).append(file)
            continue
        for name, piece in _stage_one(connection, system, file, scratch, lookup).items():
            staged.pieces.setdefault(name, []).append(piece)
            staged.records[file.number] = piece.records
    for name, members in texts.items():
        sources = [file.source for file in members]
        piece = stage_notes(
            system.table(name), sources=sources, scratch=scratch, encoding=system.encoding
        )
        staged.pieces[name] = [piece]
        staged.records.update({file.number: 1 for file in members})
    staged.pieces = borrow(connection, system, staged.pieces)
    return staged


def _stage_one(
    connection: duckdb.DuckDBPyConnection,
    system: SourceSystem,
    file: SourceFile,
    scratch: Path,
    lookup: Path | None,
) -> dict[str, Piece]:
    tables = tables_in(system, file.called)
    if system.format == "ndjson":
        table = tables[0]
        piece = stage_ndjson(
            connection, system, table, source=file.source, scratch=scratch, lookup=lookup
        )
        return {table.name: piece}
    return stage_csv(
        connection,
        system,
        tables,
        source=file.source,
        scratch=scratch,
        encoding=file.encoding,
        bom=has_bom(file.path),
    )


def _stage_lookup(
    connection: duckdb.DuckDBPyConnection, files: Sequence[SourceFile], scratch: Path
) -> Path | None:
    """Resources that others only point to (Medication), all files together."""
    parts = []
    for file in files:
        if file.role == "lookup":
            parts.append(scratch / f"{uuid.uuid4().hex}.lookup.parquet")
            gz = file.path.suffix.lower() == ".gz"
            copy_ndjson(connection, file.source, target=parts[-1], gz=gz)
    if len(parts) <= 1:
        return parts[0] if parts else None
    whole = scratch / f"{uuid.uuid4().hex}.parquet"
    names = ", ".join(f"'{part}'" for part in parts)
    connection.execute(
        f"COPY (SELECT json FROM read_parquet([{names}])) TO '{whole}' (FORMAT parquet)"
    )
    return whole


def count_records(connection: duckdb.DuckDBPyConnection, file: SourceFile, scratch: Path) -> int:
    """Records of a file that feeds no table: consents, deletions, deleted and error lists."""
    target = scratch / f"{uuid.uuid4().hex}.parquet"
    of_fhir = file.role == "consents" and not plain_name(file.path.name).endswith(".csv")
    if of_fhir or file.role in ("fhir_deleted", "fhir_error", "lookup"):
        gz = file.path.suffix.lower() == ".gz"
        return copy_ndjson(connection, file.source, target=target, gz=gz)
    header = read_header((), file.source, encoding=file.encoding)
    return copy_csv(connection, file.path, header, wanted=(), target=target, shown=file.shown)


def read_deletions(
    connection: duckdb.DuckDBPyConnection,
    system: SourceSystem,
    files: Sequence[SourceFile],
    *,
    scratch: Path,
) -> tuple[Deletion, ...]:
    """Every deletion an extract names; one that cannot be understood refuses the extract."""
    found: list[Deletion] = []
    for file in files:
        if file.role == "deletions":
            found.extend(_listed_deletions(system, file))
        elif file.role == "fhir_deleted":
            found.extend(_fhir_deletions(connection, system, file, scratch))
    return tuple(found)


def _listed_deletions(system: SourceSystem, file: SourceFile) -> Iterator[Deletion]:
    text = "".join(decoded(file.path, encoding=file.encoding, shown=file.shown))
    rows = csv.DictReader(io.StringIO(text, newline=""))
    if rows.fieldnames is None or not {"table", "key"} <= set(rows.fieldnames):
        raise ExtractError(f"{file.shown} lacks its columns.", expected="table, key")
    names = {table.name: len(table.natural_key) for table in system.tables}
    for number, row in enumerate(rows, start=2):
        table, key = (row["table"] or "").strip(), tuple((row["key"] or "").split("|"))
        if table not in names or not key[0].strip() or len(key) > names[table]:
            raise ExtractError(
                f"Line {number} of {file.shown} names no row.",
                expected=f"a table of {sorted(names)} and the values of its natural key",
                do="correct the line: a delete must not get lost",
            )
        yield Deletion(table, key, file.number, number)


def _fhir_deletions(
    connection: duckdb.DuckDBPyConnection, system: SourceSystem, file: SourceFile, scratch: Path
) -> Iterator[Deletion]:
    tables = {str(t.options.get("resource")): t.name for t in system.tables}
    for number, url in enumerate(deleted_urls(connection, file.source, scratch), start=1):
        resource, key = url.split("/_history/")[0].rsplit("/", 2)[-2:]
        if resource in tables:
            yield Deletion(tables[resource], (key,), file.number, number)
