"""A hospital in a test's folder: writes files, packs them, ingests them, reads the raw zone."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

import duckdb
import pytest

from clearward.keyring import init_keyring
from clearward.settings import Settings
from clearward.sources.extract import pack_extract, verify_extract
from clearward.sources.ingest import IngestReport, ingest_extract
from clearward.sources.state_sql import accepted_history, current_state_sql
from clearward.warehouse import Warehouse

Rows = list[dict[str, object]]

P1, P2, P3 = "p-0001", "p-0002", "p-0003"


class Workshop:
    """Everything a test of this room needs from disk."""

    def __init__(self, root: Path, system: str, hospital: str = "stmary") -> None:
        self.root, self.system, self.hospital = root, system, hospital
        home = root / "home"
        self.settings = Settings(home=home, store="", database="", keyring=home / "keyring.json")
        self.keyring = init_keyring(self.settings.keyring)
        self.warehouse = Warehouse(self.settings.warehouse)
        self.count = 0

    def folder(self) -> Path:
        """A new empty extract folder."""
        self.count += 1
        path = self.root / f"extract-{self.count}"
        path.mkdir()
        return path

    def pack(
        self,
        folder: Path,
        *,
        month: str = "2024-05",
        kind: str = "full",
        sequence: int = 1,
        changes: tuple[str, ...] = (),
    ) -> Path:
        """Write the manifest; returns the folder."""
        path = pack_extract(
            folder,
            hospital=self.hospital,
            system=self.system,
            month=month,
            kind=kind,
            sequence=sequence,
        )
        if changes:
            document = json.loads(path.read_text("utf-8"))
            document["known_changes"] = list(changes)
            path.write_text(json.dumps(document), "utf-8")
        return folder

    def ingest(self, folder: Path) -> IngestReport:
        """Verify and ingest a packed folder."""
        extract = verify_extract(folder, settings=self.settings)
        return ingest_extract(self.settings, extract, self.keyring)

    def query(self, sql: str) -> list[tuple]:
        """Run SQL over files."""
        with duckdb.connect() as connection:
            return connection.execute(sql).fetchall()

    def part(self, zone: str, table: str, month: str = "2024-05") -> Path:
        """A partition of this hospital."""
        return self.warehouse.partition(
            zone, f"{self.system}__{table}", month=month, hospital=self.hospital
        )

    def raw(self, table: str, columns: str, month: str = "2024-05") -> list[tuple]:
        """Columns of a raw partition, sorted."""
        path = self.part("raw", table, month)
        return sorted(self.query(f"SELECT {columns} FROM '{path}'"), key=repr)

    def state(self, table: str, columns: str, month: str = "2024-05") -> list[tuple]:
        """Columns of the current state at a month, sorted."""
        paths = accepted_history(
            self.warehouse, f"{self.system}__{table}", upto=month, hospital=self.hospital
        )
        sql = f"SELECT {columns} FROM ({current_state_sql(paths)})"
        return sorted(self.query(sql), key=repr)

    def files(self) -> dict[str, bytes]:
        """Every file of the warehouse with its bytes, locks left out."""
        root = self.settings.warehouse
        return {
            path.relative_to(root).as_posix(): path.read_bytes()
            for path in sorted(root.rglob("*"))
            if path.is_file() and not path.name.startswith(".lock")
        }


def csv_text(rows: Rows) -> str:
    """Rows as CSV with a header."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def patient(ident: str, **more: object) -> dict[str, object]:
    """A Synthea patient, header of version 3.0."""
    return {
        "Id": ident,
        "BIRTHDATE": "1960-02-03",
        "DEATHDATE": "",
        "SSN": "999-00-0000",
        "FIRST": "Ann",
        "LAST": "Lee",
        "RACE": "white",
        "GENDER": "F",
        "STATE": "Ohio",
        "ZIP": "01970",
        **more,
    }


def encounter(ident: str, who: str, **more: object) -> dict[str, object]:
    """A Synthea encounter."""
    return {
        "Id": ident,
        "START": "2024-04-01T08:00:00Z",
        "STOP": "2024-04-01T09:00:00Z",
        "PATIENT": who,
        "ENCOUNTERCLASS": "ambulatory",
        "CODE": "185345009",
        **more,
    }


def condition(who: str, code: str, **more: object) -> dict[str, object]:
    """A Synthea condition."""
    return {
        "START": "2024-04-01",
        "STOP": "",
        "PATIENT": who,
        "ENCOUNTER": f"e-{who}",
        "CODE": code,
        "DESCRIPTION": "a finding",
        **more,
    }


def observation(who: str, value: object, **more: object) -> dict[str, object]:
    """A Synthea observation."""
    return {
        "DATE": "2024-04-01T08:30:00Z",
        "PATIENT": who,
        "ENCOUNTER": f"e-{who}",
        "CATEGORY": "exam",
        "CODE": "8480-6",
        "DESCRIPTION": "pressure",
        "VALUE": value,
        "UNITS": "mm[Hg]",
        "TYPE": "numeric",
        **more,
    }


def small_run(*, patients: tuple[str, ...] = (P1, P2)) -> dict[str, Rows]:
    """The smallest Synthea run that is a whole extract."""
    return {
        "patients.csv": [patient(p) for p in patients],
        "encounters.csv": [encounter(f"e-{p}", p) for p in patients],
        "conditions.csv": [condition(p, "44054006") for p in patients],
        "observations.csv": [observation(p, 120 + n) for n, p in enumerate(patients)],
    }


def write_run(folder: Path, run: dict[str, Rows], *, encoding: str = "utf-8") -> Path:
    """Write each table as CSV; names ending in .gz are packed."""
    for name, rows in run.items():
        content = csv_text(rows).encode(encoding)
        (folder / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return folder


@pytest.fixture
def synthea(tmp_path: Path) -> Workshop:
    """A hospital that sends Synthea CSV."""
    return Workshop(tmp_path, "synthea")


@pytest.fixture
def his(tmp_path: Path) -> Workshop:
    """A hospital that sends GB18030 CSV."""
    return Workshop(tmp_path, "his", "renmin")


@pytest.fixture
def fhir(tmp_path: Path) -> Workshop:
    """A hospital that sends FHIR NDJSON."""
    return Workshop(tmp_path, "fhir", "general")
