"""One hospital and month of notes: read findings, scrub the text, prove the scrubbing, write.

The rules are elsewhere: what is read in `reader`, what is replaced in `scrub`, who is known in
`roster`. Text leaves this function scrubbed or not at all.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from clearward.deidentify.dates import shift_days
from clearward.errors import DeidentifyError
from clearward.keyring import Keyring, install_hmac
from clearward.notes.partition import Batch, PartitionWork, Row, Shift
from clearward.notes.reader import warm_up
from clearward.notes.report import NotesReport, Tally, write_report
from clearward.notes.roster import (
    everyone,
    make_empty_roster,
    make_roster,
    note_tables,
    staff_identifiers,
)
from clearward.notes.tables import SCHEMAS, ZONES, Staging, to_arrow
from clearward.notes.titles import shared_titles
from clearward.notes.workers import each_batch
from clearward.settings import Settings
from clearward.sources.spec import Table
from clearward.warehouse import Warehouse, engine, read_parquet_sql

BATCH_ROWS = 1_000


def read_partition(
    settings: Settings,
    keyring: Keyring,
    *,
    hospital: str,
    month: str,
    shift: Shift | None = None,
    batch_rows: int = BATCH_ROWS,
    workers: int = 0,
) -> NotesReport:
    """Write `deidentified/note` and `deidentified/finding` of one hospital and month, and in the
    identified zone where each finding and each identifier stood (`cleared/finding_place`,
    `cleared/note_phi`) and what was refused (`quarantine/note_reject`).

    Args:
        settings: where the warehouse is, and limits.
        keyring: keys `row`, `dates` and `surrogate`.
        hospital: hospital id.
        month: ``YYYY-MM``.
        shift: days of a patient; by default `deidentify.dates.shift_days`.
        batch_rows: notes in one batch; the output does not depend on it.
        workers: processes that read; 0 takes `settings.threads`. The output does not depend on it.

    Raises:
        DeidentifyError: the partition was never cleared, no raw table tells who is known there, or
            a finding broke an invariant (`invariants`): then nothing is written.
    """
    warehouse = Warehouse(settings.warehouse)
    _check_cleared(warehouse, hospital, month=month)
    place = {"hospital": hospital, "month": month}
    with (
        engine(settings, ordered=True) as connection,
        _scratch(settings) as folder,
        _no_values_shown(hospital, month),
    ):
        install_hmac(connection, "row_key_of", keyring.key("row"))
        days = shift or partial(shift_days, keyring)
        work = _prepare(connection, warehouse, keyring, shift=days, **place)
        _warm_up()
        batches = _batches(connection, warehouse, rows=batch_rows, **place)
        results = each_batch(work.read, batches, workers=workers or settings.threads)
        tally, staged = _staged(results, folder)
        for name, made in staged.items():
            made.publish(connection, warehouse.partition(ZONES[name], name, **place))
    report = work.report(tally)
    write_report(settings, report)
    return report


def _staged(results: Iterable[Batch], folder: Path) -> tuple[Tally, dict[str, Staging]]:
    """Every batch's rows in one file per table, closed, and its counts added up."""
    tally = Tally()
    with ExitStack() as stack:
        staged = {name: stack.enter_context(Staging(folder, name)) for name in SCHEMAS}
        for batch in results:
            tally.add(batch.tally)
            for name, rows in batch.tables.items():
                staged[name].add(rows)
    return tally, staged


def _warm_up() -> None:
    """Load now what forked workers would each load: packs, triggers, and what Arrow imports at its
    first table."""
    warm_up()
    to_arrow("note_reject", [])


def _prepare(
    connection: duckdb.DuckDBPyConnection,
    warehouse: Warehouse,
    keyring: Keyring,
    *,
    shift: Shift,
    hospital: str,
    month: str,
) -> PartitionWork:
    """Everybody a note may name, met before the first note is read."""
    place = {"hospital": hospital, "month": month}
    # Meeting everyone takes a minute at a large hospital: not for a month without a note.
    if _cleared_notes(warehouse, **place):
        _meet_people(connection, warehouse, **place)
    else:
        make_empty_roster(connection)
    staff = staff_identifiers(connection)
    return PartitionWork(
        keyring,
        shift,
        staff=staff,
        everyone=everyone(connection, staff),
        shared_titles=_titles(connection, warehouse, **place),
        **place,
    )


def _meet_people(
    connection: duckdb.DuckDBPyConnection, warehouse: Warehouse, *, hospital: str, month: str
) -> None:
    if not make_roster(connection, warehouse, hospital=hospital, month=month):
        raise DeidentifyError(
            f"No identifiers are known at hospital {hospital} up to {month}.",
            seen="no raw table with a dropped column",
            do="ingest the hospital's patients before its notes",
        )


def _titles(
    connection: duckdb.DuckDBPyConnection, warehouse: Warehouse, *, hospital: str, month: str
) -> frozenset[str]:
    """Titles that many of the hospital's patients share, per table."""
    found = frozenset[str]()
    for system, table in note_tables():
        name = system.warehouse_name(table)
        paths = warehouse.history("cleared", name, upto=month, hospital=hospital)
        if paths and any(column.name == "title" for column in table.columns):
            found |= shared_titles(connection, paths)
    return found


def _batches(
    connection: duckdb.DuckDBPyConnection,
    warehouse: Warehouse,
    *,
    hospital: str,
    month: str,
    rows: int,
) -> Iterator[list[Row]]:
    """Cleared notes of every source system, at most `rows` at a time."""
    for table, path in _cleared_notes(warehouse, hospital=hospital, month=month):
        query = _notes_sql(table, path, hospital)
        for batch in connection.execute(query).to_arrow_reader(rows):
            yield batch.to_pylist()


def _cleared_notes(warehouse: Warehouse, *, hospital: str, month: str) -> list[tuple[Table, Path]]:
    """Tables with free text that hold a row this month."""
    found = [
        (table, warehouse.partition("cleared", name, month=month, hospital=hospital))
        for system, table in note_tables()
        for name in [system.warehouse_name(table)]
    ]
    return [(t, p) for t, p in found if p.exists() and pq.read_metadata(p).num_rows]


def _notes_sql(table: Table, path: Path, hospital: str) -> str:
    """Notes beside what is known of their patients, by patient, so that a patient's list is built
    once."""
    listed = {column.output: column for column in table.columns}
    encounter = listed.get("encounter_key")
    encounter_sql = (
        f"row_key_of('{hospital}|{encounter.of}|' || n.{encounter.name})"
        if encounter
        else "NULL::VARCHAR"
    )
    title = "n.title" if "title" in listed else "NULL::VARCHAR"
    return f"""
        SELECT n.hospital_id, n.month, n.row_key, n.patient_key, n.op, n.file_id, n.source_row,
               {encounter_sql} AS encounter_key, n.written_at, {title} AS title, n.text, own.people
        FROM {read_parquet_sql([path])} n LEFT JOIN own ON own.patient_key = n.patient_key
        ORDER BY n.patient_key, n.row_key, n.op
    """


def _check_cleared(warehouse: Warehouse, hospital: str, *, month: str) -> None:
    if not warehouse.partition("cleared", "subject", month=month, hospital=hospital).exists():
        raise DeidentifyError(
            f"Notes of hospital {hospital}, {month} were not cleared.",
            seen="no cleared/subject partition",
            do="run the consent gate for this hospital and month first",
        )


@contextmanager
def _scratch(settings: Settings) -> Iterator[Path]:
    folder = settings.home / "spill" / f"notes-{uuid.uuid4().hex}"
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


@contextmanager
def _no_values_shown(hospital: str, month: str) -> Iterator[None]:
    """DuckDB's messages echo values; only the kind of error may leave."""
    try:
        yield
    except duckdb.Error as error:
        raise DeidentifyError(
            f"The notes of hospital {hospital}, {month} could not be read.",
            seen=type(error).__name__,
            do="check that raw and cleared partitions were written by this version",
        ) from None
