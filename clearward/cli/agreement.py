"""``clearward agreement``: texts that were offered, and who signed them."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from clearward.cli.show import console, show_facts, show_rows
from clearward.errors import ConfigError, LicenceError
from clearward.licensing import agreements
from clearward.settings import load_settings
from clearward.state.base import state_engine

app = typer.Typer(
    no_args_is_help=True,
    help="""Agreements: a text at a version, offered to an organisation and signed by it.

  clearward agreement offer ORGANISATION --text agreement.pdf --version 2026-1\n
  clearward agreement statement AGREEMENT > to-sign.json      the buyer signs exactly this (DSSE)\n
  clearward agreement sign AGREEMENT --envelope signed.json --key buyer.pub --signatory NAME\n
  clearward agreement sign AGREEMENT --paper --signatory NAME   it came back signed on paper\n
  clearward licence create --agreement AGREEMENT --product cardiology --until 2027-12-31
""",
)
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
By = Annotated[str, typer.Option(help="Who decides; kept in the log.")]


@app.command()
def offer(
    organisation_id: str,
    text: Annotated[Path, typer.Option(help="The text; its hash is kept, not the file.")],
    version: Annotated[str, typer.Option(help="Version of the text, as its title page has it.")],
    by: By = "clearward",
) -> None:
    """Offer a text to an organisation. It carries licences once it is signed."""
    made = agreements.offer(
        state_engine(load_settings().database),
        organisation_id=organisation_id,
        text=text.read_bytes(),
        text_version=version,
        now=datetime.now(UTC),
        actor=by,
    )
    console.print(f"{made.id} (text {made.text_sha256[:16]}…). Next: clearward agreement sign")


@app.command()
def statement(agreement_id: str) -> None:
    """Print what the buyer signs, byte by byte: an in-toto Statement with the text's hash."""
    sys.stdout.write(_find(agreement_id).statement().decode())


@app.command()
def sign(
    agreement_id: str,
    signatory: Annotated[str, typer.Option(help="Who signed, by name.")],
    envelope: Annotated[Path | None, typer.Option(help="The DSSE envelope.")] = None,
    key: Annotated[Path | None, typer.Option(help="The buyer's public key (PEM).")] = None,
    paper: Annotated[bool, typer.Option("--paper", help="It was signed on paper.")] = False,
    by: By = "clearward",
) -> None:
    """Take in the buyer's signature; compare the key's fingerprint with them first."""
    engine, now = state_engine(load_settings().database), datetime.now(UTC)
    if paper:
        agreements.take_paper(engine, agreement_id, signatory=signatory, now=now, actor=by)
    elif envelope and key:
        agreements.sign(
            engine,
            agreement_id,
            envelope=envelope.read_bytes(),
            key_pem=key.read_bytes(),
            signatory=signatory,
            now=now,
            actor=by,
        )
    else:
        raise ConfigError("No signature was given.", do="give --envelope and --key, or --paper")
    console.print(f"{agreement_id} is in force.")


@app.command("list")
def list_all(as_json: Json = False) -> None:
    """Every agreement."""
    found = agreements.list_agreements(state_engine(load_settings().database))
    shown = ("id", "organisation_id", "text_version", "state", "signed_at", "signatory")
    rows = [{name: getattr(each, name) for name in shown} for each in found]
    show_rows("Agreements", rows, as_json=as_json)


@app.command()
def show(agreement_id: str, as_json: Json = False) -> None:
    """One agreement; its signature is checked again."""
    found = _find(agreement_id)
    facts = {k: v for k, v in vars(found).items() if k not in {"envelope", "key_pem"}}
    if found.signed_by:
        facts["signature_holds"] = found.is_signature_whole()
    show_facts(f"Agreement {found.id}", facts, as_json=as_json)


@app.command()
def revoke(agreement_id: str, by: By = "clearward") -> None:
    """End an agreement and everything licensed under it, now."""
    engine = state_engine(load_settings().database)
    agreements.revoke_agreement(engine, agreement_id, now=datetime.now(UTC), actor=by)
    console.print(f"Revoked {agreement_id}.")


def _find(agreement_id: str) -> agreements.Agreement:
    found = agreements.find_agreement(state_engine(load_settings().database), agreement_id)
    if found is None:
        raise LicenceError("There is no such agreement.", do="see `clearward agreement list`")
    return found
