"""The delivery service: HTTP in, decisions of `policies` out. No rule about a licence is made here.

What an answer may tell: without a good token 401; with one, a release that is not covered and one
that does not exist are the same 404. A link that is forged, expired, revoked or for nothing is the
same 403. Every decision goes to the audit log; query strings, which hold signatures, go nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from clearward import audit
from clearward.errors import ClearwardError, StorageBusyError
from clearward.keyring import Keyring, load_keyring
from clearward.licensing import registry
from clearward.licensing.delivery import LinkClaim, find_file, may_follow, release_links
from clearward.licensing.model import Decision, Reason
from clearward.licensing.policies import may_receive
from clearward.licensing.ranges import ByteRange, UnsatisfiableError, parse_range
from clearward.licensing.registry import Bearer
from clearward.products.spec import product_names
from clearward.releases.manifest import FileEntry, Manifest
from clearward.releases.shelf import as_release, find_manifest, is_retired, versions
from clearward.releases.signing import load_public_key
from clearward.settings import Settings
from clearward.state.base import state_engine
from clearward.storage import Storage, open_storage
from clearward.storage.port import CHUNK

Clock = Callable[[], datetime]
_PRIVATE = {
    "Cache-Control": "private, no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def _utc_now() -> datetime:
    return datetime.now(UTC)


def create_app(
    settings: Settings,
    *,
    keyring: Keyring | None = None,
    storage: Storage | None = None,
    clock: Clock = _utc_now,
    base_url: str = "",
) -> Starlette:
    """The ASGI application.

    Args:
        settings: store, state database, keyring.
        keyring, storage: in place of those the settings name.
        clock: what time it is, in UTC.
        base_url: where buyers reach the service, for links; default: what their request named.
    """
    keys = keyring or load_keyring(settings.keyring)
    desk = _Desk(
        engine=state_engine(settings.database),
        keyring=keys,
        storage=storage or open_storage(settings),
        public_key=load_public_key(keys),
        clock=clock,
        base_url=base_url.rstrip("/"),
    )
    routes = [
        Route("/health", lambda _: JSONResponse({"status": "up"})),
        Route("/v1/releases", desk.releases),
        Route("/v1/releases/{product}/{version}/links", desk.links),
        Route("/files/{product}/{version}/{path:path}", desk.file, methods=["GET", "HEAD"]),
    ]
    return Starlette(
        routes=routes,
        exception_handlers={StorageBusyError: _busy, ClearwardError: _broken},
    )


def run(settings: Settings, *, host: str = "127.0.0.1", port: int = 8350) -> None:
    """Serve until stopped. uvicorn's own access log is off: it writes query strings."""
    import uvicorn  # noqa: PLC0415 - only the server needs it

    uvicorn.run(create_app(settings), host=host, port=port, access_log=False, log_level="warning")


@dataclass(frozen=True)
class _Desk:
    """What a request needs. Handlers are plain functions: Starlette runs them in its threads."""

    engine: Engine
    keyring: Keyring
    storage: Storage
    public_key: Ed25519PublicKey
    clock: Clock
    base_url: str

    def releases(self, request: Request) -> Response:
        """GET /v1/releases: what this token's licence covers."""
        bearer = self._bearer(request)
        if bearer is None:
            return self._unknown_token("list")
        shown = []
        for product in product_names():
            for version in versions(self.storage, product):
                allowed = self._decide(bearer, product, str(version)).allowed
                manifest = self._manifest(product, str(version)) if allowed else None
                if manifest:
                    shown.append(as_release(manifest).metadata())
        self._log(bearer, "delivery.list", bearer.licence.product, Reason.GRANTED)
        return JSONResponse({"releases": shown}, headers=_PRIVATE)

    def links(self, request: Request) -> Response:
        """GET /v1/releases/{product}/{version}/links: expiring links to every file."""
        bearer = self._bearer(request)
        if bearer is None:
            return self._unknown_token("links")
        product, version = _names(request)
        decision = self._decide(bearer, product, version)
        manifest = self._manifest(product, version) if decision.allowed else None
        reason = decision.reason if manifest or not decision.allowed else Reason.NO_RELEASE
        self._log(bearer, "delivery.links", f"{product}/{version}", reason)
        if decision.reason in _LICENCE_IS_OVER:
            return _refuse(403, "your licence is not in force")
        if manifest is None:
            return _refuse(404, "no such release for this licence")
        return JSONResponse(
            release_links(
                self.storage,
                self.keyring,
                manifest,
                bearer=bearer,
                base_url=self.base_url or str(request.base_url).rstrip("/"),
                now=self.clock(),
            ),
            headers=_PRIVATE,
        )

    def file(self, request: Request) -> Response:
        """GET /files/…: the bytes, once signature, token and licence hold at this moment."""
        product, version = _names(request)
        path = request.path_params["path"]
        claim, signature = _claim(request.query_params, product, version, path)
        bearer, reason = self._follow(claim, signature)
        found = None
        if reason is Reason.GRANTED:
            manifest = self._manifest(product, version)
            found = find_file(manifest, path) if manifest else None
            reason = Reason.GRANTED if found else Reason.NO_RELEASE
        # A forged link's own words are not copied into the log
        known = bearer is not None
        self._log(bearer, "delivery.file", f"{product}/{version}/{path}" if known else "-", reason)
        if found is None:
            return _refuse(403, "this link is not valid")
        return self._serve(request, *found)

    def _follow(self, claim: LinkClaim | None, signature: str) -> tuple[Bearer | None, Reason]:
        now = self.clock()
        if claim is None or not may_follow(self.keyring, claim, signature=signature, now=now):
            return None, Reason.BAD_LINK
        bearer = registry.find_bearer_by_id(self.engine, claim.token_id, now=now)
        if bearer is None:
            return None, Reason.BAD_TOKEN
        return bearer, self._decide(bearer, claim.product, claim.version).reason

    def _serve(self, request: Request, key: str, entry: FileEntry) -> Response:
        etag = f'"{entry.sha256}"'
        headers = {
            **_PRIVATE,
            "Accept-Ranges": "bytes",
            "ETag": etag,
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(_last(entry.path))}",
        }
        wanted = request.headers.get("range")
        if request.headers.get("if-range", etag) != etag:
            wanted = None  # the buyer holds a part of another file
        try:
            part = parse_range(wanted, entry.bytes)
        except UnsatisfiableError:
            return Response(None, 416, {**headers, "Content-Range": f"bytes */{entry.bytes}"})
        status, length = (206, part.length) if part else (200, entry.bytes)
        headers["Content-Length"] = str(length)
        if part:
            last = part.start + part.length - 1
            headers["Content-Range"] = f"bytes {part.start}-{last}/{entry.bytes}"
        kind = "application/octet-stream"
        if request.method == "HEAD" or entry.bytes == 0:
            return Response(None, status, headers, kind)
        stream = _open(self.storage, key, part)
        return StreamingResponse(_chunks(stream, length), status, headers, kind)

    def _decide(self, bearer: Bearer, product: str, version: str) -> Decision:
        """The policy's word, and whether the release was retired. The buyer's purpose is the
        licence's own: a token is issued for one licence, which is for one purpose."""
        decision = may_receive(
            bearer.licence,
            product=product,
            version=version,
            purpose=bearer.licence.purpose,
            now=self.clock(),
        )
        if decision.allowed and is_retired(self.storage, product, version):
            return Decision(False, Reason.RETIRED_RELEASE)
        return decision

    def _bearer(self, request: Request) -> Bearer | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return None
        return registry.find_bearer(self.engine, token.strip(), now=self.clock())

    def _manifest(self, product: str, version: str) -> Manifest | None:
        return find_manifest(self.storage, product, version, public_key=self.public_key)

    def _unknown_token(self, what: str) -> Response:
        self._log(None, f"delivery.{what}", "-", Reason.BAD_TOKEN)
        return _refuse(401, "a valid bearer token is needed", {"WWW-Authenticate": "Bearer"})

    def _log(self, bearer: Bearer | None, action: str, subject: str, reason: Reason) -> None:
        detail: dict[str, int | float | str | bool] = {"reason": reason.value}
        if bearer:
            detail["token_id"] = bearer.token_id
        audit.append(
            self.engine,
            actor=bearer.licence.id if bearer else "anonymous",
            action=action,
            subject=subject[:256],
            detail=detail,
            at=self.clock(),
        )


_LICENCE_IS_OVER = frozenset(
    {Reason.REVOKED, Reason.EXPIRED, Reason.NOT_YET_VALID, Reason.FORBIDDEN_PURPOSE}
)


def _names(request: Request) -> tuple[str, str]:
    return str(request.path_params["product"]), str(request.path_params["version"])


def _claim(
    query: Mapping[str, str], product: str, version: str, path: str
) -> tuple[LinkClaim | None, str]:
    expires = query.get("e", "")
    if not expires.isascii() or not expires.isdigit() or len(expires) > 12:
        return None, ""
    claim = LinkClaim(product, version, path, query.get("t", ""), int(expires))
    return claim, query.get("s", "")


def _last(path: str) -> str:
    return path.rsplit("/", 1)[-1]


def _open(storage: Storage, key: str, part: ByteRange | None) -> BinaryIO:
    return (
        storage.open_range(key, part.start, length=part.length)
        if part
        else (storage.open_range(key))
    )


def _chunks(stream: BinaryIO, left: int) -> Iterator[bytes]:
    try:
        while left and (chunk := stream.read(min(CHUNK, left))):
            left -= len(chunk)
            yield chunk
    finally:
        stream.close()


def _refuse(status: int, words: str, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse({"error": words}, status, {**_PRIVATE, **(headers or {})})


def _busy(_: Request, __: Exception) -> Response:
    return _refuse(503, "the store is busy", {"Retry-After": "10"})


def _broken(_: Request, __: Exception) -> Response:
    """A bad signature or a lost file is the publisher's trouble; the buyer learns nothing of it."""
    return _refuse(500, "the release cannot be delivered now")
