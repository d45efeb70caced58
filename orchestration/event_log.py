"""Dagster's event log in SQLite, with its connections kept. Named in `dagster.yaml`; what an event
says is Dagster's own matter.

Dagster's class opens and closes a database for every event, two to four times: SQLite then writes
its journal back each time and SQLAlchemy compiles each statement anew. A month has five hundred
events, and that was a third of its time. Every run has a database of its own: Dagster makes the
tables of each one by one, here a process makes them once and later runs begin with a copy. The
files, tables and their places stay the same.
"""

from __future__ import annotations

import os
import sqlite3
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from threading import RLock
from typing import Any

from dagster._core.events import (
    ASSET_CHECK_EVENTS,
    ASSET_EVENTS,
    EVENT_TYPE_TO_PIPELINE_RUN_STATUS,
)
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import StaticPool

_INSERT = SqlEventLogStorageTable.insert()
_IN_INDEX = {*ASSET_EVENTS, *ASSET_CHECK_EVENTS, *EVENT_TYPE_TO_PIPELINE_RUN_STATUS}
_KEPT = 8  # shards; a run has one of its own, and all share the index


class KeptEventLog(SqliteEventLogStorage):
    """`SqliteEventLogStorage` that opens each shard once and holds the latest few open."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        self._in_use: dict[str, Connection] = {}
        self._blank = b""  # a run's database before its first event
        self._tables: set[str] = set()
        self._columns: set[str] = set()
        super().__init__(base_dir, inst_data)
        self._db_lock = RLock()  # what is stored together asks for the same connection again

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Nothing to configure: the log lies where Dagster's own would, below DAGSTER_HOME."""
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> KeptEventLog:
        """Open the log of this process's Dagster home."""
        return cls(str(Path(os.environ["DAGSTER_HOME"]) / "history" / "runs"), inst_data)

    def store_event(self, event: EventLogEntry) -> None:
        """See `store_event_batch`."""
        self.store_event_batch([event])

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store events of one run, and in the index those that are asked for across runs.

        The same rows as Dagster's own class writes. It builds a statement for each event, which
        SQLAlchemy then has to take apart; here one is compiled once and given rows.
        """
        rows = [self._event_to_row(event) for event in events]
        with self.run_connection(events[0].run_id) as connection:
            connection.execute(_INSERT, rows)
        indexed = [
            (event, row)
            for event, row in zip(events, rows, strict=True)
            if event.dagster_event_type in _IN_INDEX
        ]
        if indexed:
            with self.index_connection():  # all of them in one transaction
                for event, row in indexed:
                    self._mirror(event, row)

    def _mirror(self, event: EventLogEntry, row: Mapping[str, Any]) -> None:
        kind = event.dagster_event_type
        with self.index_connection() as connection:
            number = connection.execute(_INSERT, row).inserted_primary_key[0]
            if kind in ASSET_EVENTS:
                self._store_asset_event_tags(connection, [event], [number])
                self._store_asset_event(connection, event, number)
            if kind in ASSET_CHECK_EVENTS:
                self.store_asset_check_event(event, number)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        # One at a time per process, as in Dagster's own class: its lock is what makes the single
        # connection of each shard safe. Whoever holds the lock may ask again, inside a transaction.
        with self._db_lock:
            if shard in self._in_use:
                yield self._in_use[shard]
                return
            engine = self._engine(shard)
            with engine.connect() as connection, connection.begin():
                self._in_use[shard] = connection
                try:
                    yield connection
                finally:
                    del self._in_use[shard]

    def _engine(self, shard: str) -> Engine:
        is_new = not os.path.exists(self.path_for_shard(shard))  # noqa: PTH110 - for every event
        if shard in self._engines and is_new:  # a wiped run
            self._engines.pop(shard).dispose()
            self._initialized_dbs.discard(shard)
        if shard not in self._engines:
            self._engines[shard] = _open(self.conn_string_for_shard(shard))
            while len(self._engines) > _KEPT:
                self._engines.popitem(last=False)[1].dispose()
        self._engines.move_to_end(shard)
        if shard not in self._initialized_dbs:
            self._make_tables(shard, is_new=is_new)
            self._initialized_dbs.add(shard)
        return self._engines[shard]

    def _make_tables(self, shard: str, *, is_new: bool) -> None:
        """Dagster's own way for the index, for what is there already, and for the first new run."""
        is_new_run = is_new and shard != INDEX_SHARD_NAME
        if is_new_run and self._blank:
            _place(Path(self.path_for_shard(shard)), self._blank)
            return
        self._initdb(self._engines[shard])
        if is_new_run:
            with self._engines[shard].connect() as connection:
                self._blank = connection.connection.driver_connection.serialize()

    def has_table(self, table_name: str) -> bool:
        """Whether the index has a table. Asked for every event; a table does not go away."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def _has_asset_key_col_on_connection(self, conn: Connection, column_name: str) -> bool:
        if column_name not in self._columns:
            if not super()._has_asset_key_col_on_connection(conn, column_name):
                return False
            self._columns.add(column_name)
        return True

    def dispose(self) -> None:
        """Close every shard; SQLite writes its journal back now."""
        while self._engines:
            self._engines.popitem()[1].dispose()
        super().dispose()


def _place(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all; one that somebody made meanwhile stays."""
    with NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".new") as partial:
        partial.write(content)
        partial.flush()
        with suppress(FileExistsError):
            os.link(partial.name, path)


def _open(url: str) -> Engine:
    engine = create_engine(
        url, poolclass=StaticPool, connect_args={"timeout": 60, "check_same_thread": False}
    )
    event.listen(engine, "connect", _wait_for_no_disk)
    return engine


def _wait_for_no_disk(connection: sqlite3.Connection, _: object) -> None:
    """With a write-ahead journal a crash of the machine may lose the last events, no more."""
    connection.execute("PRAGMA synchronous = NORMAL")
