"""The chain over the ledger: each batch of events is hashed, and each hash covers the one before.

Verifying computes every event's key and every batch's digest again from what the database holds,
so a changed, removed, added or moved event shows. Removing the newest batches whole does not show
here: whoever keeps a `Head` elsewhere (the audit log does) sees it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa
from sqlalchemy import ColumnElement, Connection, Engine, Select, insert, or_, select, text

from clearward.consent.model import EVENT_SCHEMA, event_key_sql
from clearward.errors import StateError
from clearward.state.models import ConsentBatch, ConsentEvent

GENESIS = "0" * 64
_ROWS = 50_000


@dataclass(frozen=True)
class Head:
    """The newest batch: its number (0 for an empty ledger) and hash."""

    sequence: int
    hash: str


@dataclass(frozen=True)
class Verified:
    """What a whole ledger holds."""

    events: int
    batches: int
    head: Head


def select_events(*more: Any) -> Select[*tuple[Any, ...]]:
    """The columns of `EVENT_SCHEMA`, then any others asked for."""
    return select(*(getattr(ConsentEvent, name) for name in EVENT_SCHEMA.names), *more)


def with_versions(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Events that meet a condition, and all other versions of the records these belong to: what
    one of them says cannot be told without the others."""
    keys = select(ConsentEvent.record_key).where(condition, ConsentEvent.record_key != "")
    return or_(condition, ConsentEvent.record_key.in_(keys))


def stream_tables(
    connection: Connection, query: Select[*tuple[Any, ...]], schema: pa.Schema = EVENT_SCHEMA
) -> Iterator[pa.Table]:
    """Rows of a query as Arrow tables, some thousand rows at a time."""
    for rows in connection.execute(query.execution_options(yield_per=_ROWS)).partitions():
        columns = zip(zip(*rows, strict=True), schema, strict=True)
        arrays = [pa.array(values, field.type) for values, field in columns]
        yield pa.Table.from_arrays(arrays, schema=schema)


def lock(connection: Connection) -> None:
    """Take the right to write before the last batch is read, so that the chain never forks."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.execute(text("LOCK TABLE consent_batch IN SHARE ROW EXCLUSIVE MODE"))


def head(connection: Connection) -> Head:
    """The newest batch."""
    row = connection.execute(
        select(ConsentBatch.sequence, ConsentBatch.hash)
        .order_by(ConsentBatch.sequence.desc())
        .limit(1)
    ).first()
    return Head(row.sequence, row.hash) if row else Head(0, GENESIS)


def read_head(engine: Engine) -> Head:
    """The newest batch, on a connection of its own."""
    with engine.connect() as connection:
        return head(connection)


def close_batch(connection: Connection, last: Head, *, recorded_at: str) -> int:
    """Chain the events that were just added as batch ``last.sequence + 1``; returns how many."""
    number = last.sequence + 1
    columns = ("event_key", "hospital_id", "month", "file_id")
    key = ConsentEvent.event_key
    ordered = key if connection.dialect.name == "sqlite" else key.collate("C")
    query = (
        select(*(getattr(ConsentEvent, name) for name in columns))
        .where(ConsentEvent.batch == number)
        .order_by(ordered)
        .execution_options(yield_per=_ROWS)
    )
    count, digest = _digest("|".join(map(str, row)) for row in connection.execute(query))
    if count:
        link = _link(number, count, digest, recorded_at=recorded_at, previous=last.hash)
        connection.execute(insert(ConsentBatch).values(**link, hash=_hash(link)))
    return count


def _digest(lines: Iterable[str]) -> tuple[int, str]:
    digest, count = hashlib.sha256(), 0
    for line in lines:
        digest.update(line.encode() + b"\n")
        count += 1
    return count, digest.hexdigest()


def _link(
    sequence: int, events: int, digest: str, *, recorded_at: str, previous: str
) -> dict[str, int | str]:
    return {
        "sequence": sequence,
        "events": events,
        "events_sha256": digest,
        "recorded_at": recorded_at,
        "previous_hash": previous,
    }


def _hash(link: Mapping[str, int | str]) -> str:
    canonical = json.dumps(link, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def verify(engine: Engine, *, upto: Head | None = None) -> Verified:
    """Check every event and the whole chain.

    Args:
        engine: the state database.
        upto: a head noted earlier; the ledger must still hold it.

    Raises:
        StateError: an event or batch was changed, removed, added or moved.
    """
    columns = ConsentBatch.__table__.columns.keys()
    with engine.connect() as connection:
        rows = connection.execute(select(*ConsentBatch.__table__.columns).order_by("sequence"))
        batches: list[dict[str, Any]] = [dict(zip(columns, row, strict=True)) for row in rows]
        found = _digests(connection)
    previous = GENESIS
    for number, batch in enumerate(batches, start=1):
        count, digest, wrong = found.pop(number, (0, hashlib.sha256().hexdigest(), 0))
        link = _link(number, count, digest, recorded_at=batch["recorded_at"], previous=previous)
        if wrong or batch != {**link, "hash": _hash(link)}:
            raise _broken(number, f"{wrong} events whose content does not match their key")
        previous = batch["hash"]
        if upto and upto.sequence == number and upto.hash != previous:
            raise _broken(number, "another hash than the one noted earlier")
    if found:
        raise _broken(min(found), "events of a batch that nobody recorded")
    if upto and upto.sequence > len(batches):
        raise _broken(len(batches) + 1, "a batch noted earlier is gone")
    events = sum(batch["events"] for batch in batches)
    return Verified(events, len(batches), Head(len(batches), previous))


def _digests(connection: Connection) -> dict[int, tuple[int, str, int]]:
    """Batch -> events, digest and events with a wrong key, computed from the content."""
    schema = EVENT_SCHEMA.append(pa.field("batch", pa.int64()))
    with duckdb.connect(":memory:") as engine:
        engine.execute("CREATE TABLE line (batch BIGINT, key VARCHAR, text VARCHAR, wrong BOOLEAN)")
        for part in stream_tables(connection, select_events(ConsentEvent.batch), schema):
            engine.register("part", part)
            engine.execute(
                "INSERT INTO line SELECT batch, event_key, concat_ws('|', event_key, hospital_id,"
                f" month, file_id), event_key <> {event_key_sql()} FROM part"
            )
            engine.unregister("part")
        wrong = engine.execute("SELECT batch, count(*) FILTER (wrong) FROM line GROUP BY batch")
        counts = dict(wrong.fetchall())
        return {batch: (*_digest(_lines(engine, batch)), int(bad)) for batch, bad in counts.items()}


def _lines(engine: duckdb.DuckDBPyConnection, batch: int) -> Iterable[str]:
    found = engine.execute("SELECT text FROM line WHERE batch = ? ORDER BY key", [batch])
    while rows := found.fetchmany(_ROWS):
        yield from (row[0] for row in rows)


def _broken(sequence: int, seen: str) -> StateError:
    return StateError(
        "The consent ledger was tampered with.",
        seen=f"the chain breaks at batch {sequence}: {seen}",
        expected="every batch's hash covers its events and the batch before it",
        do="release nothing; compare with a backup, and find who can write to the state database",
    )
