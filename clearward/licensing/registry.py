"""Licences and bearer tokens in the state database. What they allow is decided by `policies`;
making, rotating and exchanging tokens in other ways belongs to `tokens`.

A licence is a grant under an agreement: organisation -> people -> agreement -> licence -> token. It
is read with its whole chain every time, so whatever is revoked is revoked for the next request.

A token is shown once, when it is issued; only its SHA-256 is kept. It has 256 random bits, so a
plain hash cannot be searched, and looking it up by hash tells nothing by time.
"""

from __future__ import annotations

import secrets
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Engine, insert, select, update

from clearward import audit
from clearward.errors import LicenceError
from clearward.licensing.chain import (
    Bearer,
    bearer_where,
    chain_of,
    find_token,
    licence_of,
    moment_text,
    read_bearer,
    read_licence,
    secret_hash,
)
from clearward.licensing.grants import create_licence
from clearward.licensing.model import Licence, Status
from clearward.licensing.names import licensee_name
from clearward.state import buyer_models, models

__all__ = [
    "Bearer",
    "buyers_licences",
    "check_holder",
    "create_licence",
    "find_bearer",
    "find_bearer_by_id",
    "find_licence",
    "issue_token",
    "licensee_pems",
    "list_licences",
    "revoke_licence",
    "revoke_token",
    "token_id",
    "unknown_token",
    "write_token",
]
TOKEN_PREFIX = "cwt_"  # noqa: S105 - lets secret scanners find a leaked token


def find_licence(engine: Engine, licence_id: str) -> Licence | None:
    """The licence as it is now."""
    with engine.connect() as connection:
        return read_licence(connection, licence_id)


def list_licences(engine: Engine) -> tuple[Licence, ...]:
    """All licences, by id."""
    return _licences(engine)


def buyers_licences(engine: Engine, who: str) -> tuple[Licence, ...]:
    """Licences of one buyer, ended ones too: ``who`` is the id of an organisation or of one of its
    people, or the buyer's name in any form.
    """
    if who.startswith("per_"):
        person = buyer_models.Person
        mine = select(person.organisation_id).where(
            person.id == who, person.status == Status.ACTIVE.value
        )
        return _licences(engine, buyer_models.Organisation.id.in_(mine))
    if who.startswith("org_"):
        return _licences(engine, buyer_models.Organisation.id == who)
    return _licences(engine, buyer_models.Organisation.licensee == licensee_name(who))


def licensee_pems(engine: Engine, licensee: str) -> tuple[str, ...]:
    """The public keys (PEM) that a licensee's licences name, ended ones too."""
    own = (li for li in list_licences(engine) if li.licensee == licensee and li.key_pem)
    return tuple(dict.fromkeys(li.key_pem for li in own))


def revoke_licence(
    engine: Engine, licence_id: str, *, actor: str = "clearward", now: datetime | None = None
) -> None:
    """End a licence now: its tokens and the links made with them stop working at once."""
    table = models.Licence
    with audit.logged(engine) as connection:
        done = connection.execute(
            update(table).where(table.id == licence_id).values(status=Status.REVOKED.value)
        )
        if done.rowcount != 1:
            raise unknown_licence(licence_id)
        audit.write(connection, actor=actor, action="licence.revoke", subject=licence_id, at=now)


def issue_token(
    engine: Engine,
    licence_id: str,
    *,
    expires_at: datetime,
    person_id: str = "",
    actor: str = "clearward",
) -> str:
    """Make a bearer token for a licence; the only moment at which it can be read.

    ``person_id``: whose it is; it ends with the person.
    """
    with audit.logged(engine) as connection:
        return write_token(
            connection, licence_id, expires_at=expires_at, person_id=person_id, actor=actor
        )


def write_token(
    connection: Connection,
    licence_id: str,
    *,
    expires_at: datetime,
    person_id: str = "",
    client_id: str = "",
    actor: str,
    now: datetime | None = None,
) -> str:
    """The same in a transaction of `audit.logged`."""
    check_holder(connection, licence_id, person_id)
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    connection.execute(
        insert(models.AccessToken).values(
            token_sha256=secret_hash(token),
            licence_id=licence_id,
            expires_at=moment_text(expires_at),
            issued_at=audit.utc_text(now) if now else "",
            person_id=person_id,
            client_id=client_id,
        )
    )
    audit.write(
        connection,
        actor=actor,
        action="token.issue",
        subject=licence_id,
        detail={"token_id": token_id(token), "person": person_id, "client": client_id},
        at=now,
    )
    return token


def check_holder(connection: Connection, licence_id: str, person_id: str) -> None:
    """LicenceError unless there is the licence, and the person is of the organisation it is for."""
    licence = read_licence(connection, licence_id)
    if licence is None:
        raise unknown_licence(licence_id)
    person = buyer_models.Person
    query = select(person.status).where(
        person.id == person_id, person.organisation_id == licence.organisation_id
    )
    if person_id and connection.scalar(query) != Status.ACTIVE:
        raise LicenceError(
            "There is no such person in the licensed organisation.",
            seen=person_id,
            do="see `clearward organisation show`",
        )


def revoke_token(engine: Engine, token_id: str, *, now: datetime, actor: str = "clearward") -> None:
    """End one token, named by its public id; links made with it stop working too."""
    table = models.AccessToken
    with audit.logged(engine) as connection:
        row = find_token(connection, token_id)
        if row is None:
            raise unknown_token()
        connection.execute(
            update(table)
            .where(table.token_sha256 == row.token_sha256)
            .values(revoked_at=row.revoked_at or audit.utc_text(now))
        )
        audit.write(
            connection,
            actor=actor,
            action="token.revoke",
            subject=row.licence_id,
            detail={"token_id": token_id},
            at=now,
        )


def token_id(token: str) -> str:
    """Public name of a token: 16 hex characters of its hash."""
    return secret_hash(token)[:16]


def find_bearer(engine: Engine, token: str, *, now: datetime) -> Bearer | None:
    """Who holds the token, or None when it is unknown, expired or revoked, or its holder was."""
    with engine.connect() as connection:
        return bearer_where(
            connection, models.AccessToken.token_sha256 == secret_hash(token), now=now
        )


def find_bearer_by_id(engine: Engine, name: str, *, now: datetime) -> Bearer | None:
    """The same, for a link, which holds the token's public name only."""
    with engine.connect() as connection:
        return read_bearer(connection, name, now=now)


def unknown_licence(licence_id: str) -> LicenceError:
    """Raised for an id that no licence has."""
    return LicenceError(f"There is no licence {licence_id!r}.", do="see `clearward licence list`")


def unknown_token() -> LicenceError:
    """Raised for a name that no token has."""
    return LicenceError("There is no such token.", do="see `clearward licence show`")


def _licences(engine: Engine, *conditions: ColumnElement[bool]) -> tuple[Licence, ...]:
    query = chain_of().where(*conditions).order_by(models.Licence.id)
    with engine.connect() as connection:
        return tuple(map(licence_of, connection.execute(query)))
