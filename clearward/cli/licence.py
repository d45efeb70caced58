"""``clearward licence``: who may receive what, until when. Secrets are in `licence_tokens`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import Engine

from clearward.cli import licence_tokens
from clearward.cli.show import console, show_facts, show_rows
from clearward.errors import ConfigError, LicenceError
from clearward.licensing import ledger, odrl, outlook, quota, registry, requests
from clearward.licensing.duo import licence_terms
from clearward.licensing.model import Copy, Licence, Mode
from clearward.licensing.names import licensee_name
from clearward.licensing.requests import RequestState
from clearward.settings import load_settings
from clearward.state.base import state_engine

app = typer.Typer(
    no_args_is_help=True,
    help="""Licences: which buyer may receive which product, for what, until when.

In short, with a text that came back signed on paper:

  clearward licence create --buyer "Example Pharma" --product cardiology --terms a.pdf …\n
  clearward licence activation LICENCE    a link to send, good once and for a day\n
  clearward serve                         buyers download with the token it gives\n
  clearward licence deliveries            who received which version

Step by step: clearward organisation add, agreement offer, agreement sign, then licence create
--agreement. A licence is a grant under an agreement: organisation, agreement, licence, person and
token must all stand, at every request; revoking one of them ends what is under it at once.
""",
)
licence_tokens.add_to(app)
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


Until = Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Last day, in UTC.")]
Start = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day, in UTC; today.")
]
Buyer = Annotated[str, typer.Option(help="The organisation; noted if it is new.")]
Terms = Annotated[
    Path | None, typer.Option(help="The agreement, signed on paper; its hash is kept.")
]
Under = Annotated[str, typer.Option(help="An agreement in force, in place of --terms.")]
Request = Annotated[str, typer.Option(help="The approved request it answers.")]
Versions = Annotated[str, typer.Option(help="Versions covered, such as 1.x.")]
Countries = Annotated[
    list[str] | None, typer.Option(help="Only from here (two letters); repeat for several.")
]
Most = Annotated[int | None, typer.Option(min=1, help="How often links may be asked for, in all.")]
Duo = Annotated[
    list[str] | None, typer.Option(help="A restriction the agreement adds, as DUO:0000021.")
]
Key = Annotated[
    Path | None, typer.Option(help="The buyer's Ed25519 public key (PEM), for attestations.")
]


@app.command()
def create(
    until: Until,
    buyer: Buyer = "",
    product: Annotated[str, typer.Option(help="Product name.")] = "",
    terms: Terms = None,
    agreement: Under = "",
    request: Request = "",
    purpose: Annotated[str, typer.Option(help="What it is for.")] = "commercial_licensing",
    versions: Versions = "1.x",
    start: Start = None,
    country: Countries = None,
    max_downloads: Most = None,
    mode: Annotated[Mode, typer.Option(help="Files leave, or enclave only.")] = Mode.DOWNLOAD,
    duo: Duo = None,
    copy: Annotated[Copy, typer.Option(help="Own pseudonyms, or the canonical files.")] = Copy.OWN,
    key: Key = None,
) -> None:
    """Grant a licence under a signed agreement and print its id.

    With --terms the text counts as signed on paper by the buyer: organisation and agreement are
    noted as needed. With --request buyer, product and purpose are what was asked for.
    """
    engine, now = state_engine(load_settings().database), datetime.now(UTC)
    asked = _approved(engine, request) if request else None
    licence = registry.create_licence(
        engine,
        buyer=asked.organisation if asked else buyer,
        product=asked.product if asked else product,
        purpose=asked.purpose if asked else purpose,
        version_range=versions,
        terms=terms.read_bytes() if terms else b"",
        agreement_id=agreement,
        valid_from=start.replace(tzinfo=UTC) if start else now,
        valid_until=until.replace(tzinfo=UTC) + timedelta(days=1),
        copy=copy,
        key_pem=key.read_bytes() if key else b"",
        countries=country or (),
        max_downloads=max_downloads,
        mode=mode,
        duo=duo or (),
        request_id=request,
        now=now,
    )
    console.print(f"{licence.id}. Next: clearward licence activation {licence.id}")


@app.command("list")
def list_all(
    buyer: Annotated[str, typer.Option(help="Only this organisation's, by name or id.")] = "",
    as_json: Json = False,
) -> None:
    """Every licence, with what it stands on."""
    engine = state_engine(load_settings().database)
    found = registry.buyers_licences(engine, buyer) if buyer else registry.list_licences(engine)
    if as_json:
        show_rows("", [_facts(licence) for licence in found], as_json=True)
        return
    rows = [
        {
            "id": li.id,
            "buyer": li.buyer,
            "product": f"{li.product} {li.version_range}",
            "until": f"{li.valid_until:%Y-%m-%d %H:%M}",
            "stands": li.is_standing,
        }
        for li in found
    ]
    show_rows("Licences", rows, as_json=False)


@app.command()
def show(licence_id: str, as_json: Json = False) -> None:
    """One licence in words: who, what, what for, where, until when, what is left, what it says in
    terms of the Data Use Ontology, and which tokens it has."""
    engine = state_engine(load_settings().database)
    licence = find(engine, licence_id)
    with engine.connect() as connection:
        used = quota.downloads(connection, licence_id)
    most = licence.max_downloads
    terms = licence_terms(licence)
    left = None if most is None else max(0, most - used)
    secrets = licence_tokens.secrets_of(engine, licence_id)
    if as_json:
        more = {"downloads": used, "downloads_left": left, "data_use": terms, "tokens": secrets}
        show_facts("", {**_facts(licence), **more}, as_json=True)
        return
    show_facts(f"Licence {licence.id}", _in_words(licence, used), as_json=False)
    rows = [{"code": code, "means": words} for code, words in terms.items()]
    show_rows("In terms of the Data Use Ontology", rows, as_json=False)
    show_rows("Tokens and clients", secrets, as_json=False)


@app.command("watch")
def watch_all(
    days: Annotated[int, typer.Option(min=1, help="How far to look, ahead and back.")] = 30,
    as_json: Json = False,
) -> None:
    """What somebody should look at: licences and tokens that end soon, licences of which
    nothing was taken."""
    engine, now = state_engine(load_settings().database), datetime.now(UTC)
    span = timedelta(days=days)
    found = (
        *outlook.ending(engine, now=now, within=span),
        *outlook.unused(engine, now=now, after=span),
    )
    show_rows("Licences to look at", [each.row() for each in found], as_json=as_json)


@app.command()
def policy(licence_id: str) -> None:
    """Print the licence as an ODRL 2.2 document, for connectors: the one kept when it was granted,
    or one made now for a licence from before there were any."""
    engine = state_engine(load_settings().database)
    licence = find(engine, licence_id)
    kept = odrl.find_document(engine, licence.policy_sha256)
    print(kept or odrl.policy_document(licence).decode(), end="")


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
def revoke(licence_id: str) -> None:
    """End a licence now; links already handed out stop with it."""
    registry.revoke_licence(state_engine(load_settings().database), licence_id)
    console.print(f"Revoked {licence_id}.")


def find(engine: Engine, licence_id: str) -> Licence:
    """The licence, or LicenceError."""
    found = registry.find_licence(engine, licence_id)
    if found is None:
        raise LicenceError("There is no such licence.", do="see `clearward licence list`")
    return found


def _approved(engine: Engine, request_id: str) -> requests.AccessRequest:
    asked = requests.find(engine, request_id)
    if asked is None or asked.state is not RequestState.APPROVED:
        raise ConfigError(
            "There is no such request, or nobody approved it.",
            do="see `clearward request list --all`",
        )
    return asked


def _facts(licence: Licence) -> dict[str, Any]:
    changed = {"key_pem": bool(licence.key_pem), "countries": sorted(licence.countries)}
    return {**vars(licence), **changed, "stands": licence.is_standing}


def _in_words(licence: Licence, used: int) -> dict[str, str]:
    chain = {
        "organisation": licence.organisation_status,
        "agreement": licence.agreement_status,
        "licence": licence.status,
    }
    last_day = licence.valid_until - timedelta(microseconds=1)
    most = licence.max_downloads
    return {
        "buyer": f"{licence.buyer} ({licence.organisation_id})",
        "agreement": f"{licence.agreement_id}, text {licence.terms_sha256[:16]}…",
        "stands": "yes"
        if licence.is_standing
        else "no: " + ", ".join(f"{k} {v.replace('_', ' ')}" for k, v in chain.items()),
        "product": f"{licence.product}, versions {licence.version_range}",
        "for": licence.purpose.replace("_", " "),
        "in force": f"{licence.valid_from:%Y-%m-%d %H:%M} to {last_day:%Y-%m-%d %H:%M} UTC",
        "from": ", ".join(sorted(licence.countries)) or "anywhere",
        "declared country": licence.country or "none",
        "delivers": "nothing: the enclave only"
        if licence.mode is Mode.ENCLAVE
        else f"files, {licence.copy.value} copy",
        "downloads": f"{used} of {most}" if most is not None else f"{used}, no limit",
        "attestations": "signed by their key" if licence.key_pem else "by any bearer",
        "policy": f"{licence.policy_sha256[:16]}…" if licence.policy_sha256 else "none kept",
    }
