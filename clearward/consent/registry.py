"""The ledger: consent events in the state database. Events are added, never changed or deleted.

What events mean belongs to `policies`; how they arrive belongs to `imports`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from sqlalchemy import Engine, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from clearward import audit
from clearward.consent import ledger
from clearward.consent.model import (
    EVENT_CONTENT,
    EVENT_SCHEMA,
    MAY_LACK,
    OPTIONAL_GROUPS,
    with_details,
)
from clearward.consent.purposes import EVERYTHING, check_purpose
from clearward.errors import ConsentError, StateError
from clearward.state.models import AuditEvent, ConsentEvent
from clearward.warehouse import check_hospital, check_month

HEAD_NOTED = "consent.head"
_BATCH = 5_000
_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def load_events(engine: Engine, events: pa.Table, *, recorded_at: datetime | None = None) -> int:
    """Add events that the ledger does not hold yet, all of them or none; returns how many.

    An event is known by what the patient said (`event_key`), so a hospital that sends its whole
    history again adds nothing, and the month that first brought an event stays its month.

    Args:
        engine: the state database.
        events: form of `EVENT_SCHEMA`.
        recorded_at: when they were taken in, UTC; default now.

    Raises:
        StateError: the database refused; nothing was added.
    """
    if events.num_rows == 0:
        return 0
    stamp = _stamp(recorded_at or datetime.now(UTC))
    table = with_details(events)
    with _state_errors("adding consent events"), engine.connect() as connection:
        ledger.lock(connection)
        last = ledger.head(connection)
        more = {"recorded_at": stamp, "batch": last.sequence + 1}
        for batch in table.combine_chunks().to_batches(max_chunksize=_BATCH):
            connection.execute(_insert(engine), [{**row, **more} for row in batch.to_pylist()])
        added = ledger.close_batch(connection, last, recorded_at=stamp)
        connection.commit()
    if added:
        _note_head(engine, added)
    return added


def _note_head(engine: Engine, added: int) -> None:
    """Keep the ledger's head in the audit log, so that a shortened ledger shows as well."""
    head = ledger.read_head(engine)
    audit.append(
        engine,
        actor="clearward",
        action=HEAD_NOTED,
        subject=str(head.sequence),
        detail={"events": added, "hash": head.hash},
    )


def verify_ledger(engine: Engine) -> ledger.Verified:
    """Check the ledger's chain, and that it still holds the head the audit log noted last.

    Raises:
        StateError: something of the ledger or of the audit log was changed or removed.
    """
    audit.verify(engine)
    with engine.connect() as connection:
        noted = connection.execute(
            select(AuditEvent.subject, AuditEvent.detail)
            .where(AuditEvent.action == HEAD_NOTED)
            .order_by(AuditEvent.sequence.desc())
            .limit(1)
        ).first()
    upto = ledger.Head(int(noted.subject), str(noted.detail["hash"])) if noted else None
    return ledger.verify(engine, upto=upto)


def read_events(engine: Engine, hospital: str, *, month: str) -> pa.Table:
    """Events of a hospital that months up to ``month`` brought; form of `EVENT_SCHEMA`."""
    query = (
        ledger.select_events()
        .where(ConsentEvent.hospital_id == check_hospital(hospital))
        .where(ConsentEvent.month <= check_month(month))
    )
    with _state_errors("reading consent events"), engine.connect() as connection:
        tables = ledger.stream_tables(connection, query)
        return pa.concat_tables([EVENT_SCHEMA.empty_table(), *tables])


def record_withdrawal(
    engine: Engine,
    *,
    hospital: str,
    patient_key: str,
    decided_at: datetime,
    month: str | None = None,
    purpose: str = EVERYTHING,
    evidence_sha256: str = "",
    language: str = "",
    guardian: bool = False,
    guardian_relation: str = "",
) -> bool:
    """Take in a withdrawal outside an extract; False when the ledger holds it already.

    It counts from ``month`` on (default: the month of ``decided_at``), so every run of the gate
    for that month or a later one leaves the patient out. ``decided_at`` must carry its time zone.
    """
    if decided_at.tzinfo is None:
        raise ConsentError("A withdrawal's time has no time zone.", do="give decided_at in UTC")
    moment = _stamp(decided_at)
    event: dict[str, Any] = {
        "hospital_id": check_hospital(hospital),
        "patient_key": patient_key,
        "purpose": check_purpose(purpose),
        "decision": "withdraw",
        "decided_at": moment,
        "valid_from": moment,
        "valid_until": None,
        "text_version": "",
        "text_sha256": "",
        "evidence_sha256": evidence_sha256,
        "language": language,
        "guardian": guardian,
        **{name: "" for name in EVENT_SCHEMA.names if name in MAY_LACK},
        "guardian_relation": guardian_relation,
    }
    event |= {"event_key": event_key(event), "month": check_month(month or moment[:7])}
    event["file_id"] = ""
    return load_events(engine, pa.Table.from_pylist([event], schema=EVENT_SCHEMA)) == 1


def event_key(event: dict[str, Any]) -> str:
    """SHA-256 over what the patient said: the Python reading of `model.event_key_sql`."""
    texts = [_text(event[name]) for name in EVENT_CONTENT]
    for group in OPTIONAL_GROUPS:
        given = [_text(event.get(name)) for name in group]
        texts += given if any(given) else []
    return hashlib.sha256("|".join(texts).encode()).hexdigest()


def _text(part: Any) -> str:
    if isinstance(part, bool):
        return str(part).lower()
    return "" if part is None else str(part)


def _insert(engine: Engine) -> Any:
    name = engine.dialect.name
    if name not in _INSERTS:
        raise StateError(
            f"The ledger cannot be kept in {name}.", expected=", ".join(sorted(_INSERTS))
        )
    return _INSERTS[name](ConsentEvent).on_conflict_do_nothing(index_elements=["event_key"])


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@contextmanager
def _state_errors(doing: str) -> Iterator[None]:
    """SQLAlchemy's messages quote bound values, so only their kind is passed on."""
    try:
        yield
    except SQLAlchemyError as error:
        raise StateError(
            f"The state database failed while {doing}.",
            seen=type(error).__name__,
            do="run `clearward init`, which brings its tables up to date, and try again",
        ) from None
