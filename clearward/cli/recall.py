"""``clearward recall``: withdrawals carried to versions that are out, and what buyers answered."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from clearward.catalogue.shelving import refresh_catalogue
from clearward.cli.show import console, show_facts, show_rows
from clearward.keyring import load_keyring
from clearward.licensing import attestation, recall_lists
from clearward.licensing.attestation import Attested
from clearward.licensing.recall import process_withdrawals
from clearward.licensing.recall_report import recall_report
from clearward.settings import load_settings
from clearward.state.base import state_engine
from clearward.storage import open_storage
from clearward.warehouse import hash_file

app = typer.Typer(
    no_args_is_help=True,
    help="""Recalls: what a withdrawal asks of buyers who hold a version with that patient.

  clearward recall run                    carry withdrawals to versions and lists; daily\n
  clearward recall report                 who has confirmed, who is late; exit code 1 while open\n
  clearward recall export LIST --folder out --by NAME\n
  clearward recall attest LIST --by NAME --deleted-at 2024-07-01 --paper letter.pdf
""",
)
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


@app.command()
def run(as_json: Json = False) -> None:
    """Carry all withdrawals on record to versions, licensees, lists and the catalogue. Meant to run
    daily."""
    settings = load_settings()
    keyring, storage = load_keyring(settings.keyring), open_storage(settings)
    done = process_withdrawals(settings, keyring, storage, now=datetime.now(UTC))
    refresh_catalogue(settings, keyring, storage)
    show_facts("Withdrawals carried out", done.metadata(), as_json=as_json)


@app.command()
def report(as_json: Json = False) -> None:
    """Who received what, what is confirmed, what is overdue. Exit code 1 while a list is open."""
    found = recall_report(state_engine(load_settings().database))
    if as_json:
        show_facts("", {"deliveries": found.deliveries, "lists": found.lists}, as_json=True)
    else:
        show_rows("Recalled versions and who has them", found.deliveries, as_json=False)
        show_rows("Recall lists", found.lists, as_json=False)
    raise typer.Exit(0 if found.is_clear else 1)


@app.command()
def export(
    list_id: str,
    folder: Annotated[Path, typer.Option(help="Where the signed list is put, mode 0600.")],
    by: Annotated[str, typer.Option(help="Who hands it over.")],
) -> None:
    """Hand a list out by hand, for a licensee who cannot fetch it; it counts as sent."""
    database = state_engine(load_settings().database)
    note = recall_lists.find_list(database, list_id)
    document = recall_lists.send(
        database, list_id, licensee=note.licensee, actor=by, now=datetime.now(UTC)
    )
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{list_id}.dsse.json"
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(document)
    console.print(f"Wrote {target}. It names patients: give it to {note.licensee} and nobody else.")


@app.command()
def attest(
    list_id: str,
    by: Annotated[str, typer.Option(help="The person at the buyer who answers for it.")],
    deleted_at: Annotated[datetime, typer.Option(help="When the deletion was complete, UTC.")],
    paper: Annotated[Path, typer.Option(help="Their signed statement; its hash is kept.")],
) -> None:
    """Record a deletion that a buyer attested on paper; by the service they do it themselves."""
    database = state_engine(load_settings().database)
    note = recall_lists.find_list(database, list_id)
    said = Attested(list_id, note.document_sha256, by, deleted_at.replace(tzinfo=UTC))
    attestation.confirm(
        database,
        said,
        licensee=note.licensee,
        statement=said.statement().decode(),
        signed_by=hash_file(paper),
        channel="paper",
        now=datetime.now(UTC),
    )
    console.print(f"Confirmed {list_id}; the list itself is dropped.")


@app.command("list")
def list_all(as_json: Json = False) -> None:
    """Every recall list and its state, without the patients on it."""
    notes = recall_lists.lists(state_engine(load_settings().database))
    rows = [{**note.told(), "licensee": note.licensee} for note in notes]
    show_rows("Recall lists", rows, as_json=as_json)
