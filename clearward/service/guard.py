"""What holds for every request, whatever it asks: an id, headers, sizes, times, one shape of error.
Who may ask what belongs to the handlers.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from clearward.errors import ClearwardError, StateError, StorageBusyError
from clearward.service import problems
from clearward.service.limits import Buckets, Limits, network_of
from clearward.service.problems import Problem, RefusedError
from clearward.service.streaming import CutError

log = logging.getLogger(__name__)

MOST_BYTES: Final = 1 << 20  # no request of this service is longer
MOST_HEAD_BYTES: Final = 16_384
BODY_SECONDS: Final = 30.0  # for a whole request body
CHUNK_SECONDS: Final = 120.0  # for a buyer to take the next piece of an answer
_ALWAYS: Final = {
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_TLS_ONLY: Final = ("Strict-Transport-Security", "max-age=31536000")


class Guard:
    """ASGI middleware around everything else."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self.app = app
        self._addresses = Buckets(limits.address)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        exchange = _Exchange(scope, receive, send)
        try:
            self._admit(scope)
            exchange.check_length()
            await self.app(scope, exchange.receive, exchange.send)
        except (CutError, ClientDisconnect):
            return  # the answer has no end, or nobody waits for one: the server closes
        except Exception as error:
            problem, headers = _as_problem(error, exchange.request_id)
            if exchange.is_started:
                return
            await problems.answer(problem, headers)(scope, receive, exchange.send)

    def _admit(self, scope: Scope) -> None:
        query = scope.get("query_string", b"")
        head = len(scope.get("raw_path") or b"") + len(query)
        head += sum(len(name) + len(value) for name, value in scope["headers"])
        if head > MOST_HEAD_BYTES:
            raise RefusedError(problems.HEAD_TOO_LARGE)
        if "\0" in scope["path"] or b"%00" in query:  # PostgreSQL keeps no text that holds one
            raise RefusedError(problems.MALFORMED)
        client = scope.get("client")
        wait = self._addresses.take(network_of(client[0] if client else ""))
        if wait:
            raise RefusedError(problems.TOO_MANY, {"Retry-After": str(wait)})


class _Exchange:
    """One request and its answer, counted and timed."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.request_id = secrets.token_hex(16)
        scope.setdefault("state", {})["request_id"] = self.request_id
        self.is_started = False
        self._scope, self._receive, self._send = scope, receive, send
        self._left = MOST_BYTES
        self._until = asyncio.get_running_loop().time() + BODY_SECONDS
        self._is_read = False

    def check_length(self) -> None:
        """RefusedError (413) for a body that says it is too long."""
        for name, value in self._scope["headers"]:
            if name == b"content-length" and (not value.isdigit() or int(value) > MOST_BYTES):
                raise RefusedError(problems.TOO_LARGE)

    async def receive(self) -> Message:
        """The next piece of the body, in time and not beyond the bound."""
        if self._is_read:  # only a disconnection can come, whenever it comes
            return await self._receive()
        left = self._until - asyncio.get_running_loop().time()
        try:
            message = await asyncio.wait_for(self._receive(), max(0.0, left))
        except TimeoutError:
            raise RefusedError(problems.TOO_SLOW, {"Connection": "close"}) from None
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            self._is_read = not message.get("more_body", False)
            if self._left < 0:
                raise RefusedError(problems.TOO_LARGE, {"Connection": "close"})
        return message

    async def send(self, message: Message) -> None:
        """The answer, with what every answer has; a HEAD request gets no body."""
        if message["type"] == "http.response.start":
            self.is_started = True
            self._complete(MutableHeaders(raw=message.setdefault("headers", [])))
        elif self._scope["method"] == "HEAD":
            message = {**message, "body": b""}
        try:
            await asyncio.wait_for(self._send(message), CHUNK_SECONDS)
        except TimeoutError:
            raise CutError from None

    def _complete(self, headers: MutableHeaders) -> None:
        for name, value in _ALWAYS.items():
            headers.setdefault(name, value)
        headers["X-Request-Id"] = self.request_id
        if self._scope["scheme"] == "https":
            headers[_TLS_ONLY[0]] = _TLS_ONLY[1]


def _as_problem(error: Exception, request_id: str) -> tuple[Problem, dict[str, str]]:
    """What a buyer is told; what the operator needs goes to the log, without any value."""
    if isinstance(error, RefusedError):
        return error.problem, error.headers
    if isinstance(error, StorageBusyError | StateError):
        return problems.BUSY, {"Retry-After": "10"}
    seen = str(error) if isinstance(error, ClearwardError) else type(error).__name__
    log.error("request %s failed: %s", request_id, seen)
    return problems.BROKEN, {}
