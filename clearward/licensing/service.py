"""The delivery service: HTTP in, decisions of `policies` out. No rule about a licence is made here.

What an answer may tell: without a good token 401; with one, a release that is not covered and one
that does not exist are the same 404. A link that is forged, expired, revoked or for nothing is the
same 403. Every decision goes to the audit log; query strings, which hold signatures, go nowhere.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from clearward import audit
from clearward.errors import ClearwardError, StorageBusyError
from clearward.keyring import Keyring, load_keyring
from clearward.licensing import ledger, registry
from clearward.licensing.access import may_download
from clearward.licensing.copies import CopyOfRelease
from clearward.licensing.copy_desk import CopyDesk
from clearward.licensing.delivery import (
    LinkClaim,
    find_file,
    links_lead_to,
    may_follow,
    release_links,
)
from clearward.licensing.ledger import ALL_FILES, Handover, Kind
from clearward.licensing.model import Decision, Reason
from clearward.licensing.recall_service import RecallDesk
from clearward.licensing.registry import Bearer
from clearward.licensing.streaming import PRIVATE, refuse, serve_file
from clearward.products.spec import product_names
from clearward.releases.manifest import Manifest
from clearward.releases.shelf import as_release, find_manifest, versions
from clearward.releases.signing import load_public_key
from clearward.settings import Settings
from clearward.state.base import state_engine
from clearward.storage import Storage, open_storage

Clock = Callable[[], datetime]


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
    store = storage or open_storage(settings)
    desk = _Desk(
        engine=state_engine(settings.database),
        keyring=keys,
        storage=store,
        public_key=load_public_key(keys),
        copies=CopyDesk(settings, keys, store),
        clock=clock,
        base_url=base_url.rstrip("/"),
    )
    recalls = RecallDesk(desk.engine, clock, desk.find_bearer, desk.unknown_token)
    routes = [
        Route("/health", lambda _: JSONResponse({"status": "up"})),
        Route("/v1/releases", desk.releases),
        Route("/v1/releases/{product}/{version}/links", desk.links),
        Route("/files/{product}/{version}/{path:path}", desk.file, methods=["GET", "HEAD"]),
        *recalls.routes(),
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
    copies: CopyDesk
    clock: Clock
    base_url: str

    def releases(self, request: Request) -> Response:
        """GET /v1/releases: what this token's licence covers."""
        bearer = self.find_bearer(request)
        if bearer is None:
            return self.unknown_token("list")
        shown = []
        for product in product_names():
            for version in versions(self.storage, product):
                allowed = self._decide(bearer, product, str(version)).allowed
                manifest = self._manifest(product, str(version)) if allowed else None
                if manifest:
                    shown.append(as_release(manifest).metadata())
        self._log(bearer, "delivery.list", bearer.licence.product, Reason.GRANTED)
        return JSONResponse({"releases": shown}, headers=PRIVATE)

    def links(self, request: Request) -> Response:
        """GET /v1/releases/{product}/{version}/links: expiring links to every file."""
        bearer = self.find_bearer(request)
        if bearer is None:
            return self.unknown_token("links")
        product, version = _names(request)
        decision = self._decide(bearer, product, version)
        manifest = self._manifest(product, version) if decision.allowed else None
        if manifest is None:
            reason = Reason.NO_RELEASE if decision.allowed else decision.reason
            self._log(bearer, "delivery.links", f"{product}/{version}", reason)
            over = decision.reason in _LICENCE_IS_OVER
            words = "your licence is not in force" if over else "no such release for this licence"
            return refuse(403 if over else 404, words)
        copy = self.copies.open(manifest, bearer.licence)
        base_url = self.base_url or str(request.base_url).rstrip("/")
        told = release_links(
            copy.storage,
            self.keyring,
            copy.manifest,
            bearer=bearer,
            base_url=base_url,
            now=self.clock(),
        )
        kind = Kind.LINKS if links_lead_to(told, base_url) else Kind.PRESIGNED
        request_id = self._hand_over(bearer, copy, kind, ALL_FILES)
        named = {
            "copy": copy.copy.value,
            "copy_id": copy.copy_id,
            "release_manifest_sha256": copy.canonical_sha256,
        }
        return JSONResponse({**told, **named}, headers={**PRIVATE, "X-Request-Id": request_id})

    def file(self, request: Request) -> Response:
        """GET /files/…: the bytes, once signature, token and licence hold at this moment."""
        product, version = _names(request)
        path = request.path_params["path"]
        claim, signature = _claim(request.query_params, product, version, path)
        bearer, reason = self._follow(claim, signature)
        copy, found = None, None
        if bearer and reason is Reason.GRANTED:
            manifest = self._manifest(product, version)
            copy = self.copies.open(manifest, bearer.licence) if manifest else None
            found = find_file(copy.manifest, path) if copy else None
        if bearer is None or copy is None or found is None:
            reason = Reason.NO_RELEASE if reason is Reason.GRANTED else reason
            # A forged link's own words are not copied into the log
            subject = f"{product}/{version}/{path}" if bearer else "-"
            self._log(bearer, "delivery.file", subject, reason)
            return refuse(403, "this link is not valid")
        key, entry = found
        if request.method == "HEAD":
            self._log(bearer, "delivery.file", f"{product}/{version}/{path}", Reason.GRANTED)
            return serve_file(request, copy.storage, key, entry=entry)
        request_id = self._hand_over(bearer, copy, Kind.FILE, path)
        return serve_file(request, copy.storage, key, entry=entry, request_id=request_id)

    def _hand_over(self, bearer: Bearer, copy: CopyOfRelease, kind: Kind, path: str) -> str:
        """Write the ledger, then the log; only then may anything leave."""
        manifest = copy.manifest
        line = Handover(
            request_id=secrets.token_hex(16),
            licence_id=bearer.licence.id,
            licensee=bearer.licence.licensee,
            product=manifest.product,
            version=str(manifest.version),
            copy=copy.copy,
            copy_id=copy.copy_id,
            manifest_sha256=manifest.sha256,
            canonical_sha256=copy.canonical_sha256,
            kind=kind,
            path=path,
            token_id=bearer.token_id,
            at=audit.utc_text(self.clock()),
        )
        ledger.record(self.engine, line)
        place = f"{line.product}/{line.version}"
        is_file = kind is Kind.FILE
        self._log(
            bearer,
            "delivery.file" if is_file else "delivery.links",
            f"{place}/{path}" if is_file else place,
            Reason.GRANTED,
            line=line,
        )
        return line.request_id

    def _follow(self, claim: LinkClaim | None, signature: str) -> tuple[Bearer | None, Reason]:
        now = self.clock()
        if claim is None or not may_follow(self.keyring, claim, signature=signature, now=now):
            return None, Reason.BAD_LINK
        bearer = registry.find_bearer_by_id(self.engine, claim.token_id, now=now)
        if bearer is None:
            return None, Reason.BAD_TOKEN
        return bearer, self._decide(bearer, claim.product, claim.version).reason

    def _decide(self, bearer: Bearer, product: str, version: str) -> Decision:
        return may_download(
            self.engine,
            self.storage,
            bearer.licence,
            product=product,
            version=version,
            now=self.clock(),
        )

    def find_bearer(self, request: Request) -> Bearer | None:
        """Who asks, by the token in the header; None for nobody we know."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return None
        return registry.find_bearer(self.engine, token.strip(), now=self.clock())

    def _manifest(self, product: str, version: str) -> Manifest | None:
        return find_manifest(self.storage, product, version, public_key=self.public_key)

    def unknown_token(self, what: str) -> Response:
        """The answer to a request without a good token."""
        self._log(None, f"delivery.{what}", "-", Reason.BAD_TOKEN)
        return refuse(401, "a valid bearer token is needed", {"WWW-Authenticate": "Bearer"})

    def _log(
        self,
        bearer: Bearer | None,
        action: str,
        subject: str,
        reason: Reason,
        *,
        line: Handover | None = None,
    ) -> None:
        detail: dict[str, int | float | str | bool] = {"reason": reason.value}
        if line:
            detail |= {"request_id": line.request_id, "line": line.sha256}
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


def _busy(_: Request, __: Exception) -> Response:
    return refuse(503, "the store is busy", {"Retry-After": "10"})


def _broken(_: Request, __: Exception) -> Response:
    """A bad signature or a lost file is the publisher's trouble; the buyer learns nothing of it."""
    return refuse(500, "the release cannot be delivered now")
