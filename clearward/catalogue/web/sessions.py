"""Who sits in front of the browser: a signed cookie, short-lived, that names a token and never
holds one. Whether that token still counts is asked on every request, by whoever reads the session.

The cookie cannot be made without the keyring. A form carries a second value made from the session's
own secret, so that another site can send a form but not this value (OWASP, signed double submit).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from starlette.requests import Request
from starlette.responses import Response

from clearward.keyring import Keyring

IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=8)
COOKIE, SECURE_COOKIE = "clearward", "__Host-clearward"
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_MOST = 2048


class Kind(StrEnum):
    """Whom a session speaks for."""

    VISITOR = "visitor"
    BUYER = "buyer"
    APPROVER = "approver"


@dataclass(frozen=True)
class Session:
    """What the cookie says.

    Attributes:
        subject: a buyer's token id, or an approver's operator id; empty for a visitor.
        name: an approver's name.
        nonce: the session's own secret; a new one at every sign-in.
        ends: Unix seconds after which it ends whatever happens, with the token behind it.
        until: Unix seconds; moves with every page, but not beyond ``ends``.
    """

    kind: Kind
    subject: str
    name: str
    nonce: str
    ends: int
    until: int


def begin(
    kind: Kind, now: datetime, *, subject: str = "", name: str = "", ends: int = 0
) -> Session:
    """A fresh session; ``ends``: Unix seconds of the end of the token behind it, 0 if that is asked
    on every request anyway."""
    start = int(now.timestamp())
    last = start + _seconds(LONGEST)
    last = min(last, ends) if ends else last
    nonce = secrets.token_hex(16)
    return Session(kind, subject, name, nonce, last, min(last, start + _seconds(IDLE)))


def read(request: Request, keyring: Keyring, *, now: datetime) -> Session:
    """The request's session; a new visitor's where the cookie is missing, forged or over."""
    value = request.cookies.get(_cookie(request), "")
    payload, _, signature = value.partition(".")
    if len(value) > _MOST or not _holds(keyring, payload, signature):
        return begin(Kind.VISITOR, now)
    try:
        fields = json.loads(base64.urlsafe_b64decode(payload))
        found = Session(**{**fields, "kind": Kind(fields["kind"])})
    except (ValueError, TypeError, KeyError):
        return begin(Kind.VISITOR, now)
    is_over = now.timestamp() >= min(found.until, found.ends)
    return begin(Kind.VISITOR, now) if is_over else found


def keep(
    request: Request, response: Response, session: Session, keyring: Keyring, *, now: datetime
) -> None:
    """Put the session into an answer, its end moved on."""
    until = min(int(now.timestamp()) + _seconds(IDLE), session.ends)
    fields = {**asdict(session), "until": until}
    payload = base64.urlsafe_b64encode(json.dumps(fields).encode()).decode()
    response.set_cookie(
        _cookie(request),
        f"{payload}.{_sign(keyring, payload)}",
        max_age=max(0, until - int(now.timestamp())),
        path="/",
        secure=is_secure(request),
        httponly=True,
        samesite="strict",
    )


def form_token(session: Session, keyring: Keyring) -> str:
    """What a form of this session has to bring back."""
    return _sign(keyring, f"form|{session.nonce}")


def may_send(session: Session, keyring: Keyring, *, token: str) -> bool:
    """True for a form that this session's own page has made."""
    return hmac.compare_digest(form_token(session, keyring).encode(), token.encode())


def is_secure(request: Request) -> bool:
    """Cookies go over TLS alone, except on this machine."""
    return (request.url.hostname or "") not in _LOOPBACK


def _cookie(request: Request) -> str:
    return SECURE_COOKIE if is_secure(request) else COOKIE


def _sign(keyring: Keyring, text: str) -> str:
    key = keyring.key("links", "web session")
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _holds(keyring: Keyring, payload: str, signature: str) -> bool:
    return hmac.compare_digest(_sign(keyring, payload).encode(), signature.encode())


def _seconds(duration: timedelta) -> int:
    return int(duration.total_seconds())
