"""Fabricated cleared partitions for every spec: each cell holds a marker of its own column."""

from __future__ import annotations

import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from clearward.keyring import Keyring, pseudonym
from clearward.settings import Settings
from clearward.sources.spec import Column, SourceSystem, Table
from clearward.warehouse import Warehouse

HOSPITAL, MONTH = "north", "2024-05"
ARROW_TYPES = {
    "text": pa.string(),
    "integer": pa.int64(),
    "decimal": pa.float64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "boolean": pa.bool_(),
}
LOAD_TYPES = {
    "hospital_id": pa.string(),
    "month": pa.string(),
    "row_key": pa.string(),
    "patient_key": pa.string(),
    "op": pa.string(),
    "content_hash": pa.string(),
    "file_id": pa.string(),
    "source_row": pa.int64(),
}


# One value of each domain of kept columns.
VALID = {
    "sex": "F", "race": "white", "ethnicity": "hispanic", "ethnic_group": "汉族",
    "encounter_class": "inpatient", "status": "finished", "category": "laboratory",
    "clinical_status": "active", "verification_status": "confirmed", "value_type": "text",
    "code_system": "LOINC", "modality": "CT", "disposition": "1", "on_admission": "1",
    "eye": "OD", "iop_method": "NCT", "note_title": "Progress note", "visual_acuity": "0.6",
    "small_number": "17", "unit": "mg/dL", "code": "4548-4",
    "label": "Essential hypertension (disorder)", "department": "眼科",
    "ordinal": 1, "days": 3, "count": 2, "flag": True,
}  # fmt: skip


def make_settings(tmp_path: Path) -> Settings:
    return Settings(
        home=tmp_path,
        store=f"file://{tmp_path}/store",
        database=f"sqlite:///{tmp_path}/state.db",
        keyring=tmp_path / "keyring.json",
    )


def marker(table: Table, column: Column, number: int) -> str:
    """Text that no other column of the system holds."""
    return f"zq{table.name}.{column.name}qz{number}"


def cell(table: Table, column: Column, number: int):
    """A marker where the type can hold one, else a plain value."""
    if column.treatment == "keep":
        return VALID[column.domain]
    plain = {
        "integer": 7_000_000 + number,
        "decimal": 7.25,
        "boolean": True,
        "date": datetime.date(1950, 3, number % 28 + 1),
        "timestamp": datetime.datetime(2024, 5, number % 28 + 1, 8, 30),
    }
    return plain.get(column.type, marker(table, column, number))


def make_row(keyring: Keyring, table: Table, number: int, **own) -> dict:
    """One row of a table, keys made as rooms.md says; ``own`` replaces cells."""
    row = {column.name: cell(table, column, number) for column in table.columns} | own
    key = keyring.key("row")
    patient = str(row.get(table.patient))
    natural = [str(row[name]) for name in table.natural_key]
    load = {
        "hospital_id": HOSPITAL,
        "month": MONTH,
        "row_key": pseudonym(key, HOSPITAL, table.name, *natural),
        "patient_key": pseudonym(key, HOSPITAL, "patients", patient),
        "op": "I",
        "content_hash": "zqhashqz",
        "file_id": "0" * 12,
        "source_row": number + 1,
    }
    return {**load, **row}


def write_cleared(settings: Settings, system: SourceSystem, table: Table, rows, extra=None) -> Path:
    """Write rows; ``extra`` are columns that no spec lists, with one value each."""
    extra = extra or {}
    fields = {column.name: ARROW_TYPES[column.type] for column in table.columns}
    schema = pa.schema({**LOAD_TYPES, **fields, **dict.fromkeys(extra, pa.string())})
    place = Warehouse(settings.warehouse)
    name = system.warehouse_name(table)
    path = place.partition("cleared", name, month=MONTH, hospital=HOSPITAL)
    path.parent.mkdir(parents=True, exist_ok=True)
    full = [{**dict.fromkeys(schema.names), **extra, **row} for row in rows]
    pq.write_table(pa.Table.from_pylist(full, schema=schema), path)
    return path


def write_subject(settings: Settings, *patient_keys: str) -> Path:
    place = Warehouse(settings.warehouse)
    path = place.partition("cleared", "subject", month=MONTH, hospital=HOSPITAL)
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = {
        "hospital_id": [HOSPITAL] * len(patient_keys),
        "month": [MONTH] * len(patient_keys),
        "patient_key": list(patient_keys),
        "purpose": ["commercial_licensing"] * len(patient_keys),
    }
    schema = pa.schema({name: pa.string() for name in columns})
    pq.write_table(pa.table(columns, schema=schema), path)
    return path


def output_path(settings: Settings, name: str) -> Path:
    place = Warehouse(settings.warehouse)
    return place.partition("deidentified", name, month=MONTH, hospital=HOSPITAL)


def read_output(settings: Settings, name: str) -> list[dict]:
    return pq.read_table(output_path(settings, name), partitioning=None).to_pylist()
