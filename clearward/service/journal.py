"""Ledger and log as the service writes them: a delivery and its log line stand together or not at
all, and everything that waits is written in one transaction. What is worth a line is `desk`'s.

Nothing leaves before `Journal.write` has returned. Requests that come at the same time share one
commit, so that hundreds of them wait for one write to disk, not for each other's; other processes
take turns with this one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from clearward import audit
from clearward.audit import Line
from clearward.errors import StateError
from clearward.licensing import ledger
from clearward.licensing.ledger import Handover
from clearward.licensing.model import Decision, Reason
from clearward.licensing.quota import may_leave

GRANTED = Decision(True, Reason.GRANTED)


@dataclass
class _Entry:
    lines: Sequence[Line]
    handovers: Sequence[Handover]
    country: str | None
    decision: Decision = field(default=GRANTED)
    is_written: bool = False
    error: SQLAlchemyError | None = field(default=None)


class Journal:
    """One writer at a time in this process; whoever gets the turn writes for all who wait."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._waiting: list[_Entry] = []
        self._list, self._turn = Lock(), Lock()

    def write(
        self,
        lines: Sequence[Line],
        handovers: Sequence[Handover] = (),
        *,
        country: str | None = None,
    ) -> Decision:
        """Write, durably, and say whether what is handed over may leave: `quota.may_leave` is asked
        in the same transaction, and a refusal is logged in place of the lines.

        StateError, and nothing may leave, when the writing fails.
        """
        mine = _Entry(lines, handovers, country)
        with self._list:
            self._waiting.append(mine)
        with self._turn:
            if not mine.is_written and mine.error is None:
                with self._list:
                    batch, self._waiting = self._waiting, []
                self._write(batch)
        if mine.error is not None:
            raise StateError(
                "Ledger and log could not be written; nothing was handed out.",
                seen=type(mine.error).__name__,
                do="check the state database",
            ) from None
        return mine.decision

    def _write(self, batch: Sequence[_Entry]) -> None:
        try:
            self._commit(batch)
        except SQLAlchemyError:
            for entry in batch:  # one that cannot be written must not take others with it
                try:
                    self._commit([entry])
                except SQLAlchemyError as error:
                    entry.error = error

    def _commit(self, batch: Sequence[_Entry]) -> None:
        with audit.logged(self._engine) as connection:
            for entry in batch:
                self._put(connection, entry)
        for entry in batch:
            entry.is_written = True

    @staticmethod
    def _put(connection: Connection, entry: _Entry) -> None:
        entry.decision = GRANTED
        if entry.handovers:
            entry.decision = may_leave(connection, entry.handovers, country=entry.country)
        if not entry.decision.allowed:
            audit.write(connection, **_refused(entry.lines[0], entry.decision))
            return
        for handover in entry.handovers:
            ledger.write(connection, handover)
        for line in entry.lines:
            audit.write(connection, **line)


def _refused(line: Line, decision: Decision) -> Line:
    detail = {k: v for k, v in (line.get("detail") or {}).items() if k != "line"}
    return {**line, "detail": {**detail, "reason": decision.reason.value}}
