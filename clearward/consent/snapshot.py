"""Events as Parquet: one file per hospital and month in the identified zone, so that a decision
does not pull millions of rows through a database driver every month. The ledger stays the truth.

A file counts only while its bytes are those the state database noted and no batch was added to
that month since; else it is written again.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection, Engine, delete, func, insert, select

from clearward.consent.ledger import select_events, stream_tables
from clearward.consent.model import EVENT_SCHEMA
from clearward.settings import Settings
from clearward.state.models import ConsentEvent, ConsentSnapshot
from clearward.warehouse import check_hospital, check_month, hash_file, promote


def snapshot_events(
    settings: Settings, engine: Engine, *, hospital: str, month: str
) -> tuple[Path, ...]:
    """Parquet files with all events of a hospital up to a month, in the form of `EVENT_SCHEMA`."""
    check_hospital(hospital)
    with engine.connect() as connection:
        wanted = connection.execute(
            select(ConsentEvent.month, func.max(ConsentEvent.batch))
            .where(ConsentEvent.hospital_id == hospital)
            .where(ConsentEvent.month <= check_month(month))
            .group_by(ConsentEvent.month)
            .order_by(ConsentEvent.month)
        ).all()
        return tuple(
            _partition(settings, connection, hospital, month=each, batch=batch)
            for each, batch in wanted
        )


def _partition(
    settings: Settings, connection: Connection, hospital: str, *, month: str, batch: int
) -> Path:
    folder = settings.warehouse / "raw" / "_consents" / f"month={month}" / f"hospital={hospital}"
    path = folder / "part.parquet"
    noted = connection.execute(
        select(ConsentSnapshot.last_batch, ConsentSnapshot.file_sha256)
        .where(ConsentSnapshot.hospital_id == hospital)
        .where(ConsentSnapshot.month == month)
    ).first()
    is_current = noted is not None and noted.last_batch == batch and path.is_file()
    if noted is None or not is_current or hash_file(path) != noted.file_sha256:
        _write(connection, path, hospital=hospital, month=month)
        _note(connection, hospital, month=month, batch=batch, sha256=hash_file(path))
    return path


def _write(connection: Connection, path: Path, *, hospital: str, month: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    with pq.ParquetWriter(partial, EVENT_SCHEMA, compression="zstd") as writer:
        for table in stream_events(connection, hospital, month=month):
            writer.write_table(table)
    promote(partial, path)


def _note(connection: Connection, hospital: str, *, month: str, batch: int, sha256: str) -> None:
    key = (ConsentSnapshot.hospital_id == hospital, ConsentSnapshot.month == month)
    connection.execute(delete(ConsentSnapshot).where(*key))
    connection.execute(
        insert(ConsentSnapshot).values(
            hospital_id=hospital, month=month, last_batch=batch, file_sha256=sha256
        )
    )
    connection.commit()


def stream_events(connection: Connection, hospital: str, *, month: str) -> Iterator[pa.Table]:
    """Events that one month brought, some thousand at a time."""
    query = select_events().where(ConsentEvent.hospital_id == hospital)
    yield from stream_tables(connection, query.where(ConsentEvent.month == month))
