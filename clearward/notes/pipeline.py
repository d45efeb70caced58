"""One hospital and month of notes: read findings, scrub the text, prove the scrubbing, write.

The rules are elsewhere: what is read in `reader`, what is replaced in `scrub`, who is known in
`roster`. Text leaves this function scrubbed or not at all.
"""

from __future__ import annotations

import hashlib
import importlib
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from clearward.errors import DeidentifyError
from clearward.keyring import Keyring, install_hmac, pseudonym
from clearward.notes.document import open_document
from clearward.notes.finding import Finding
from clearward.notes.reader import TextReading, read_text
from clearward.notes.roster import everyone, make_roster, note_tables, own_identifiers
from clearward.notes.roster import staff_identifiers as staff_of
from clearward.notes.scrub import KnownPeople, Scrubbed, scrub
from clearward.notes.surrogates import Surrogates
from clearward.notes.tables import Staging
from clearward.settings import Settings
from clearward.sources.spec import Table
from clearward.warehouse import Warehouse, engine, read_parquet_sql

BATCH_ROWS = 1_000
Shift = Callable[[str], int]
Row = Mapping[str, Any]


@dataclass(frozen=True)
class NotesReport:
    """What one partition gave: counts and ids only.

    Attributes:
        notes: versions of notes written, deletions included.
        withheld_leak: notes not written because a known identifier stood in the scrubbed text.
        findings_on_phi: findings not written because scrubbing touched their characters.
        by_attribute, rejected, phi: counts by attribute, by attribute and reason, by kind.
    """

    hospital: str
    month: str
    notes: int
    deleted: int
    findings: int
    withheld_leak: int
    findings_on_phi: int
    known_identifiers: int
    by_attribute: Mapping[str, int]
    rejected: Mapping[str, int]
    phi: Mapping[str, int]

    def metadata(self) -> dict[str, int | float | str]:
        """Flat counts for Dagster, the CLI and `reports/`."""
        flat: dict[str, int | float | str] = {
            name: getattr(self, name)
            for name in ("hospital", "month", "notes", "deleted", "findings", "withheld_leak",
                         "findings_on_phi", "known_identifiers")
        }  # fmt: skip
        for prefix, counts in (
            ("finding", self.by_attribute),
            ("rejected", self.rejected),
            ("phi", self.phi),
        ):
            flat |= {f"{prefix}_{name}": number for name, number in sorted(counts.items())}
        return flat


def read_partition(
    settings: Settings,
    keyring: Keyring,
    *,
    hospital: str,
    month: str,
    shift: Shift | None = None,
    batch_rows: int = BATCH_ROWS,
) -> NotesReport:
    """Write `deidentified/note` and `deidentified/finding` of one hospital and month.

    Args:
        settings: where the warehouse is, and limits.
        keyring: keys `row`, `dates` and `surrogate`.
        hospital: hospital id.
        month: ``YYYY-MM``.
        shift: days of a patient; by default `deidentify.dates.shift_days`.
        batch_rows: notes in memory at once; the output does not depend on it.

    Raises:
        DeidentifyError: the partition was never cleared, or no raw table tells who is known there.
    """
    warehouse = Warehouse(settings.warehouse)
    _check_cleared(warehouse, hospital, month=month)
    shift = shift or _shift_of(keyring)
    with (
        engine(settings, ordered=True) as connection,
        _scratch(settings) as folder,
        _no_values_shown(hospital, month),
    ):
        _meet_people(connection, warehouse, hospital=hospital, month=month)
        install_hmac(connection, "row_key_of", keyring.key("row"))
        work = _Work(connection, keyring, hospital=hospital, month=month, shift=shift)
        with Staging(folder, "note") as notes, Staging(folder, "finding") as findings:
            for batch in work.batches(warehouse, batch_rows):
                written, found = work.read(batch)
                notes.add(written)
                findings.add(found)
        for staged in (notes, findings):
            target = warehouse.partition(
                "deidentified", staged.table, month=month, hospital=hospital
            )
            staged.publish(connection, target)
    return work.report()


def _meet_people(
    connection: duckdb.DuckDBPyConnection, warehouse: Warehouse, *, hospital: str, month: str
) -> None:
    if not make_roster(connection, warehouse, hospital=hospital, month=month):
        raise DeidentifyError(
            f"No identifiers are known at hospital {hospital} up to {month}.",
            seen="no raw table with a dropped column",
            do="ingest the hospital's patients before its notes",
        )


class _Work:
    """The known people of one partition, and what has been counted so far."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        keyring: Keyring,
        *,
        hospital: str,
        month: str,
        shift: Shift,
    ) -> None:
        self._connection, self._shift = connection, shift
        self._hospital, self._month = hospital, month
        self._row_key, self._surrogate_key = keyring.key("row"), keyring.key("surrogate")
        staff = staff_of(connection)
        self._staff = KnownPeople(staff)
        self._everyone = everyone(connection, staff)
        self._patient: tuple[str, KnownPeople] = ("", KnownPeople(()))
        self._counts: Counter[str] = Counter()
        self._by_attribute: Counter[str] = Counter()
        self._rejected: Counter[str] = Counter()
        self._phi: Counter[str] = Counter()

    def batches(self, warehouse: Warehouse, rows: int) -> Iterator[list[Row]]:
        """Cleared notes of every source system, at most `rows` at a time."""
        for system, table in note_tables():
            name = system.warehouse_name(table)
            path = warehouse.partition("cleared", name, month=self._month, hospital=self._hospital)
            if path.exists():
                reader = self._connection.execute(self._query(table, path)).to_arrow_reader(rows)
                for batch in reader:
                    yield batch.to_pylist()

    def _query(self, table: Table, path: Path) -> str:
        """Notes beside what is known of their patients, by patient, so that a patient's list is
        built once."""
        listed = {column.output: column for column in table.columns}
        encounter = listed.get("encounter_key")
        encounter_sql = (
            f"row_key_of('{self._hospital}|{encounter.of}|' || n.{encounter.name})"
            if encounter
            else "NULL::VARCHAR"
        )
        title = "n.title" if "title" in listed else "NULL::VARCHAR"
        return f"""
            SELECT n.hospital_id, n.month, n.row_key, n.patient_key, n.op, n.file_id, n.source_row,
                   {encounter_sql} AS encounter_key, n.written_at, {title} AS title, n.text,
                   own.people
            FROM {read_parquet_sql([path])} n LEFT JOIN own ON own.patient_key = n.patient_key
            ORDER BY n.patient_key, n.row_key, n.op
        """

    def read(self, rows: list[Row]) -> tuple[list[Row], list[Row]]:
        """Rows of `note` and of `finding` for one batch."""
        notes: list[Row] = []
        findings: list[Row] = []
        for row in rows:
            if row["op"] == "D" or row["text"] is None:
                self._counts["deleted"] += row["op"] == "D"
                notes.append(self._note(row, None, lang=None))
                continue
            reading = read_text(row["text"])
            scrubbed = self._scrub(row)
            if self._everyone.leaks(open_document(scrubbed.text).plain):
                self._counts["withheld_leak"] += 1
                continue
            notes.append(self._note(row, scrubbed.text, lang=reading.lang))
            findings += self._findings(row, reading, scrubbed)
            self._phi.update(span.kind for span in scrubbed.spans)
        self._counts["notes"] += len(notes)
        self._counts["findings"] += len(findings)
        return notes, findings

    def report(self) -> NotesReport:
        """Counts of all batches."""
        return NotesReport(
            hospital=self._hospital,
            month=self._month,
            notes=self._counts["notes"],
            deleted=self._counts["deleted"],
            findings=self._counts["findings"],
            withheld_leak=self._counts["withheld_leak"],
            findings_on_phi=self._counts["findings_on_phi"],
            known_identifiers=self._everyone.size,
            by_attribute=dict(sorted(self._by_attribute.items())),
            rejected=dict(sorted(self._rejected.items())),
            phi=dict(sorted(self._phi.items())),
        )

    def _scrub(self, row: Row) -> Scrubbed:
        if self._patient[0] != row["patient_key"]:
            self._patient = (row["patient_key"], KnownPeople(own_identifiers(row["people"])))
        return scrub(
            open_document(row["text"]),
            known=(self._patient[1], self._staff),
            surrogates=Surrogates(
                self._surrogate_key, row["row_key"], is_known=self._everyone.__contains__
            ),
            days=self._shift(row["patient_key"]),
            year=row["written_at"].year,
        )

    def _moved(self, row: Row) -> datetime | None:
        if row["written_at"] is None or row["patient_key"] is None:
            return None
        moved: datetime = row["written_at"] + timedelta(days=self._shift(row["patient_key"]))
        return moved

    def _note(self, row: Row, text: str | None, *, lang: str | None) -> Row:
        carried = ("hospital_id", "month", "row_key", "patient_key", "op", "file_id", "source_row")
        live = row["op"] != "D"
        return {name: row[name] for name in carried} | {
            "encounter_key": row["encounter_key"],
            "written_at": self._moved(row),
            "title": row["title"] if live else None,
            "lang": lang,
            "text": text,
            # of the scrubbed text: a hash of the original could be tested against the original
            "note_sha256": None if text is None else hashlib.sha256(text.encode()).hexdigest(),
        }

    def _findings(self, row: Row, reading: TextReading, scrubbed: Scrubbed) -> Iterator[Row]:
        self._rejected.update(f"{r.attribute}_{r.reason}" for r in reading.rejects)
        places = scrubbed.moved([(f.start, f.end) for f in reading.findings])
        for finding, place in zip(reading.findings, places, strict=True):
            if place is None:
                self._counts["findings_on_phi"] += 1
                continue
            self._by_attribute[finding.attribute] += 1
            yield self._finding(row, finding, place)

    def _finding(self, row: Row, finding: Finding, place: tuple[int, int]) -> Row:
        names = ("lang", "attribute", "concept_code", "concept_system", "value_num", "value_low",
                 "value_high", "comparator", "value_text", "unit_ucum", "laterality", "method",
                 "is_negated", "certainty", "temporality", "experiencer", "speaker", "section",
                 "rule_id", "pack_version", "engine_version", "confidence")  # fmt: skip
        values = {name: getattr(finding, name) for name in names}
        span = (str(finding.start), str(finding.end))
        return {name: None if value == "" else value for name, value in values.items()} | {
            "hospital_id": row["hospital_id"],
            "month": row["month"],
            "finding_id": pseudonym(self._row_key, row["row_key"], finding.attribute, *span),
            "note_key": row["row_key"],
            "patient_key": row["patient_key"],
            "encounter_key": row["encounter_key"],
            "recorded_at": self._moved(row),
            "span_start": place[0],
            "span_end": place[1],
        }


def _shift_of(keyring: Keyring) -> Shift:
    # by name: the two rooms stand side by side and neither is imported while the other loads
    module = importlib.import_module("clearward.deidentify.dates")
    return partial(module.shift_days, keyring)


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
