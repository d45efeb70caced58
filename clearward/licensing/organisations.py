"""Organisations that buy, and their people. What they signed belongs to `agreements`, what they may
receive to `registry` and `policies`.

Revoking one ends everything under it at once, and for good: every request asks again.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, insert, select, update

from clearward import audit
from clearward.errors import LicenceError
from clearward.licensing.model import Status
from clearward.licensing.names import check_country, check_email, check_name, licensee_name
from clearward.state import buyer_models as models


@dataclass(frozen=True)
class Organisation:
    """Who buys.

    Attributes:
        licensee: the name in one form, as ledger and keys know it.
        country: ISO 3166-1 alpha-2, as declared; empty when nobody declared any.
    """

    id: str
    name: str
    licensee: str
    country: str
    status: Status


@dataclass(frozen=True)
class Person:
    """Somebody who signs or holds tokens for an organisation."""

    id: str
    organisation_id: str
    name: str
    email: str
    status: Status


def add_organisation(
    engine: Engine, *, name: str, country: str = "", now: datetime, actor: str = "clearward"
) -> Organisation:
    """Register a new organisation; LicenceError when one of that name, in any form, is there."""
    with audit.logged(engine) as connection:
        if _by_licensee(connection, licensee_name(name)):
            raise LicenceError(
                "There is an organisation of that name already.",
                do="see `clearward organisation list`",
            )
        return ensure_organisation(connection, name=name, country=country, now=now, actor=actor)


def ensure_organisation(
    connection: Connection, *, name: str, country: str = "", now: datetime, actor: str
) -> Organisation:
    """The organisation of that name, registered if it is new, in a transaction of `audit.logged`.

    LicenceError when it was revoked, or the name could deceive.
    """
    found = _by_licensee(connection, licensee_name(name))
    if found and found.status is not Status.ACTIVE:
        raise LicenceError(
            "This organisation was revoked.", seen=found.id, do="it cannot be licensed any more"
        )
    if found:
        return found
    shown = check_name(name, "The organisation's name")
    made = Organisation(
        id=f"org_{secrets.token_hex(8)}",
        name=shown,
        licensee=licensee_name(shown),
        country=check_country(country) if country else "",
        status=Status.ACTIVE,
    )
    row = {**vars(made), "created_at": audit.utc_text(now)}
    connection.execute(insert(models.Organisation).values(**row))
    audit.write(connection, actor=actor, action="organisation.add", subject=made.id, at=now)
    return made


def add_person(
    engine: Engine,
    *,
    organisation_id: str,
    name: str,
    email: str,
    now: datetime,
    actor: str = "clearward",
) -> Person:
    """Register a person of an organisation; the one already there when the address is known."""
    with audit.logged(engine) as connection:
        return ensure_person(
            connection,
            organisation_id=organisation_id,
            name=name,
            email=email,
            now=now,
            actor=actor,
        )


def ensure_person(
    connection: Connection,
    *,
    organisation_id: str,
    name: str,
    email: str,
    now: datetime,
    actor: str,
) -> Person:
    """The same in a transaction of `audit.logged`; LicenceError when the person was revoked."""
    _active(connection, organisation_id)
    address = check_email(email)
    table = models.Person
    row = connection.execute(
        select(table).where(table.organisation_id == organisation_id, table.email == address)
    ).first()
    if row:
        found = _person(row)
        if found.status is not Status.ACTIVE:
            raise LicenceError("This person was revoked.", seen=found.id)
        return found
    made = Person(
        id=f"per_{secrets.token_hex(8)}",
        organisation_id=organisation_id,
        name=check_name(name, "The person's name"),
        email=address,
        status=Status.ACTIVE,
    )
    connection.execute(insert(table).values(**vars(made), created_at=audit.utc_text(now)))
    audit.write(
        connection,
        actor=actor,
        action="person.add",
        subject=made.id,
        detail={"organisation": organisation_id},
        at=now,
    )
    return made


def declare_country(
    engine: Engine, organisation_id: str, country: str, *, now: datetime, actor: str = "clearward"
) -> None:
    """Note where an organisation is; its licences that name countries are judged by it at once."""
    code = check_country(country)
    with audit.logged(engine) as connection:
        _active(connection, organisation_id)
        table = models.Organisation
        connection.execute(update(table).where(table.id == organisation_id).values(country=code))
        audit.write(
            connection,
            actor=actor,
            action="organisation.country",
            subject=organisation_id,
            detail={"country": code},
            at=now,
        )


def revoke_organisation(
    engine: Engine, organisation_id: str, *, now: datetime, actor: str = "clearward"
) -> None:
    """End every licence, token and link of an organisation now."""
    _revoke(engine, models.Organisation, organisation_id, now=now, actor=actor)


def revoke_person(
    engine: Engine, person_id: str, *, now: datetime, actor: str = "clearward"
) -> None:
    """End every token and link of one person now. What they signed still binds."""
    _revoke(engine, models.Person, person_id, now=now, actor=actor)


def find_organisation(engine: Engine, organisation_id: str) -> Organisation | None:
    """One organisation by id."""
    found = _organisations(engine, models.Organisation.id == organisation_id)
    return found[0] if found else None


def list_organisations(engine: Engine) -> tuple[Organisation, ...]:
    """Every organisation, by name."""
    return _organisations(engine)


def people_of(engine: Engine, organisation_id: str) -> tuple[Person, ...]:
    """The people of an organisation, by name."""
    table = models.Person
    query = select(table).where(table.organisation_id == organisation_id).order_by(table.name)
    with engine.connect() as connection:
        return tuple(map(_person, connection.execute(query)))


def find_person(connection: Connection, person_id: str) -> Person | None:
    """One person by id."""
    row = connection.execute(select(models.Person).where(models.Person.id == person_id)).first()
    return _person(row) if row else None


def _organisations(engine: Engine, *conditions: object) -> tuple[Organisation, ...]:
    table = models.Organisation
    query = select(table).where(*conditions).order_by(table.name)  # type: ignore[arg-type]
    with engine.connect() as connection:
        return tuple(map(_organisation, connection.execute(query)))


def _active(connection: Connection, organisation_id: str) -> None:
    table = models.Organisation
    status = connection.scalar(select(table.status).where(table.id == organisation_id))
    if status != Status.ACTIVE:
        raise LicenceError(
            "There is no such organisation, or it was revoked.",
            seen=organisation_id,
            do="see `clearward organisation list`",
        )


def _revoke(
    engine: Engine,
    table: type[models.Organisation] | type[models.Person],
    name: str,
    *,
    now: datetime,
    actor: str,
) -> None:
    kind = table.__tablename__
    with audit.logged(engine) as connection:
        done = connection.execute(
            update(table).where(table.id == name).values(status=Status.REVOKED.value)
        )
        if done.rowcount != 1:
            raise LicenceError(f"There is no such {kind}.", seen=name, do=f"list every {kind}")
        audit.write(connection, actor=actor, action=f"{kind}.revoke", subject=name, at=now)


def _by_licensee(connection: Connection, licensee: str) -> Organisation | None:
    table = models.Organisation
    row = connection.execute(select(table).where(table.licensee == licensee)).first()
    return _organisation(row) if row else None


def _organisation(row: object) -> Organisation:
    values = {name: getattr(row, name) for name in Organisation.__dataclass_fields__}
    return Organisation(**{**values, "status": Status(values["status"])})


def _person(row: object) -> Person:
    values = {name: getattr(row, name) for name in Person.__dataclass_fields__}
    return Person(**{**values, "status": Status(values["status"])})
