"""Tokens in other ways than `registry.issue_token`: rotated with an overlap, fetched once with an
activation link, exchanged for a client's secret (OAuth 2.0, RFC 6749 §4.4). Who a token speaks for
is decided by `chain`, on every request.

Every secret has a prefix of its own and is looked up in a table of its own: none works in the place
of another. Only hashes are kept.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, insert, select, update

from clearward import audit
from clearward.errors import LicenceError
from clearward.licensing.chain import find_token, moment_text, read_licence, secret_hash
from clearward.licensing.model import Licence, parse_moment
from clearward.licensing.registry import check_holder, unknown_token, write_token
from clearward.state import buyer_models, models

ACTIVATION_PREFIX = "cwa_"
CLIENT_PREFIX = "cwc_"
SECRET_PREFIX = "cws_"  # noqa: S105 - lets secret scanners find a leaked secret
EXCHANGED_FOR = timedelta(hours=1)
ACTIVATION_FOR = timedelta(hours=24)
LONGEST_ACTIVATION = timedelta(days=7)
OVERLAP = timedelta(hours=24)
LONGEST_OVERLAP = timedelta(days=7)
_REFUSAL = "The client is unknown, expired or revoked, or the secret is wrong."


@dataclass(frozen=True)
class ClientSecret:
    """A client and its secret, as they are shown once. ``repr`` never shows the secret."""

    client_id: str
    client_secret: str

    def __repr__(self) -> str:
        return f"ClientSecret({self.client_id})"


def rotate(
    engine: Engine,
    token_id: str,
    *,
    expires_at: datetime,
    now: datetime,
    overlap: timedelta = OVERLAP,
    actor: str = "clearward",
) -> str:
    """A new token in the place of one named by its public id, for the same licence and person.

    The old one, and its links, are good for ``overlap`` more at most: long enough to exchange it
    everywhere. LicenceError when it has ended already: what was lost is not made good again so.
    """
    _check_span(overlap, LONGEST_OVERLAP, least=timedelta(0), what="The overlap")
    with audit.logged(engine) as connection:
        old = find_token(connection, token_id)
        if old is None or old.client_id:
            raise unknown_token()
        if old.revoked_at is not None or now >= parse_moment(old.expires_at):
            raise LicenceError("This token has ended.", do="make a new one")
        until = min(parse_moment(old.expires_at), now + overlap)
        table = models.AccessToken
        connection.execute(
            update(table)
            .where(table.token_sha256 == old.token_sha256)
            .values(expires_at=audit.utc_text(until))
        )
        audit.write(
            connection,
            actor=actor,
            action="token.rotate",
            subject=old.licence_id,
            detail={"token_id": token_id, "until": audit.utc_text(until)},
            at=now,
        )
        return write_token(
            connection,
            old.licence_id,
            expires_at=expires_at,
            person_id=old.person_id,
            actor=actor,
            now=now,
        )


def make_activation(
    engine: Engine,
    licence_id: str,
    *,
    token_expires_at: datetime,
    now: datetime,
    person_id: str = "",
    good_for: timedelta = ACTIVATION_FOR,
    actor: str = "clearward",
) -> str:
    """A secret to send to one person; whoever comes with it first gets the token, nobody after.

    It is good for ``good_for``, a week at most, so that a forgotten letter opens nothing.
    """
    _check_span(good_for, LONGEST_ACTIVATION, least=timedelta(seconds=1), what="The time to use it")
    activation = ACTIVATION_PREFIX + secrets.token_urlsafe(32)
    with audit.logged(engine) as connection:
        check_holder(connection, licence_id, person_id)
        row = {
            "activation_sha256": secret_hash(activation),
            "licence_id": licence_id,
            "person_id": person_id,
            "made_at": audit.utc_text(now),
            "expires_at": moment_text(now + good_for),
            "token_expires_at": moment_text(token_expires_at),
        }
        connection.execute(insert(buyer_models.Activation).values(**row))
        audit.write(
            connection,
            actor=actor,
            action="activation.make",
            subject=licence_id,
            detail={"activation_id": row["activation_sha256"][:16], "person": person_id},
            at=now,
        )
    return activation


def activate(engine: Engine, *, activation: str, now: datetime) -> str:
    """The token that an activation link stands for, once.

    LicenceError, the same for all, when it is unknown, used or expired, or anything above it was
    revoked. A second use is in the audit log: somebody else had the link.
    """
    name = secret_hash(activation)
    table = buyer_models.Activation
    with audit.logged(engine) as connection:
        row = connection.execute(select(table).where(table.activation_sha256 == name)).first()
        good = row is not None and _is_fresh(connection, row, now)
        if row is not None and good:
            connection.execute(
                update(table)
                .where(table.activation_sha256 == name)
                .values(used_at=audit.utc_text(now))
            )
            token = write_token(
                connection,
                row.licence_id,
                expires_at=parse_moment(row.token_expires_at),
                person_id=row.person_id,
                actor="activation",
                now=now,
            )
        audit.write(
            connection,
            actor="activation" if row else "anonymous",
            action="activation.use",
            subject=row.licence_id if row else "-",
            detail={"activation_id": name[:16] if row else "", "granted": bool(good)},
            at=now,
        )
    if not good:
        raise LicenceError(
            "This activation link is not good any more.", do="ask the publisher for a new one"
        )
    return token


def make_client(
    engine: Engine,
    licence_id: str,
    *,
    expires_at: datetime,
    now: datetime,
    person_id: str = "",
    actor: str = "clearward",
) -> ClientSecret:
    """A client of a licence, with a secret that is shown once and exchanged for tokens."""
    made = ClientSecret(
        CLIENT_PREFIX + secrets.token_hex(10), SECRET_PREFIX + secrets.token_urlsafe(32)
    )
    with audit.logged(engine) as connection:
        check_holder(connection, licence_id, person_id)
        connection.execute(
            insert(buyer_models.Client).values(
                id=made.client_id,
                secret_sha256=secret_hash(made.client_secret),
                licence_id=licence_id,
                person_id=person_id,
                made_at=audit.utc_text(now),
                expires_at=moment_text(expires_at),
            )
        )
        _log(connection, "client.make", licence_id, made.client_id, actor=actor, now=now)
    return made


def rotate_client(
    engine: Engine,
    client_id: str,
    *,
    now: datetime,
    overlap: timedelta = OVERLAP,
    actor: str = "clearward",
) -> ClientSecret:
    """A new secret; the one before is good for ``overlap`` more, the one before that no more."""
    _check_span(overlap, LONGEST_OVERLAP, least=timedelta(0), what="The overlap")
    made = ClientSecret(client_id, SECRET_PREFIX + secrets.token_urlsafe(32))
    table = buyer_models.Client
    with audit.logged(engine) as connection:
        row = _client(connection, client_id)
        if row is None or row.revoked_at is not None or now >= parse_moment(row.expires_at):
            raise LicenceError("There is no such client, or it has ended.", do="make a new one")
        connection.execute(
            update(table)
            .where(table.id == client_id)
            .values(
                secret_sha256=secret_hash(made.client_secret),
                former_sha256=row.secret_sha256,
                former_until=audit.utc_text(now + overlap),
            )
        )
        _log(connection, "client.rotate", row.licence_id, client_id, actor=actor, now=now)
    return made


def revoke_client(
    engine: Engine, client_id: str, *, now: datetime, actor: str = "clearward"
) -> None:
    """End a client and every token it was given, now."""
    table = buyer_models.Client
    with audit.logged(engine) as connection:
        row = _client(connection, client_id)
        if row is None:
            raise LicenceError("There is no such client.", do="see `clearward licence show`")
        ended = row.revoked_at or audit.utc_text(now)
        connection.execute(update(table).where(table.id == client_id).values(revoked_at=ended))
        _log(connection, "client.revoke", row.licence_id, client_id, actor=actor, now=now)


def exchange(
    engine: Engine, *, client_id: str, client_secret: str, now: datetime
) -> tuple[str, datetime]:
    """A token for a client that proves itself, and when it ends: in an hour, or with its licence.

    LicenceError, the same for all, when the client is unknown or ended, the secret wrong, or the
    licence has ended; a door answers 401 ``invalid_client``.
    """
    with audit.logged(engine) as connection:
        row = _client(connection, client_id)
        licence = _proven(connection, row, client_secret, now) if row else None
        if row is None or licence is None:
            _log(
                connection,
                "client.refuse",
                row.licence_id if row else "-",
                client_id if row else "",
                actor="anonymous",
                now=now,
            )
        else:
            until = min(now + EXCHANGED_FOR, parse_moment(row.expires_at), licence.valid_until)
            token = write_token(
                connection,
                row.licence_id,
                expires_at=until,
                person_id=row.person_id,
                client_id=client_id,
                actor=client_id,
                now=now,
            )
    if licence is None:
        raise LicenceError(_REFUSAL, do="check both, or ask the publisher for a new secret")
    return token, until.replace(microsecond=0)


def _proven(connection: Connection, row: Any, secret: str, now: datetime) -> Licence | None:
    """The licence, once the secret is the client's and every link above it holds."""
    given = secret_hash(secret)
    is_current = hmac.compare_digest(given, row.secret_sha256)
    is_former = hmac.compare_digest(given, row.former_sha256 or "-")
    if not is_current and not (is_former and now < parse_moment(row.former_until)):
        return None
    if row.revoked_at is not None or now >= parse_moment(row.expires_at):
        return None
    return _standing(connection, row, now)


def _is_fresh(connection: Connection, row: Any, now: datetime) -> bool:
    if row.used_at is not None or now >= parse_moment(row.expires_at):
        return False
    return _standing(connection, row, now) is not None


def _standing(connection: Connection, row: Any, now: datetime) -> Licence | None:
    """The licence of a row, unless it has ended or its organisation, agreement or person has."""
    try:
        check_holder(connection, row.licence_id, row.person_id)
    except LicenceError:
        return None
    licence = read_licence(connection, row.licence_id)
    if licence is None or not licence.is_standing or now >= licence.valid_until:
        return None
    return licence


def _client(connection: Connection, client_id: str) -> Any:
    table = buyer_models.Client
    return connection.execute(select(table).where(table.id == client_id)).first()


def _check_span(span: timedelta, most: timedelta, *, least: timedelta, what: str) -> None:
    if not least <= span <= most:
        raise LicenceError(
            f"{what} is too short or too long.", seen=str(span), expected=f"≤ {most}"
        )


def _log(
    connection: Connection, action: str, licence_id: str, client: str, *, actor: str, now: datetime
) -> None:
    detail = {"client": client}
    audit.write(connection, actor=actor, action=action, subject=licence_id, detail=detail, at=now)
