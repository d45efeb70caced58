"""Connections of slow or silent clients: a request's head must arrive within ten seconds. Bodies
and answers are timed in `guard`.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 10.0


class PatientConnection(H11Protocol):
    """uvicorn's own, which waits for ever for the end of a head that has begun."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """A new connection: its first head is awaited."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """More of a head, or of a body; between two requests a new head is awaited."""
        if self._timer is None and self._is_between():
            self._wait()
        super().data_received(data)
        if self._timer is not None and not self._is_between():
            self._stop()

    def on_response_complete(self) -> None:
        """An answer is out; a request that came behind it may have been begun by now."""
        super().on_response_complete()
        if self._timer is not None and not self._is_between():
            self._stop()

    def connection_lost(self, exc: Exception | None) -> None:
        """Gone."""
        self._stop()
        super().connection_lost(exc)

    def _is_between(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(HEAD_SECONDS, self._give_up)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None

    def _give_up(self) -> None:
        self._timer = None
        if self._is_between():
            self.transport.close()
