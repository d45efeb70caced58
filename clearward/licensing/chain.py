"""Reading a licence with its whole chain: organisation, people, agreement, licence, token. Every
reader comes through here, so that whatever is revoked is revoked for the next request.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, select

from clearward import audit
from clearward.errors import LicenceError
from clearward.licensing.model import AgreementState, Copy, Licence, Mode, Status, parse_moment
from clearward.state import buyer_models, models

_TOKEN_NAME = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Bearer:
    """Who came with a token.

    Attributes:
        licence: with its chain, as it was when it was read.
        token_id: the token's public name.
        person_id: whose token it is; empty where it was not made for one person.
        country: where the request comes from, see `policies.may_receive`.
    """

    licence: Licence
    token_id: str
    person_id: str = ""
    country: str | None = None


def read_licence(connection: Connection, licence_id: str) -> Licence | None:
    """A licence as it is now, in the caller's transaction."""
    row = connection.execute(chain_of().where(models.Licence.id == licence_id)).first()
    return licence_of(row) if row else None


def read_bearer(connection: Connection, name: str, *, now: datetime) -> Bearer | None:
    """The bearer of the token with a public name, in the caller's transaction; None when any link
    has ended.
    """
    if not _TOKEN_NAME.fullmatch(name):
        return None
    return bearer_where(connection, _is_named(name), now=now)


def find_token(connection: Connection, name: str) -> Any:
    """The row of the token with a public name, or None."""
    if not _TOKEN_NAME.fullmatch(name):
        return None
    return connection.execute(select(models.AccessToken).where(_is_named(name))).one_or_none()


def secret_hash(secret: str) -> str:
    """SHA-256, 64 hex characters: what is kept of a secret of 256 random bits."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def moment_text(moment: datetime) -> str:
    """UTC text of a moment; LicenceError for one without a time zone, which nobody can place."""
    if moment.tzinfo is None:
        raise LicenceError("A moment without a time zone.", do="give it one, as UTC")
    return audit.utc_text(moment)


def bearer_where(
    connection: Connection, condition: ColumnElement[bool], *, now: datetime
) -> Bearer | None:
    """The bearer of the one token for which the condition holds; None when any link has ended."""
    token, person, client = models.AccessToken, buyer_models.Person, buyer_models.Client
    query = (
        chain_of(token, person.status.label("person_status"), client.revoked_at.label("client_end"))
        .join(token, token.licence_id == models.Licence.id)
        .outerjoin(person, person.id == token.person_id)
        .outerjoin(client, client.id == token.client_id)
        .add_columns(client.id.label("client"))
        .where(condition)
    )
    row = connection.execute(query).one_or_none()
    if row is None or row.revoked_at is not None or now >= parse_moment(row.expires_at):
        return None
    if row.person_id and row.person_status != Status.ACTIVE:
        return None
    if row.client_id and (row.client is None or row.client_end is not None):
        return None
    return Bearer(licence_of(row), row.token_sha256[:16], row.person_id)


def chain_of(*more: Any) -> Select[Any]:
    """Licences with agreement and organisation; what is missing is null, and grants nothing."""
    licence, agreement = models.Licence, buyer_models.Agreement
    organisation = buyer_models.Organisation
    columns = (
        licence.__table__,
        agreement.status.label("agreement_status"),
        agreement.text_sha256.label("text_sha256"),
        organisation.id.label("organisation_id"),
        organisation.status.label("organisation_status"),
        organisation.country.label("country"),
    )
    return (
        select(*columns, *more)
        .select_from(licence)
        .outerjoin(agreement, agreement.id == licence.agreement_id)
        .outerjoin(organisation, organisation.id == agreement.organisation_id)
    )


def licence_of(row: Any) -> Licence:
    """A row of `chain_of` as a value."""
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
        agreement_id=row.agreement_id,
        agreement_status=AgreementState(row.agreement_status or AgreementState.REVOKED),
        organisation_id=row.organisation_id or "",
        organisation_status=Status(row.organisation_status or Status.REVOKED),
        country=row.country or "",
        countries=frozenset(_words(row.countries)),
        max_downloads=row.max_downloads,
        mode=Mode(row.mode),
        duo=tuple(_words(row.duo)),
        policy_sha256=row.policy_sha256,
        request_id=row.request_id,
    )


def _words(text: str) -> Sequence[str]:
    return [word for word in text.split(",") if word]


def _is_named(name: str) -> ColumnElement[bool]:
    """A range of the primary key, where LIKE would read the whole table."""
    column = models.AccessToken.token_sha256
    return (column >= name) & (column < name + "g")
