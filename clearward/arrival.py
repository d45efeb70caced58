"""An extract's way in: found in landing, verified, registered, ingested, its consents recorded.

What a single room does stays in that room; here is only the order, and the register of what came.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from clearward.consent.imports import read_consents
from clearward.consent.registry import load_events
from clearward.errors import ConsentError, ExtractError
from clearward.keyring import Keyring
from clearward.settings import Settings
from clearward.sources.extract import Extract, verify_extract
from clearward.sources.ingest import IngestReport, ingest_extract
from clearward.state.models import ExtractRecord
from clearward.warehouse import check_hospital, check_month


@dataclass(frozen=True)
class Arrival:
    """An extract that lies in the landing folder."""

    hospital: str
    month: str
    folder: Path
    manifest_sha256: str


def landed_extracts(settings: Settings, database: Engine) -> list[Arrival]:
    """Extracts whose manifest the register has not seen, oldest month first."""
    with Session(database) as session:
        known = set(session.scalars(select(ExtractRecord.manifest_sha256)))
    arrivals = [a for a in all_arrivals(settings) if a.manifest_sha256 not in known]
    return sorted(arrivals, key=lambda a: (a.month, a.hospital, str(a.folder)))


def find_extract(settings: Settings, *, hospital: str, month: str) -> Arrival:
    """The extract of a hospital's month; the last one by folder name where several lie there."""
    check_hospital(hospital), check_month(month)
    found = [a for a in all_arrivals(settings) if (a.hospital, a.month) == (hospital, month)]
    if not found:
        raise ExtractError(
            f"There is no extract of {hospital} for {month}.",
            expected=f"a folder with manifest.json under {settings.landing / hospital}",
            do="put the extract there; `clearward extract pack` writes a missing manifest",
        )
    return max(found, key=lambda a: str(a.folder))


def receive_extract(
    settings: Settings, database: Engine, keyring: Keyring, *, hospital: str, month: str
) -> IngestReport:
    """Take one hospital's month into the raw zone; refused whole or taken whole.

    A refusal is registered with its reason before it is raised again.
    """
    arrival = find_extract(settings, hospital=hospital, month=month)
    try:
        extract = verify_extract(arrival.folder)
        events = read_consents(arrival.folder, hospital=hospital, month=month, keyring=keyring)
        report = ingest_extract(settings, extract, keyring)
    except (ExtractError, ConsentError) as refusal:
        _register(database, arrival, None, refused=refusal.failed)
        raise
    load_events(database, events)
    _register(database, arrival, extract, refused="")
    return report


def all_arrivals(settings: Settings) -> Iterator[Arrival]:
    """Every extract in the landing folder, seen before or not."""
    for manifest in sorted(settings.landing.glob("*/*/manifest.json")):
        content = manifest.read_bytes()
        try:
            head = json.loads(content)
            hospital, month = str(head["hospital"]), str(head["month"])
        except (ValueError, KeyError, TypeError):
            # Unreadable here means unreadable for verify_extract too, which says why; the folder
            # names stand in for what the manifest cannot tell.
            hospital, month = manifest.parts[-3], manifest.parts[-2]
        yield Arrival(hospital, month, manifest.parent, hashlib.sha256(content).hexdigest())


def _register(database: Engine, arrival: Arrival, extract: Extract | None, *, refused: str) -> None:
    record = ExtractRecord(
        manifest_sha256=arrival.manifest_sha256,
        hospital_id=arrival.hospital,
        system=extract.system if extract else "",
        month=arrival.month,
        kind=extract.kind if extract else "",
        sequence=extract.sequence if extract else 0,
        status="refused" if refused else "accepted",
        reason=refused[:1000],
        rows_in=sum(file.rows for file in extract.files) if extract else 0,
        received_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    with Session(database) as session, session.begin():
        known = session.scalar(
            select(ExtractRecord).where(ExtractRecord.manifest_sha256 == arrival.manifest_sha256)
        )
        if known is None:
            session.add(record)
        elif known.status != record.status:
            known.status, known.reason = record.status, record.reason
