"""``clearward request``: who asked for a product, and what a person decided."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from clearward.cli.show import console, show_facts, show_rows
from clearward.errors import LicenceError
from clearward.licensing import requests
from clearward.settings import load_settings
from clearward.state.base import state_engine

app = typer.Typer(
    no_args_is_help=True,
    help="""Requests for access: buyers ask on the catalogue's pages, a person decides here.

  clearward request list                  who waits for a decision\n
  clearward request show REQUEST          what they want it for\n
  clearward request approve REQUEST --by NAME\n
  clearward licence create --request REQUEST --terms agreement.pdf --until 2027-12-31

Approving registers the organisation and the person; it grants nothing before there is a licence.
""",
)
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
By = Annotated[str, typer.Option(help="Who decides; kept in the log.")]


@app.command("list")
def list_all(
    every: Annotated[bool, typer.Option("--all", help="Decided ones too.")] = False,
    as_json: Json = False,
) -> None:
    """Requests that wait for a decision, oldest first."""
    engine = state_engine(load_settings().database)
    found = requests.list_requests(engine) if every else requests.pending(engine)
    shown = ("id", "state", "product", "purpose", "organisation", "person", "submitted_at")
    rows = [{name: getattr(asked, name) for name in shown} for asked in found]
    show_rows("Requests", rows, as_json=as_json)


@app.command()
def show(request_id: str, as_json: Json = False) -> None:
    """One request, with what they want the data for in their words."""
    asked = requests.find(state_engine(load_settings().database), request_id)
    if asked is None:
        raise LicenceError("There is no such request.", do="see `clearward request list --all`")
    show_facts(f"Request {asked.id}", vars(asked), as_json=as_json)


@app.command()
def approve(
    request_id: str,
    by: By,
    country: Annotated[
        str, typer.Option(help="Where the organisation is: two letters, as DE.")
    ] = "",
) -> None:
    """Say yes: register the organisation and the person. What they may receive comes next."""
    done = requests.approve(
        state_engine(load_settings().database),
        request_id,
        actor=by,
        now=datetime.now(UTC),
        country=country,
    )
    console.print(f"Approved {done.id}: {done.organisation_id}, {done.person_id}.")
    console.print(
        f"Next: clearward licence create --request {done.id} --terms FILE --until YYYY-MM-DD",
        soft_wrap=True,
    )


@app.command()
def reject(
    request_id: str,
    by: By,
    reason: Annotated[str, typer.Option(help="Why; whoever asked may read it.")],
) -> None:
    """Say no, with the reason."""
    engine = state_engine(load_settings().database)
    done = requests.reject(engine, request_id, actor=by, reason=reason, now=datetime.now(UTC))
    console.print(f"Rejected {done.id}.")
