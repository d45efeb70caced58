"""The hash-chained log of decisions. Add here what makes the log harder to falsify; what is worth
logging is each room's own matter.

Each line's hash covers the line and the hash before it, so a changed, removed or inserted line
breaks the chain. Removing the newest lines does not: whoever keeps a `head` elsewhere sees it.
Details hold counts and ids only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Required, TypedDict, Unpack

from sqlalchemy import Connection, Engine, insert, select, text

from clearward.errors import StateError
from clearward.state.models import AuditEvent

GENESIS = "0" * 64
Detail = Mapping[str, int | float | str | bool]


@dataclass(frozen=True)
class Head:
    """The newest line: its sequence number (0 when the log is empty) and hash."""

    sequence: int
    hash: str


class Line(TypedDict, total=False):
    """What is written. ``at`` is now where it is not given."""

    actor: Required[str]
    action: Required[str]
    subject: Required[str]
    detail: Detail | None
    at: datetime | None


def utc_text(moment: datetime) -> str:
    """A moment as the state database keeps it: UTC, ISO 8601, seconds, ``Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def append(engine: Engine, **line: Unpack[Line]) -> Head:
    """Write one line; writers wait for each other, so the chain never forks."""
    with logged(engine) as connection:
        return write(connection, **line)


@contextmanager
def logged(engine: Engine) -> Iterator[Connection]:
    """A transaction that has the log to itself: what is read, changed and written to the log in it
    stands together or not at all, whoever is killed or comes at the same time.
    """
    with engine.connect() as connection:
        _lock(connection)
        yield connection
        connection.commit()


def write(connection: Connection, **line: Unpack[Line]) -> Head:
    """One line in the transaction of `logged`."""
    last = head(connection)
    whole = {
        "sequence": last.sequence + 1,
        "at": utc_text(line.get("at") or datetime.now(UTC)),
        "actor": line["actor"],
        "action": line["action"],
        "subject": line["subject"],
        "detail": dict(line.get("detail") or {}),
        "previous_hash": last.hash,
    }
    digest = _hash(whole)
    # SQLite's guard passes over a number that is taken; PostgreSQL refuses it, and counts nothing
    if connection.execute(insert(AuditEvent).values(**whole, hash=digest)).rowcount == 0:
        raise StateError("The audit log took no line.", do="check the state database")
    return Head(last.sequence + 1, digest)


def head(connection: Connection) -> Head:
    """The newest line of the log."""
    row = connection.execute(
        select(AuditEvent.sequence, AuditEvent.hash).order_by(AuditEvent.sequence.desc()).limit(1)
    ).first()
    return Head(row.sequence, row.hash) if row else Head(0, GENESIS)


def verify(engine: Engine, *, upto: Head | None = None) -> int:
    """Check the whole chain; returns the number of lines.

    Args:
        engine: the state database.
        upto: a head noted earlier; the log must still hold it.

    Raises:
        StateError: a line was changed, removed or inserted.
    """
    previous, count = GENESIS, 0
    columns = AuditEvent.__table__.columns
    with engine.connect() as connection:
        rows = connection.execution_options(yield_per=1000).execute(
            select(*columns).order_by(AuditEvent.sequence)
        )
        for row in rows.mappings():
            line = {name: row[name] for name in columns.keys() if name != "hash"}  # noqa: SIM118
            count += 1
            if (row["sequence"], row["previous_hash"], row["hash"]) != (
                count,
                previous,
                _hash(line),
            ):
                raise _broken(count)
            previous = row["hash"]
            if upto and upto.sequence == count and upto.hash != previous:
                raise _broken(count)
    if upto and upto.sequence > count:
        raise _broken(count + 1)
    return count


def _broken(sequence: int) -> StateError:
    return StateError(
        "The audit log was tampered with.",
        seen=f"the chain breaks at line {sequence}",
        expected="every line's hash covers the line before it",
        do="compare with a backup, and find who can write to the state database",
    )


def _hash(line: Mapping[str, object]) -> str:
    canonical = json.dumps(line, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _lock(connection: Connection) -> None:
    """Take the right to write before reading the last line, or two writers read the same one."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.execute(text("LOCK TABLE audit_event IN SHARE ROW EXCLUSIVE MODE"))
