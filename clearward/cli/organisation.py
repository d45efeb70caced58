"""``clearward organisation``: who buys, and their people."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from clearward.cli.show import console, show_facts, show_rows
from clearward.errors import LicenceError
from clearward.licensing import agreements, organisations, registry
from clearward.settings import load_settings
from clearward.state.base import state_engine

app = typer.Typer(
    no_args_is_help=True,
    help="""Organisations that buy, and their people.

  clearward organisation add "Example Pharma" --country DE\n
  clearward organisation add-person ORGANISATION --name "Ada Byron" --email ada@pharma.example\n
  clearward organisation show ORGANISATION     people, agreements, licences\n
  clearward organisation revoke ORGANISATION   ends every licence, token and link of theirs now

One name is one organisation, in whatever case, width or spacing it is typed.
""",
)
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
By = Annotated[str, typer.Option(help="Who decides; kept in the log.")]


@app.command()
def add(
    name: str,
    country: Annotated[str, typer.Option(help="Where it is: two letters, as DE.")] = "",
    by: By = "clearward",
) -> None:
    """Register an organisation; requests and `licence create` do so by themselves."""
    made = organisations.add_organisation(
        state_engine(load_settings().database),
        name=name,
        country=country,
        now=datetime.now(UTC),
        actor=by,
    )
    console.print(f"{made.id}. Next: clearward agreement offer {made.id} --text FILE")


@app.command("list")
def list_all(as_json: Json = False) -> None:
    """Every organisation."""
    found = organisations.list_organisations(state_engine(load_settings().database))
    shown = ("id", "name", "country", "status")
    rows = [{name: getattr(each, name) for name in shown} for each in found]
    show_rows("Organisations", rows, as_json=as_json)


@app.command()
def show(organisation_id: str, as_json: Json = False) -> None:
    """One organisation: its people, agreements and licences."""
    engine = state_engine(load_settings().database)
    found = organisations.find_organisation(engine, organisation_id)
    if found is None:
        raise LicenceError("There is no such organisation.", do="see `clearward organisation list`")
    people = [vars(person) for person in organisations.people_of(engine, found.id)]
    signed = [
        {"id": a.id, "state": a.state, "version": a.text_version, "signed_by": a.signed_by[:16]}
        for a in agreements.list_agreements(engine, organisation_id=found.id)
    ]
    licences = [
        {"id": li.id, "product": li.product, "until": li.valid_until, "stands": li.is_standing}
        for li in registry.buyers_licences(engine, found.id)
    ]
    facts = vars(found)
    if as_json:
        lists = {"people": people, "agreements": signed, "licences": licences}
        show_facts("", {**facts, **lists}, as_json=True)
        return
    show_facts(f"Organisation {found.id}", facts, as_json=False)
    for title, rows in (("People", people), ("Agreements", signed), ("Licences", licences)):
        show_rows(title, rows, as_json=False)


@app.command("add-person")
def add_person(
    organisation_id: str,
    name: Annotated[str, typer.Option(help="Their name.")],
    email: Annotated[str, typer.Option(help="Their address; one person per address.")],
    by: By = "clearward",
) -> None:
    """Register a person: tokens made for them end when they leave."""
    made = organisations.add_person(
        state_engine(load_settings().database),
        organisation_id=organisation_id,
        name=name,
        email=email,
        now=datetime.now(UTC),
        actor=by,
    )
    console.print(f"{made.id}. Next: clearward licence activation LICENCE --person {made.id}")


@app.command()
def country(organisation_id: str, code: str, by: By = "clearward") -> None:
    """Declare where an organisation is; licences that name countries are judged by it at once."""
    engine = state_engine(load_settings().database)
    organisations.declare_country(engine, organisation_id, code, now=datetime.now(UTC), actor=by)
    console.print(f"{organisation_id} is in {code.strip().upper()}.")


@app.command()
def revoke(organisation_id: str, by: By = "clearward") -> None:
    """End every licence, token and link of an organisation now, for good."""
    engine = state_engine(load_settings().database)
    organisations.revoke_organisation(engine, organisation_id, now=datetime.now(UTC), actor=by)
    console.print(f"Revoked {organisation_id}.")


@app.command("revoke-person")
def revoke_person(person_id: str, by: By = "clearward") -> None:
    """End every token and link of one person now; what they signed still binds."""
    engine = state_engine(load_settings().database)
    organisations.revoke_person(engine, person_id, now=datetime.now(UTC), actor=by)
    console.print(f"Revoked {person_id}.")
