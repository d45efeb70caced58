"""``clearward licence``: who may receive what, until when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from clearward.cli.show import console, show_rows
from clearward.licensing import ledger, registry
from clearward.licensing.model import Copy
from clearward.licensing.names import licensee_name
from clearward.settings import load_settings
from clearward.state.base import state_engine

app = typer.Typer(
    no_args_is_help=True,
    help="""Licences: which buyer may receive which product, for what, until when.

  clearward licence create --buyer "Example Pharma" --product cardiology --terms a.pdf …\n
  clearward licence token LICENCE         a bearer token; shown once\n
  clearward serve                         buyers download with it\n
  clearward licence deliveries            who received which version
""",
)
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


@app.command()
def create(
    buyer: Annotated[str, typer.Option(help="The organisation.")],
    product: Annotated[str, typer.Option(help="Product name.")],
    terms: Annotated[Path, typer.Option(help="The signed agreement; its hash is kept.")],
    until: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Last day.")],
    purpose: Annotated[str, typer.Option(help="What it is for.")] = "commercial_licensing",
    versions: Annotated[str, typer.Option(help="Versions covered, such as 1.x.")] = "1.x",
    copy: Annotated[Copy, typer.Option(help="Own pseudonyms, or the canonical files.")] = Copy.OWN,
    key: Annotated[
        Path | None, typer.Option(help="The buyer's Ed25519 public key (PEM), for attestations.")
    ] = None,
) -> None:
    """Keep a signed agreement as a licence and print its id."""
    licence = registry.create_licence(
        state_engine(load_settings().database),
        buyer=buyer,
        product=product,
        purpose=purpose,
        version_range=versions,
        terms=terms.read_bytes(),
        valid_from=datetime.now(UTC),
        valid_until=until.replace(tzinfo=UTC) + timedelta(days=1),
        copy=copy,
        key_pem=key.read_bytes() if key else b"",
    )
    console.print(f"{licence.id}. Next: clearward licence token {licence.id}")


@app.command("list")
def list_all(as_json: Json = False) -> None:
    """Every licence."""
    licences = registry.list_licences(state_engine(load_settings().database))
    rows = [{**vars(licence), "key_pem": bool(licence.key_pem)} for licence in licences]
    show_rows("Licences", rows, as_json=as_json)


@app.command()
def deliveries(
    product: Annotated[str, typer.Option(help="Only this product.")] = "",
    buyer: Annotated[str, typer.Option(help="Only this organisation.")] = "",
    as_json: Json = False,
) -> None:
    """Who received which version, from the delivery ledger, which is checked against the log."""
    engine = state_engine(load_settings().database)
    ledger.verify_ledger(engine)
    receipts = ledger.all_receipts(engine)
    rows = [
        vars(receipt)
        for receipt in receipts
        if product in ("", receipt.product)
        and (not buyer or licensee_name(buyer) == receipt.licensee)
    ]
    show_rows("Deliveries", rows, as_json=as_json)


@app.command()
def token(
    licence_id: str, days: Annotated[int, typer.Option(help="How long it is good for.")] = 90
) -> None:
    """Make a bearer token. It is shown once; only its hash is kept."""
    expires = datetime.now(UTC) + timedelta(days=days)
    engine = state_engine(load_settings().database)
    print(registry.issue_token(engine, licence_id, expires_at=expires))


@app.command()
def revoke(licence_id: str) -> None:
    """End a licence now; links already handed out stop with it."""
    registry.revoke_licence(state_engine(load_settings().database), licence_id)
    console.print(f"Revoked {licence_id}.")
