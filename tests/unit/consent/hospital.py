"""Fabricated raw partitions and events. What a test needs of a hospital, and no more."""

from __future__ import annotations

import datetime
import hashlib
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from clearward.consent.model import EVENT_SCHEMA, MAY_LACK
from clearward.consent.registry import event_key, load_events
from clearward.settings import Settings
from clearward.sources.state_sql import marker_path
from clearward.state.base import Base, state_engine
from clearward.warehouse import Warehouse

HOSPITAL = "north"
PATIENT_COLUMNS = {
    "patient_id": pa.string(),
    "birth_date": pa.date32(),
    "death_date": pa.date32(),
}
ENCOUNTER_COLUMNS = {"patient_id": pa.string(), "class": pa.string()}
LOAD_COLUMNS = {
    "hospital_id": pa.string(),
    "month": pa.string(),
    "row_key": pa.string(),
    "patient_key": pa.string(),
    "op": pa.string(),
    "content_hash": pa.string(),
    "file_id": pa.string(),
    "source_row": pa.int64(),
}


def make_settings(tmp_path: Path) -> Settings:
    settings = Settings(
        home=tmp_path,
        store=f"file://{tmp_path}/store",
        database=f"sqlite:///{tmp_path}/state.db",
        keyring=tmp_path / "keyring.json",
    )
    Base.metadata.create_all(state_engine(settings.database))
    return settings


def write_raw(settings: Settings, table: str, month: str, rows: list[dict], hospital=HOSPITAL):
    """Rows need ``row_key`` and ``patient_key``; the rest has defaults."""
    own = PATIENT_COLUMNS if table.endswith("__patients") else ENCOUNTER_COLUMNS
    schema = pa.schema({**LOAD_COLUMNS, **own})
    defaults = {"hospital_id": hospital, "month": month, "op": "I", "file_id": "f" * 12}
    if "birth_date" in own:
        defaults["birth_date"] = datetime.date(1970, 1, 1)
    full = [
        {
            **dict.fromkeys(schema.names),
            **defaults,
            "source_row": number,
            "content_hash": hashlib.md5(str(row).encode()).hexdigest(),
            **row,
        }
        for number, row in enumerate(rows, start=2)
    ]
    path = Warehouse(settings.warehouse).partition("raw", table, month=month, hospital=hospital)
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(full, schema=schema), path)
    accept(settings, month, hospital)
    return path


def accept(settings: Settings, month: str, hospital=HOSPITAL):
    """The marker that makes a month's raw partitions count."""
    marker = marker_path(Warehouse(settings.warehouse), month=month, hospital=hospital)
    marker.parent.mkdir(parents=True, exist_ok=True)
    marker.write_text("{}")


def event(patient: str, decision: str, decided_at: str, **more) -> dict:
    decided = stamp(decided_at)
    made = {
        "hospital_id": HOSPITAL,
        "patient_key": patient,
        "purpose": "commercial_licensing",
        "decision": decision,
        "decided_at": decided,
        "valid_from": decided,
        "valid_until": None,
        "text_version": "v1",
        "text_sha256": "0" * 64,
        "evidence_sha256": "1" * 64,
        "language": "en",
        "guardian": False,
        **{name: "" for name in EVENT_SCHEMA.names if name in MAY_LACK},
        "month": decided[:7],
        "file_id": "e" * 12,
        **more,
    }
    for name in ("valid_from", "valid_until"):
        made[name] = made[name] and stamp(made[name])
    return {**made, "event_key": event_key(made)}


def stamp(text: str) -> str:
    return f"{text}T12:00:00Z" if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else text


def as_table(events: list[dict]) -> pa.Table:
    return pa.Table.from_pylist(events, schema=EVENT_SCHEMA)


def record(settings: Settings, *events: dict) -> int:
    return load_events(state_engine(settings.database), as_table(list(events)))


def read_cleared(settings: Settings, table: str, month: str) -> list[dict]:
    return pq.read_table(cleared_path(settings, table, month), partitioning=None).to_pylist()


def cleared_path(settings: Settings, table: str, month: str) -> Path:
    return Warehouse(settings.warehouse).partition("cleared", table, month=month, hospital=HOSPITAL)
