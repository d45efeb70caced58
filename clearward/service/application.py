"""The delivery service put together: HTTP in, decisions of `licensing` out. Addresses belong to
`routes`, rules to `licensing`; query strings, which hold signatures, are logged nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from clearward.keyring import Keyring, load_keyring
from clearward.licensing.copy_desk import CopyDesk
from clearward.releases.signing import load_public_key
from clearward.service import problems
from clearward.service.connections import PatientConnection
from clearward.service.desk import Desk
from clearward.service.guard import MOST_HEAD_BYTES, Guard
from clearward.service.journal import Journal
from clearward.service.limits import Limits
from clearward.service.openapi import document
from clearward.service.routes import endpoints
from clearward.settings import Settings
from clearward.state.base import state_engine
from clearward.storage import Storage, open_storage

MOST_CONNECTIONS = 1000
KEEP_SECONDS = 30  # longer than clients keep one, or they ask just when it is closed


def _utc_now() -> datetime:
    return datetime.now(UTC)


def create_app(
    settings: Settings,
    *,
    keyring: Keyring | None = None,
    storage: Storage | None = None,
    clock: Callable[[], datetime] = _utc_now,
    base_url: str = "",
    limits: Limits | None = None,
    pages: Callable[[Desk], Sequence[BaseRoute]] = lambda _: (),
) -> Starlette:
    """The ASGI application.

    Args:
        settings: store, state database, keyring.
        keyring, storage: in place of those the settings name.
        clock: what time it is, in UTC.
        base_url: where buyers reach the service, for links; default: what their request named.
        limits: how often somebody may ask; `Limits` says what is usual.
        pages: further routes over the same desk, for people; they stand behind the same guard.
    """
    allowed = limits or Limits()
    desk = make_desk(
        settings, keyring=keyring, storage=storage, clock=clock, base_url=base_url, limits=allowed
    )
    table = endpoints(desk)
    described = document(table)
    app = Starlette(
        routes=[
            *(endpoint.route() for endpoint in table),
            Route("/openapi.json", lambda _: JSONResponse(described)),
            *pages(desk),
        ],
        middleware=[Middleware(Guard, limits=allowed)],
        exception_handlers={HTTPException: _refused},
    )
    app.router.redirect_slashes = False  # a redirect would lose the token, and tell what exists
    return app


def make_desk(
    settings: Settings,
    *,
    keyring: Keyring | None = None,
    storage: Storage | None = None,
    clock: Callable[[], datetime] = _utc_now,
    base_url: str = "",
    limits: Limits | None = None,
) -> Desk:
    """What the handlers share; see `create_app`."""
    keys = keyring or load_keyring(settings.keyring)
    store = storage or open_storage(settings)
    engine = state_engine(settings.database)
    return Desk(
        settings=settings,
        engine=engine,
        keyring=keys,
        storage=store,
        public_key=load_public_key(keys),
        copies=CopyDesk(settings, keys, store),
        journal=Journal(engine),
        clock=clock,
        base_url=base_url.rstrip("/"),
        limits=limits or Limits(),
    )


def server_config(
    app: Starlette,
    *,
    host: str = "127.0.0.1",
    port: int = 8350,
    certificate: Path | None = None,
    key: Path | None = None,
) -> uvicorn.Config:
    """uvicorn as the service needs it: no access log, which would hold query strings, and the HTTP
    parser that bounds headers (16 KiB). ``certificate`` and ``key``: PEM files, for TLS.
    """
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=PatientConnection,
        ws="none",
        access_log=False,
        log_level="warning",
        server_header=False,
        h11_max_incomplete_event_size=MOST_HEAD_BYTES,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=KEEP_SECONDS,
        timeout_graceful_shutdown=10,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )


def run(
    settings: Settings,
    *,
    host: str = "127.0.0.1",
    port: int = 8350,
    base_url: str = "",
    certificate: Path | None = None,
    key: Path | None = None,
    limits: Limits | None = None,
    pages: Callable[[Desk], Sequence[BaseRoute]] = lambda _: (),
) -> None:
    """Serve until stopped."""
    app = create_app(settings, base_url=base_url, limits=limits, pages=pages)
    config = server_config(app, host=host, port=port, certificate=certificate, key=key)
    uvicorn.Server(config).run()


def _refused(_: Request, error: Exception) -> Response:
    """What the router refuses itself, in our one shape."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it alone
    problem = problems.NO_METHOD if error.status_code == 405 else problems.NO_PAGE
    return problems.answer(problem, error.headers)
