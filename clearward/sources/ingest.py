"""Take a verified extract into the raw zone, whole or not at all. Reading is `readers`, judging
rows is `load`, comparing with earlier months is `changes`, permission is `policy`.

All partitions are written beside the warehouse, renamed into it, and accepted by a marker that is
written last; partitions without a marker do not exist (`state_sql`).
"""

from __future__ import annotations

import fcntl
import json
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import duckdb

from clearward.errors import ExtractError
from clearward.keyring import Keyring, check_binding, claim_warehouse
from clearward.settings import Settings
from clearward.sources.changes import load_table
from clearward.sources.extract import Extract, files_of
from clearward.sources.hospital import spec_of
from clearward.sources.load import Job, prepare
from clearward.sources.policy import decide, size_against_median, taken_before
from clearward.sources.readers import Reading, SourceFile, read_deletions, stage_tables
from clearward.sources.report import IngestReport, TableCount, report_to_json
from clearward.sources.staging import guarded, scratch_folder
from clearward.sources.state_sql import accepted_reports, marker_path, read_ingest_report
from clearward.warehouse import Warehouse, engine, promote

__all__ = ["IngestReport", "ingest_extract", "read_ingest_report"]


def ingest_extract(settings: Settings, extract: Extract, keyring: Keyring) -> IngestReport:
    """Write ``raw`` and ``quarantine`` partitions of every table of the extract's system.

    Only rows that are new, changed or deleted against earlier months are written. An extract that
    was taken before changes nothing and returns the report of its month, ``repeated``.

    Raises:
        ExtractError: out of sequence, changed since it was verified, too many deletes, or rows
            that do not add up. Nothing is taken then.
        ConfigError: the warehouse was made with another keyring.
    """
    warehouse = Warehouse(settings.warehouse)
    check_binding(settings.warehouse, keyring)
    with _alone(warehouse, extract.hospital):
        accepted = accepted_reports(warehouse, hospital=extract.hospital)
        decision = decide(extract, accepted)
        if decision == "repeat":
            taken = taken_before(extract, accepted)
            assert taken is not None  # noqa: S101 - that is what the decision says
            return replace(taken, status="repeated")
        staging = Warehouse(settings.warehouse / f".staging-{uuid.uuid4().hex}")
        try:
            tables = _load(settings, extract, keyring, staging=staging, decision=decision)
            last = accepted[-1] if decision in ("replace", "merge") else None
            report = _report(extract, tables, last, merged=decision == "merge")
            rows = sum(table.rows_in for table in tables)
            size = size_against_median(rows, accepted, kind=extract.kind)
            report = replace(report, size_against_median=size)
            claim_warehouse(settings.warehouse, keyring)
            _commit(warehouse, staging, report)
        finally:
            shutil.rmtree(staging.root, ignore_errors=True)
    return report


def _load(
    settings: Settings, extract: Extract, keyring: Keyring, *, staging: Warehouse, decision: str
) -> tuple[TableCount, ...]:
    system, files = spec_of(extract.system, extract.folder), files_of(extract)
    with (
        guarded("loaded"),
        scratch_folder(settings) as scratch,
        engine(settings, ordered=True) as connection,
    ):
        reading = _reading(connection, extract, files, scratch)
        job = Job(
            connection=connection,
            extract=extract,
            system=system,
            files=files,
            staged=reading.staged,
            deletions=reading.deletions,
            warehouse=Warehouse(settings.warehouse),
            staging=staging,
            scratch=scratch,
            decision=decision,
        )
        # From here on every file is read again by row number, not by place in a stream.
        connection.execute("SET preserve_insertion_order = false")
        prepare(job, keyring)
        return tuple(load_table(job, table) for table in system.tables)


def _reading(
    connection: duckdb.DuckDBPyConnection,
    extract: Extract,
    files: tuple[SourceFile, ...],
    scratch: Path,
) -> Reading:
    """What verify read, while it is still there; `files_of` has just found the files unchanged."""
    if extract.reading is not None and extract.reading.folder.is_dir():
        return extract.reading
    system = spec_of(extract.system, extract.folder)
    return Reading(
        folder=scratch,
        staged=stage_tables(connection, system, files, scratch=scratch),
        deletions=read_deletions(connection, system, files, scratch=scratch),
    )


def _report(
    extract: Extract, tables: tuple[TableCount, ...], last: IngestReport | None, *, merged: bool
) -> IngestReport:
    superseded = (*last.superseded, last.fingerprint) if last else ()
    return IngestReport(
        hospital=extract.hospital,
        system=extract.system,
        month=extract.month,
        kind=extract.kind,
        sequence=extract.sequence,
        manifest_sha256=extract.manifest_sha256,
        fingerprint=extract.fingerprint,
        tables=tables,
        superseded=superseded,
        merged=merged,
        dropped_columns=extract.dropped_columns,
        unknown_files=extract.unknown_files,
        export_errors=extract.export_errors,
    )


def _commit(warehouse: Warehouse, staging: Warehouse, report: IngestReport) -> None:
    """Rename every partition into place; the month is void until its marker is written."""
    marker = marker_path(warehouse, month=report.month, hospital=report.hospital)
    marker.unlink(missing_ok=True)
    for path in sorted(staging.root.rglob("part.parquet")):
        target = warehouse.root / path.relative_to(staging.root)
        target.parent.mkdir(parents=True, exist_ok=True)
        promote(path, target)
    marker.parent.mkdir(parents=True, exist_ok=True)
    partial = marker.with_suffix(".partial")
    partial.write_text(
        json.dumps(report_to_json(report), ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )
    promote(partial, marker)


@contextmanager
def _alone(warehouse: Warehouse, hospital: str) -> Iterator[None]:
    """One ingest per hospital at a time; the lock goes away with its process."""
    folder = warehouse.root / "raw" / "_extracts"
    folder.mkdir(parents=True, exist_ok=True)
    with _lock_file(folder, hospital).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ExtractError(
                f"Another ingest of {hospital} is running.", do="wait for it, then ingest again"
            ) from None
        yield


def _lock_file(folder: Path, hospital: str) -> Path:
    return folder / f".lock-{hospital}"
