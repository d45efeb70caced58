"""Licences and tokens in the state database. What they allow is decided by `policies`.

A token is shown once, when it is issued; only its SHA-256 is kept. It has 256 random bits, so a
plain hash cannot be searched, and looking it up by hash tells nothing by time.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from clearward import audit
from clearward.errors import LicenceError
from clearward.licensing.model import Copy, Licence, Status, parse_moment
from clearward.licensing.policies import check_purpose
from clearward.releases.signing import load_public_key
from clearward.releases.version import range_bounds
from clearward.state import models

TOKEN_PREFIX = "cwt_"  # noqa: S105 - lets secret scanners find a leaked token


@dataclass(frozen=True)
class Bearer:
    """Who came with a token: the licence, and the token's public name."""

    licence: Licence
    token_id: str


def create_licence(
    engine: Engine,
    *,
    buyer: str,
    product: str,
    purpose: str,
    version_range: str,
    terms: bytes,
    valid_from: datetime,
    valid_until: datetime,
    copy: Copy = Copy.OWN,
    key_pem: bytes = b"",
    actor: str = "clearward",
) -> Licence:
    """Keep a signed agreement; ``terms`` are the bytes of its text, of which the hash is kept.

    ``copy``: which bytes are delivered; ``key_pem``: what the licensee signs with; see `Licence`.

    LicenceError where the product cannot be licensed for the purpose, or nothing would be covered.
    """
    check_purpose(product, purpose)
    range_bounds(version_range)
    if not buyer.strip() or not terms:
        raise LicenceError("A licence needs a buyer and a text.", do="name both")
    start, end = audit.utc_text(valid_from), audit.utc_text(valid_until)
    if start >= end:
        raise LicenceError("The licence would never be in force.", seen=f"{start} to {end}")
    if key_pem:
        load_public_key(key_pem)
    row = models.Licence(
        id=f"lic_{secrets.token_hex(8)}",
        buyer=buyer.strip(),
        product=product,
        purpose=purpose,
        version_range=version_range,
        terms_sha256=hashlib.sha256(terms).hexdigest(),
        valid_from=start,
        valid_until=end,
        status=Status.ACTIVE.value,
        copy=copy.value,
        key_pem=key_pem.decode(),
    )
    licence = _value(row)
    with Session(engine) as session, session.begin():
        session.add(row)
    audit.append(engine, actor=actor, action="licence.create", subject=licence.id)
    return licence


def find_licence(engine: Engine, licence_id: str) -> Licence | None:
    """The licence as it is now."""
    with Session(engine) as session:
        row = session.get(models.Licence, licence_id)
        return _value(row) if row else None


def list_licences(engine: Engine) -> tuple[Licence, ...]:
    """All licences, by id."""
    with Session(engine) as session:
        rows = session.scalars(select(models.Licence).order_by(models.Licence.id))
        return tuple(map(_value, rows))


def licensee_pems(engine: Engine, licensee: str) -> tuple[str, ...]:
    """The public keys (PEM) that a licensee's licences name, ended ones too."""
    own = (li for li in list_licences(engine) if li.licensee == licensee and li.key_pem)
    return tuple(dict.fromkeys(li.key_pem for li in own))


def revoke_licence(engine: Engine, licence_id: str, *, actor: str = "clearward") -> None:
    """End a licence now: its tokens and the links made with them stop working at once."""
    with Session(engine) as session, session.begin():
        row = session.get(models.Licence, licence_id)
        if row is None:
            raise _unknown(licence_id)
        row.status = Status.REVOKED.value
    audit.append(engine, actor=actor, action="licence.revoke", subject=licence_id)


def issue_token(
    engine: Engine, licence_id: str, *, expires_at: datetime, actor: str = "clearward"
) -> str:
    """Make a bearer token for a licence; the only moment at which it can be read."""
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    with Session(engine) as session, session.begin():
        if session.get(models.Licence, licence_id) is None:
            raise _unknown(licence_id)
        session.add(
            models.AccessToken(
                token_sha256=_hash(token),
                licence_id=licence_id,
                expires_at=audit.utc_text(expires_at),
                revoked_at=None,
            )
        )
    audit.append(
        engine,
        actor=actor,
        action="token.issue",
        subject=licence_id,
        detail={"token_id": token_id(token)},
    )
    return token


def revoke_token(engine: Engine, token_id: str, *, now: datetime, actor: str = "clearward") -> None:
    """End one token, named by its public id; links made with it stop working too."""
    with Session(engine) as session, session.begin():
        row = _find_token(session, token_id)
        if row is None:
            raise LicenceError("There is no such token.", do="list the audit log's token ids")
        row.revoked_at = row.revoked_at or audit.utc_text(now)
        licence_id = row.licence_id
    audit.append(
        engine,
        actor=actor,
        action="token.revoke",
        subject=licence_id,
        detail={"token_id": token_id},
    )


def token_id(token: str) -> str:
    """Public name of a token: 16 hex characters of its hash."""
    return _hash(token)[:16]


def find_bearer(engine: Engine, token: str, *, now: datetime) -> Bearer | None:
    """Who holds the token, or None when it is unknown, expired or revoked."""
    with Session(engine) as session:
        return _bearer(session, session.get(models.AccessToken, _hash(token)), now)


def find_bearer_by_id(engine: Engine, name: str, *, now: datetime) -> Bearer | None:
    """The same, for a link, which holds the token's public name only."""
    with Session(engine) as session:
        return _bearer(session, _find_token(session, name), now)


def _bearer(session: Session, row: models.AccessToken | None, now: datetime) -> Bearer | None:
    if row is None or row.revoked_at is not None or now >= parse_moment(row.expires_at):
        return None
    licence = session.get(models.Licence, row.licence_id)
    return Bearer(_value(licence), row.token_sha256[:16]) if licence else None


def _find_token(session: Session, name: str) -> models.AccessToken | None:
    if len(name) != 16 or not name.isalnum():
        return None
    column = models.AccessToken.token_sha256
    return session.scalars(
        select(models.AccessToken).where(column.startswith(name, autoescape=True))
    ).one_or_none()


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _unknown(licence_id: str) -> LicenceError:
    return LicenceError(f"There is no licence {licence_id!r}.", do="list the licences")


def _value(row: models.Licence) -> Licence:
    return Licence(
        id=row.id,
        buyer=row.buyer,
        product=row.product,
        purpose=row.purpose,
        version_range=row.version_range,
        terms_sha256=row.terms_sha256,
        valid_from=parse_moment(row.valid_from),
        valid_until=parse_moment(row.valid_until),
        status=Status(row.status),
        copy=Copy(row.copy),
        key_pem=row.key_pem,
    )
