"""An extract's way in: found in landing, verified, registered, ingested, its consents recorded.

What a single room does stays in that room; here is only the order, and the register of what came.
The hospital is the landing folder's name, never what a manifest claims: a hospital can put files
only where it is let in.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from clearward.consent.contradictions import check_source_keys
from clearward.consent.imports import FILE_NAMES, read_consents
from clearward.consent.registry import load_events
from clearward.consent.texts import check_texts
from clearward.errors import ConfigError, ConsentError, ExtractError
from clearward.keyring import Keyring
from clearward.settings import Settings
from clearward.signoff import signed_changes
from clearward.sources.extract import Extract, verify_extract
from clearward.sources.files import is_consents
from clearward.sources.ingest import IngestReport, ingest_extract
from clearward.sources.manifest import MANIFEST
from clearward.sources.staging import scratch_folder
from clearward.state.models import ExtractRecord
from clearward.warehouse import check_hospital, check_month

PASSED_OVER = "Another folder of the same month goes before this one."
UNREADABLE = 0
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Arrival:
    """An extract that lies in the landing folder.

    Attributes:
        month: of the manifest, or the folder's name where the manifest cannot be read.
        sequence: of the manifest; `UNREADABLE` where it cannot be read.
        created_at: of the manifest, as it stands there.
        rows: that the manifest declares; 0 where it cannot be read.
    """

    hospital: str
    month: str
    folder: Path
    manifest_sha256: str
    sequence: int = UNREADABLE
    created_at: str = ""
    rows: int = 0

    @property
    def rank(self) -> tuple[int, str, str]:
        """What decides between two folders of a month: sequence, then date made, then name."""
        return (self.sequence, self.created_at, str(self.folder))


def landed_extracts(settings: Settings, database: Engine) -> list[Arrival]:
    """Extracts whose manifest the register has not seen, oldest month first, then by rank.

    A folder that tells its month neither by manifest nor by name cannot be received; the log
    says so each time, so that nobody waits for it.
    """
    with Session(database) as session:
        known = set(session.scalars(select(ExtractRecord.manifest_sha256)))
    new = [a for a in all_arrivals(settings) if a.manifest_sha256 not in known]
    named = [a for a in new if _is_month(a.month)]
    if len(named) < len(new):
        _log.warning("%d landed manifests are unreadable: no month known", len(new) - len(named))
    return sorted(named, key=lambda a: (a.month, a.hospital, a.rank))


def find_extract(settings: Settings, *, hospital: str, month: str) -> Arrival:
    """The extract of a hospital's month. Of several folders the one with the highest sequence
    counts, then the one made last (`created_at`), then the last by name; one whose manifest
    cannot be read counts only when it is alone."""
    return max(_of_month(settings, hospital=hospital, month=month), key=lambda a: a.rank)


def receive_extract(
    settings: Settings, database: Engine, keyring: Keyring, *, hospital: str, month: str
) -> IngestReport:
    """Take one hospital's month into the raw zone; each extract refused whole or taken whole.

    Several sequences of a month are taken one after the other, so that a delta finds the extract
    before it; the report is the last one's. A refusal is registered with its reason before it is
    raised again, and nothing after it is taken. Safe to call again after a crash.
    """
    found = sorted(_of_month(settings, hospital=hospital, month=month), key=lambda a: a.rank)
    best = {arrival.sequence: arrival for arrival in found}
    if len(best) > 1:
        best.pop(UNREADABLE, None)
    for arrival in found:
        if arrival not in best.values():
            _pass_over(database, arrival)
    return [_receive(settings, database, keyring, arrival=best[n]) for n in sorted(best)][-1]


def _receive(
    settings: Settings, database: Engine, keyring: Keyring, *, arrival: Arrival
) -> IngestReport:
    hospital, month = arrival.hospital, arrival.month
    extract: Extract | None = None
    try:
        # One reading of the files serves both: half of the time of a large extract.
        with scratch_folder(settings) as staging:
            extract = verify_extract(arrival.folder, settings=settings, staging=staging)
            _check_place(arrival, extract)
            events = read_consents(arrival.folder, hospital=hospital, month=month, keyring=keyring)
            check_texts(database, hospital, events)
            check_source_keys(database, hospital, events)
            signed = signed_changes(database, arrival.manifest_sha256)
            known = tuple(sorted({*extract.known_changes, *signed}))
            report = ingest_extract(settings, replace(extract, known_changes=known), keyring)
    except (ExtractError, ConsentError) as refusal:
        _register(database, arrival, extract, refused=refusal.failed)
        raise
    # Only now: a refused extract permits nothing. A crash before the next line is mended by the
    # next call, for which ingest finds nothing to do and the ledger takes what it lacks.
    load_events(database, events)
    _register(database, arrival, extract, refused="")
    return report


def _check_place(arrival: Arrival, extract: Extract) -> None:
    """Refuse another hospital's extract, and consents that no manifest vouches for."""
    if (extract.hospital, extract.month) != (arrival.hospital, arrival.month):
        raise ExtractError(
            f"The extract lies in the landing folder of {arrival.hospital} and is another's.",
            seen=f"{extract.hospital} {extract.month} in its manifest",
            expected=f"{arrival.hospital} {arrival.month}",
            do="put it into its own hospital's folder, or correct the manifest",
        )
    listed = {file.name for file in extract.files}
    lying = {name for name in FILE_NAMES if (arrival.folder / name).is_file()}
    misplaced = {name for name in listed if is_consents(name)} - set(FILE_NAMES)
    if lying - listed or misplaced:
        raise ExtractError(
            "The extract's consents cannot be trusted.",
            seen="a consents file outside the manifest"
            if lying - listed
            else "a consents file in another folder, in capitals or under another name",
            expected=f"{' or '.join(FILE_NAMES)} beside {MANIFEST} and listed in it",
            do="move or list the file, then send the extract again",
        )


def _of_month(settings: Settings, *, hospital: str, month: str) -> list[Arrival]:
    check_hospital(hospital)
    check_month(month)
    found = [a for a in all_arrivals(settings) if (a.hospital, a.month) == (hospital, month)]
    if not found:
        raise ExtractError(
            f"There is no extract of {hospital} for {month}.",
            expected=f"a folder with {MANIFEST} under {settings.landing / hospital}",
            do="put the extract there; `clearward extract pack` writes a missing manifest",
        )
    return found


def all_arrivals(settings: Settings) -> Iterator[Arrival]:
    """Every extract in the landing folder, seen before or not."""
    for path in sorted(settings.landing.glob(f"*/*/{MANIFEST}")):
        content = path.read_bytes()
        hospital, folder = path.parts[-3], path.parent
        month, sequence, created_at, rows = _head(content, otherwise=folder.name)
        digest = hashlib.sha256(content).hexdigest()
        yield Arrival(hospital, month, folder, digest, sequence, created_at, rows)


def _head(content: bytes, *, otherwise: str) -> tuple[str, int, str, int]:
    """Month, sequence, date and rows of a manifest. Unreadable here means unreadable for
    `verify_extract` too, which says why; the folder's name then stands in for the month."""
    try:
        head: dict[str, Any] = json.loads(content)
        month, sequence = str(head["month"]), int(head["sequence"])
        created_at = str(head.get("created_at", ""))
        rows = sum(int(file["rows"]) for file in head["files"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return otherwise, UNREADABLE, "", 0
    if not _is_month(month):
        return otherwise, UNREADABLE, "", 0
    return month, sequence, created_at, rows


def _is_month(text: str) -> bool:
    try:
        return bool(check_month(text))
    except ConfigError:
        return False


def _pass_over(database: Engine, arrival: Arrival) -> None:
    """Register a folder that another one stands in for, unless it was judged before."""
    with Session(database) as session:
        seen = select(ExtractRecord.id).where(
            ExtractRecord.manifest_sha256 == arrival.manifest_sha256
        )
        if session.scalar(seen) is not None:
            return
    _register(database, arrival, None, refused=PASSED_OVER)


def _register(database: Engine, arrival: Arrival, extract: Extract | None, *, refused: str) -> None:
    """Write what became of an extract; a second judgement replaces the first."""
    facts = {
        "hospital_id": arrival.hospital,
        "system": extract.system if extract else "",
        "month": arrival.month,
        "kind": extract.kind if extract else "",
        "sequence": extract.sequence if extract else arrival.sequence,
        "status": "refused" if refused else "accepted",
        "reason": refused[:1000],
        "rows_in": sum(file.rows for file in extract.files) if extract else 0,
    }
    now = datetime.now(UTC).isoformat(timespec="seconds")
    with Session(database) as session, session.begin():
        known = session.scalar(
            select(ExtractRecord).where(ExtractRecord.manifest_sha256 == arrival.manifest_sha256)
        )
        if known is None:
            digest = arrival.manifest_sha256
            session.add(ExtractRecord(manifest_sha256=digest, received_at=now, **facts))
            return
        for name, value in facts.items():
            setattr(known, name, value)
