"""What every handler of the service needs: who asks, what they may have, and the record of it. The
rules themselves belong to `licensing`; addresses and answers to the modules beside this one.

Handlers are plain functions: Starlette runs them in its threads.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Engine
from starlette.requests import Request

from clearward import audit
from clearward.audit import Line
from clearward.keyring import Keyring
from clearward.licensing.access import may_download, request_country
from clearward.licensing.copies import CopyOfRelease
from clearward.licensing.copy_desk import CopyDesk
from clearward.licensing.ledger import Handover, Kind
from clearward.licensing.model import LICENCE_IS_OVER, Decision, Reason
from clearward.licensing.registry import Bearer, find_bearer
from clearward.releases.manifest import Manifest
from clearward.releases.shelf import find_manifest
from clearward.service.journal import Journal
from clearward.service.limits import Buckets, Limits, network_of
from clearward.service.problems import (
    NO_RELEASE,
    NOT_IN_FORCE,
    TOO_MANY,
    UNKNOWN_TOKEN,
    RefusedError,
)
from clearward.settings import Settings
from clearward.storage import Storage

_CHALLENGE = {"WWW-Authenticate": "Bearer"}


@dataclass(frozen=True)
class Parcel:
    """What one answer hands out of one copy; ``path`` as in `ledger.Handover`."""

    copy: CopyOfRelease
    kind: Kind
    path: str


@dataclass(frozen=True)
class Desk:
    """One service: its state, store, keys, copies and counters."""

    settings: Settings
    engine: Engine
    keyring: Keyring
    storage: Storage
    public_key: Ed25519PublicKey
    copies: CopyDesk
    journal: Journal
    clock: Callable[[], datetime]
    base_url: str
    limits: Limits
    _tokens: Buckets = field(init=False)
    _failures: Buckets = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_tokens", Buckets(self.limits.token))
        object.__setattr__(self, "_failures", Buckets(self.limits.failures))

    def bearer(self, request: Request, what: str) -> Bearer:
        """Who asks, by the token in the header; RefusedError (401) for nobody we know."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        found = None
        if scheme.lower() == "bearer" and token.strip():
            found = find_bearer(self.engine, token.strip(), now=self.clock())
        if found is None:
            self.count_failure(request)
            self.log(None, f"delivery.{what}", "-", Reason.BAD_TOKEN)
            raise RefusedError(UNKNOWN_TOKEN, _CHALLENGE)
        self.count(found)
        return self.located(found, request)

    def located(self, bearer: Bearer, request: Request) -> Bearer:
        """The bearer with the country that the proxy in front says the request comes from."""
        return replace(bearer, country=request_country(self.settings, request.headers))

    def count(self, bearer: Bearer) -> None:
        """One more request under a token; RefusedError (429) where that is too many."""
        self._take(self._tokens, bearer.token_id)

    def count_failure(self, request: Request) -> None:
        """One more refused token or link of an address; beyond the limit nothing is logged."""
        self._take(self._failures, network_of(request.client.host if request.client else ""))

    def decide(self, bearer: Bearer, product: str, version: str) -> Decision:
        """The licence's word at this moment."""
        return may_download(
            self.engine,
            self.storage,
            bearer.licence,
            product=product,
            version=version,
            now=self.clock(),
            country=bearer.country,
        )

    def manifest(self, product: str, version: str) -> Manifest | None:
        """The published manifest, its signature checked."""
        return find_manifest(self.storage, product, version, public_key=self.public_key)

    def base(self, request: Request) -> str:
        """Where buyers reach the service."""
        return self.base_url or str(request.base_url).rstrip("/")

    def log(self, bearer: Bearer | None, action: str, subject: str, reason: Reason) -> None:
        """Write a decision that hands out nothing."""
        self.journal.write([self._line(bearer, action, subject, reason)])

    def hand_over(self, request: Request, bearer: Bearer, parcels: Sequence[Parcel]) -> None:
        """Put on record what an answer hands out; only then may anything leave."""
        lines, handovers = [], []
        for number, parcel in enumerate(parcels):
            name = _numbered(request.state.request_id, number)
            handover = self._handover(bearer, parcel, name)
            place = f"{handover.product}/{handover.version}"
            subject = place if parcel.path == "*" else f"{place}/{parcel.path}"
            is_file = parcel.kind is Kind.FILE
            action = "delivery.file" if is_file else "delivery.links"
            lines.append(self._line(bearer, action, subject, Reason.GRANTED, handover=handover))
            handovers.append(handover)
        decision = self.journal.write(lines, handovers, country=bearer.country)
        if not decision.allowed:
            over = decision.reason in LICENCE_IS_OVER
            raise RefusedError(NOT_IN_FORCE if over else NO_RELEASE)

    def _handover(self, bearer: Bearer, parcel: Parcel, request_id: str) -> Handover:
        manifest = parcel.copy.manifest
        return Handover(
            request_id=request_id,
            licence_id=bearer.licence.id,
            licensee=bearer.licence.licensee,
            product=manifest.product,
            version=str(manifest.version),
            copy=parcel.copy.copy,
            copy_id=parcel.copy.copy_id,
            manifest_sha256=manifest.sha256,
            canonical_sha256=parcel.copy.canonical_sha256,
            kind=parcel.kind,
            path=parcel.path,
            token_id=bearer.token_id,
            at=audit.utc_text(self.clock()),
        )

    def _line(
        self,
        bearer: Bearer | None,
        action: str,
        subject: str,
        reason: Reason,
        *,
        handover: Handover | None = None,
    ) -> Line:
        detail: dict[str, int | float | str | bool] = {"reason": reason.value}
        if handover:
            detail |= {"request_id": handover.request_id, "line": handover.sha256}
        if bearer:
            detail["token_id"] = bearer.token_id
        return {
            "actor": bearer.licence.id if bearer else "anonymous",
            "action": action,
            "subject": subject[:256],
            "detail": detail,
            "at": self.clock(),
        }

    def _take(self, buckets: Buckets, name: str) -> None:
        wait = buckets.take(name)
        if wait:
            raise RefusedError(TOO_MANY, {"Retry-After": str(wait)})


def _numbered(request_id: str, number: int) -> str:
    """The request's own id for its first line; ids made from it for the others."""
    if number == 0:
        return request_id
    return hashlib.sha256(f"{request_id}/{number}".encode()).hexdigest()[:32]
