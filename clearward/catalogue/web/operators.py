"""Approvers' tokens: made on the command line, good for hours, named after a person. What an
approver may decide belongs to `licensing.requests`.

A token is signed and not kept. That it was made, and that it was ended, stands in the audit log,
which is asked on every request.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, select

from clearward import audit
from clearward.errors import LicenceError
from clearward.keyring import Keyring
from clearward.licensing.names import check_name
from clearward.state.models import AuditEvent

PREFIX = "cwo_"
MOST_HOURS = 24
MADE, ENDED = "operator.token", "operator.end"


@dataclass(frozen=True)
class Operator:
    """Whom a token names; ``until`` in Unix seconds."""

    id: str
    name: str
    until: int


def make_token(
    engine: Engine, keyring: Keyring, *, name: str, hours: int, now: datetime
) -> tuple[Operator, str]:
    """A token for a person; LicenceError for no name or more than a day."""
    if not 1 <= hours <= MOST_HOURS:
        raise LicenceError("An operator token is for one working day.", expected="1 to 24 hours")
    until = int((now + timedelta(hours=hours)).timestamp())
    operator = Operator(secrets.token_hex(8), check_name(name, "The approver's name"), until)
    payload = base64.urlsafe_b64encode(json.dumps(vars(operator)).encode()).decode()
    audit.append(engine, actor=operator.name, action=MADE, subject=operator.id, at=now)
    return operator, f"{PREFIX}{payload}.{_sign(keyring, payload)}"


def end_token(engine: Engine, operator_id: str, *, actor: str, now: datetime) -> None:
    """End a token and its sessions now; LicenceError for one that was never made."""
    if not _is_logged(engine, MADE, operator_id):
        raise LicenceError("There is no such operator token.", do="take the id that was printed")
    audit.append(engine, actor=actor, action=ENDED, subject=operator_id, at=now)


def find_operator(
    engine: Engine, keyring: Keyring, token: str, *, now: datetime
) -> Operator | None:
    """Whom a token names, while it is genuine, in time and not ended."""
    payload, _, signature = token.removeprefix(PREFIX).partition(".")
    genuine = hmac.compare_digest(_sign(keyring, payload).encode(), signature.encode())
    if not token.startswith(PREFIX) or not genuine:
        return None
    operator = Operator(**json.loads(base64.urlsafe_b64decode(payload)))
    return operator if now.timestamp() < operator.until and counts(engine, operator.id) else None


def counts(engine: Engine, operator_id: str) -> bool:
    """True until the token was ended."""
    return _is_logged(engine, MADE, operator_id) and not _is_logged(engine, ENDED, operator_id)


def _is_logged(engine: Engine, action: str, subject: str) -> bool:
    query = select(AuditEvent.sequence).where(
        AuditEvent.action == action, AuditEvent.subject == subject
    )
    with engine.connect() as connection:
        return connection.scalar(query.limit(1)) is not None


def _sign(keyring: Keyring, payload: str) -> str:
    key = keyring.key("links", "operator token")
    return hmac.new(key, payload.encode(), hashlib.sha256).hexdigest()
