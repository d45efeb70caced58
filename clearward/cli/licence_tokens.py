"""The secrets of ``clearward licence``: tokens, activation links, clients. Each is shown once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from sqlalchemy import Engine, select

from clearward.cli.show import console, show_facts
from clearward.licensing import registry, tokens
from clearward.settings import load_settings
from clearward.state.base import state_engine
from clearward.state.buyer_models import Client
from clearward.state.models import AccessToken

Person = Annotated[str, typer.Option(help="Whose it is (id); it ends with them.")]
Days = Annotated[int, typer.Option(min=1, help="How long it is good for.")]
Overlap = Annotated[int, typer.Option(min=0, help="Hours for which the old one stays good.")]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


def add_to(app: typer.Typer) -> None:
    """Put these commands into the group of licences."""
    commands: dict[str, Callable[..., None]] = {
        "token": token,
        "rotate": rotate,
        "activation": activation,
        "activate": activate,
        "client": client,
        "rotate-client": rotate_client,
        "revoke-token": revoke_token,
        "revoke-client": revoke_client,
    }
    for name, command in commands.items():
        app.command(name)(command)


def token(licence_id: str, days: Days = 90, person: Person = "") -> None:
    """Make a bearer token. It is shown once; only its hash is kept."""
    engine, now = _now()
    expires = now + timedelta(days=days)
    print(registry.issue_token(engine, licence_id, expires_at=expires, person_id=person))


def rotate(token_id: str, days: Days = 90, overlap: Overlap = 24) -> None:
    """Make a new token in the place of one, which stays good for the overlap and no longer."""
    engine, now = _now()
    expires, both = now + timedelta(days=days), timedelta(hours=overlap)
    print(tokens.rotate(engine, token_id, expires_at=expires, now=now, overlap=both))


def activation(
    licence_id: str,
    days: Days = 90,
    person: Person = "",
    hours: Annotated[int, typer.Option(min=1, max=168, help="How long the link is good.")] = 24,
) -> None:
    """Make the secret of an activation link: whoever comes with it first gets the token, once.

    Send it over another channel than the catalogue's address; a second use is refused and logged.
    """
    engine, now = _now()
    print(
        tokens.make_activation(
            engine,
            licence_id,
            token_expires_at=now + timedelta(days=days),
            now=now,
            person_id=person,
            good_for=timedelta(hours=hours),
        )
    )


def activate(secret: str) -> None:
    """Use an activation on this machine, in place of the service, and print the token."""
    engine, now = _now()
    print(tokens.activate(engine, activation=secret, now=now))


def client(licence_id: str, days: Days = 365, person: Person = "", as_json: Json = False) -> None:
    """Make an OAuth client: a program exchanges its secret for tokens of one hour."""
    engine, now = _now()
    made = tokens.make_client(
        engine, licence_id, expires_at=now + timedelta(days=days), now=now, person_id=person
    )
    show_facts("Shown once", vars(made), as_json=as_json)


def rotate_client(client_id: str, overlap: Overlap = 24, as_json: Json = False) -> None:
    """Give a client a new secret; the old one stays good for the overlap and no longer."""
    engine, now = _now()
    made = tokens.rotate_client(engine, client_id, now=now, overlap=timedelta(hours=overlap))
    show_facts("Shown once", vars(made), as_json=as_json)


def revoke_token(token_id: str) -> None:
    """End one token now, and the links made with it; its id is in `licence show`."""
    engine, now = _now()
    registry.revoke_token(engine, token_id, now=now)
    console.print(f"Revoked {token_id}.")


def revoke_client(client_id: str) -> None:
    """End a client now, and every token it was given."""
    engine, now = _now()
    tokens.revoke_client(engine, client_id, now=now)
    console.print(f"Revoked {client_id}.")


def secrets_of(engine: Engine, licence_id: str) -> list[dict[str, Any]]:
    """Public names of a licence's tokens and clients, newest end first. An hour's token of a client
    is not told: its client is."""
    columns = (AccessToken.token_sha256, AccessToken.person_id, AccessToken.expires_at)
    mine = select(*columns, AccessToken.revoked_at).where(
        AccessToken.licence_id == licence_id, AccessToken.client_id == ""
    )
    programs = select(Client.id, Client.person_id, Client.expires_at, Client.revoked_at).where(
        Client.licence_id == licence_id
    )
    with engine.connect() as connection:
        rows = [*connection.execute(programs).all(), *connection.execute(mine).all()]
    found = [
        {
            "id": row[0] if row[0].startswith(tokens.CLIENT_PREFIX) else row[0][:16],
            "person": row[1],
            "expires_at": row[2],
            "revoked_at": row[3] or "",
        }
        for row in rows
    ]
    return sorted(found, key=lambda row: str(row["expires_at"]), reverse=True)


def _now() -> tuple[Engine, datetime]:
    return state_engine(load_settings().database), datetime.now(UTC)
