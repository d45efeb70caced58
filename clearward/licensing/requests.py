"""Requests for access: somebody asks, a person of the publisher's decides. What they may then
receive is a licence, which belongs to `registry`; approving a request grants nothing yet.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from sqlalchemy import Connection, Engine, func, insert, select, update

from clearward import audit
from clearward.errors import LicenceError
from clearward.licensing.names import check_email, check_name, check_words
from clearward.licensing.organisations import ensure_organisation, ensure_person
from clearward.licensing.policies import check_purpose
from clearward.state import buyer_models as models
from clearward.transitions import Life

STATEMENT_LENGTH = 4000
REASON_LENGTH = 1000
MOST_PENDING = 1000
MOST_PENDING_PER_ADDRESS = 10


class RequestState(StrEnum):
    """Where a request is; kept in `AccessRequest.status`."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class RequestAction(StrEnum):
    """What can happen to a request."""

    APPROVE = "approve"
    REJECT = "reject"
    WITHDRAW = "withdraw"


# A decision stands: who was rejected asks again, and an approved buyer's licence is what is revoked
TRANSITIONS: Mapping[RequestState, Mapping[RequestAction, RequestState]] = MappingProxyType(
    {
        RequestState.PENDING: {
            RequestAction.APPROVE: RequestState.APPROVED,
            RequestAction.REJECT: RequestState.REJECTED,
            RequestAction.WITHDRAW: RequestState.WITHDRAWN,
        },
        RequestState.APPROVED: {},
        RequestState.REJECTED: {},
        RequestState.WITHDRAWN: {},
    }
)
LIFE = Life(TRANSITIONS, "request", LicenceError, "see `clearward request list`")


@dataclass(frozen=True)
class AccessRequest:
    """Who asks for what, and what became of it.

    Attributes:
        statement: what they want the data for, in their words.
        submitted_at, decided_at: UTC text, as `audit.utc_text` writes it; ``decided_at`` is None
            while nobody has decided.
        organisation_id, person_id: whom an approval registered; empty before.
    """

    id: str
    product: str
    organisation: str
    person: str
    email: str
    purpose: str
    statement: str
    state: RequestState
    submitted_at: str
    decided_at: str | None = None
    decided_by: str = ""
    reason: str = ""
    organisation_id: str = ""
    person_id: str = ""


def submit(
    engine: Engine,
    *,
    product: str,
    organisation: str,
    person: str,
    email: str,
    purpose: str,
    statement: str,
    now: datetime,
) -> str:
    """Put a request into the queue and return its id, which its sender alone is told.

    LicenceError, with words for a person, where the product cannot be licensed for the purpose, a
    field is empty, long or deceptive, or too many requests wait already.
    """
    check_purpose(product, purpose)
    row = {
        "id": f"req_{secrets.token_hex(14)}",
        "product": product,
        "organisation": check_name(organisation, "The organisation's name"),
        "person": check_name(person, "The person's name"),
        "email": check_email(email),
        "purpose": purpose,
        "statement": check_words(statement, "What the data is for", most=STATEMENT_LENGTH),
        "status": RequestState.PENDING.value,
        "submitted_at": audit.utc_text(now),
    }
    with audit.logged(engine) as connection:
        _check_room(connection, row["email"])
        connection.execute(insert(models.AccessRequest).values(**row))
        audit.write(
            connection, actor="anonymous", action="request.submit", subject=row["id"], at=now
        )
    return row["id"]


def pending(engine: Engine) -> tuple[AccessRequest, ...]:
    """Requests that wait for a decision, oldest first."""
    return _requests(engine, models.AccessRequest.status == RequestState.PENDING.value)


def list_requests(engine: Engine) -> tuple[AccessRequest, ...]:
    """Every request, oldest first."""
    return _requests(engine)


def find(engine: Engine, request_id: str) -> AccessRequest | None:
    """One request by id."""
    found = _requests(engine, models.AccessRequest.id == request_id)
    return found[0] if found else None


def approve(
    engine: Engine, request_id: str, *, actor: str, now: datetime, country: str = ""
) -> AccessRequest:
    """Say yes: the organisation and the person are registered, and may be offered an agreement.

    ``country``: where the organisation is (ISO 3166-1 alpha-2), if it was asked and is new.
    LicenceError when the request is unknown or decided, or the organisation was revoked.
    """
    with audit.logged(engine) as connection:
        asked = _move(connection, request_id, RequestAction.APPROVE, actor=actor, now=now)
        buyer = ensure_organisation(
            connection, name=asked.organisation, country=country, now=now, actor=actor
        )
        person = ensure_person(
            connection,
            organisation_id=buyer.id,
            name=asked.person,
            email=asked.email,
            now=now,
            actor=actor,
        )
        table = models.AccessRequest
        connection.execute(
            update(table)
            .where(table.id == request_id)
            .values(organisation_id=buyer.id, person_id=person.id)
        )
    return _known(find(engine, request_id), request_id)


def reject(
    engine: Engine, request_id: str, *, actor: str, reason: str, now: datetime
) -> AccessRequest:
    """Say no, with a reason that its sender may read."""
    words = check_words(reason, "The reason", most=REASON_LENGTH)
    with audit.logged(engine) as connection:
        _move(connection, request_id, RequestAction.REJECT, actor=actor, now=now, reason=words)
    return _known(find(engine, request_id), request_id)


def withdraw(
    engine: Engine, request_id: str, *, now: datetime, actor: str = "requester"
) -> AccessRequest:
    """The sender takes it back."""
    with audit.logged(engine) as connection:
        _move(connection, request_id, RequestAction.WITHDRAW, actor=actor, now=now)
    return _known(find(engine, request_id), request_id)


def _move(
    connection: Connection,
    request_id: str,
    action: RequestAction,
    *,
    actor: str,
    now: datetime,
    reason: str = "",
) -> AccessRequest:
    table = models.AccessRequest
    row = connection.execute(select(table).where(table.id == request_id)).first()
    asked = _known(_value(row) if row else None, request_id)
    state = LIFE.move(asked.state, action)
    by = check_name(actor, "The name of who decides")
    connection.execute(
        update(table)
        .where(table.id == request_id)
        .values(status=state, decided_at=audit.utc_text(now), decided_by=by, reason=reason)
    )
    audit.write(connection, actor=by, action=f"request.{action}", subject=request_id, at=now)
    return asked


def _check_room(connection: Connection, email: str) -> None:
    """A queue that anybody may write to has an end."""
    table = models.AccessRequest
    waiting = select(func.count()).where(table.status == RequestState.PENDING.value)
    mine = connection.scalar(waiting.where(table.email == email)) or 0
    if mine >= MOST_PENDING_PER_ADDRESS or (connection.scalar(waiting) or 0) >= MOST_PENDING:
        raise LicenceError(
            "Too many requests are waiting for a decision.",
            do="wait for an answer to the earlier ones, or write to the publisher",
        )


def _requests(engine: Engine, *conditions: object) -> tuple[AccessRequest, ...]:
    table = models.AccessRequest
    query = select(table).where(*conditions).order_by(table.submitted_at, table.id)  # type: ignore[arg-type]
    with engine.connect() as connection:
        return tuple(map(_value, connection.execute(query)))


def _known(found: AccessRequest | None, request_id: str) -> AccessRequest:
    if found is None:
        raise LicenceError(
            "There is no such request.", seen=request_id[:32], do="see `clearward request list`"
        )
    return found


def _value(row: object) -> AccessRequest:
    names = set(AccessRequest.__dataclass_fields__) - {"state"}
    values = {name: getattr(row, name) for name in names}
    return AccessRequest(**values, state=RequestState(getattr(row, "status")))  # noqa: B009
