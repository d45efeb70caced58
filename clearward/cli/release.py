"""``clearward release``: what is published, what waits for approval, proof that it is intact."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from clearward.cli.comparison import show_comparison
from clearward.cli.show import console, show_facts, show_rows
from clearward.deidentify.installation import open_keyring
from clearward.errors import ConfigError
from clearward.keyring import load_keyring
from clearward.products.spec import load_product
from clearward.releases import publish as publishing
from clearward.releases import sign_off as signing_off
from clearward.releases.comparison import compare_folders, compare_published
from clearward.releases.rebuild import rebuild_release
from clearward.releases.shelf import list_releases, show_release
from clearward.releases.signing import load_public_key
from clearward.releases.verify import verify_release
from clearward.settings import load_settings
from clearward.storage import open_storage

app = typer.Typer(
    no_args_is_help=True,
    help="""Releases: a candidate is approved by a person, published, listed, verified.

  clearward release approve cardiology --month 2024-05 --by "Data board"\n
  clearward release publish cardiology --month 2024-05\n
  clearward release list                              what is published\n
  clearward release verify cardiology 1.0.0           every hash and the signature\n
  clearward release rebuild cardiology 1.0.0          the same bytes from the same inputs\n
  clearward release diff cardiology 1.0.0 1.1.0       what changed, counts masked\n
  clearward release sign-off cardiology --month 2024-05 --gate G4 --by NAME --reason WHY

Red gates cannot be published by anybody; amber ones need a sign-off first.
""",
)
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
Month = Annotated[str, typer.Option(help="YYYY-MM of the candidate.")]


@app.command("list")
def list_published(as_json: Json = False) -> None:
    """Every published release, oldest first."""
    releases = list_releases(open_storage(load_settings()))
    rows = [
        {
            "product": r.product,
            "version": r.version,
            "month": r.month,
            "change": r.change,
            "files": r.files,
            "rows": r.rows,
            "retired": r.is_retired,
        }
        for r in releases
    ]
    show_rows("Releases", rows, as_json=as_json)


@app.command()
def show(product: str, version: str, as_json: Json = False) -> None:
    """One release: what it holds and when it was published."""
    release = show_release(open_storage(load_settings()), product, version)
    show_facts(f"{product} {version}", release.metadata(), as_json=as_json)


@app.command()
def verify(
    product: Annotated[str, typer.Argument(help="Product; with --folder, any name it must have.")],
    version: str,
    folder: Annotated[
        Path | None, typer.Option(help="A downloaded release instead of the store's.")
    ] = None,
    key: Annotated[
        Path | None, typer.Option(help="The publisher's public key (PEM); default: the keyring's.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check every hash and the signature; says which file is changed, missing or extra."""
    public_key = _read_key(key) if key else _own_key()
    source = folder or open_storage(load_settings())
    verified = verify_release(source, public_key, product=product, version=version)
    show_facts("Intact and signed", verified.metadata(), as_json=as_json)


@app.command()
def rebuild(product: str, version: str, as_json: Json = False) -> None:
    """Build a release again from the same inputs and compare it with the store, byte for byte."""
    settings = load_settings()
    rebuilt = rebuild_release(
        settings,
        open_keyring(settings),
        open_storage(settings),
        product=product,
        version=version,
    )
    show_facts("The same bytes", rebuilt.metadata(), as_json=as_json)


@app.command()
def diff(
    product: Annotated[str, typer.Argument(help="Product; with two folders, any name.")],
    old: Annotated[str, typer.Argument(help="A version, or the folder of a downloaded one.")],
    new: Annotated[str, typer.Argument(help="A version, or the folder of a downloaded one.")],
    key: Annotated[
        Path | None, typer.Option(help="The publisher's public key (PEM); default: the keyring's.")
    ] = None,
    as_json: Json = False,
) -> None:
    """What changed from one version to another: promises, rows by table, columns.

    Counts of published versions are masked, as in their release notes; those of your own two
    folders are exact: you hold the rows.
    """
    settings, folders = load_settings(), (Path(old), Path(new))
    if all(folder.is_dir() for folder in folders):
        public_key = _read_key(key) if key else _own_key()
        document = compare_folders(settings, *folders, public_key=public_key).document()
    else:
        found = compare_published(
            settings, open_storage(settings), product=product, old=old, new=new
        )
        document = found.document(load_product(product).protection.k)
    show_comparison(document, as_json=as_json)


@app.command()
def approve(
    product: str,
    month: Month,
    by: Annotated[str, typer.Option(help="Name of the person who approves.")],
) -> None:
    """Record a person's approval of the candidate as it is now; a changed one needs another."""
    content = publishing.approve(load_settings(), product=product, month=month, approved_by=by)
    console.print(f"Approved {product} {month}, content {content[:12]}, by {by}.")


@app.command("sign-off")
def sign_off(
    product: str,
    month: Month,
    gate: Annotated[str, typer.Option(help="The amber privacy gate, such as G4.")],
    by: Annotated[str, typer.Option(help="Name of the person who answers for it.")],
    reason: Annotated[str, typer.Option(help="Why it may go nevertheless; published.")],
) -> None:
    """Answer for an amber privacy gate of the data as they are now; red takes no signature."""
    content = signing_off.sign_off(
        load_settings(), product=product, month=month, gate=gate, by=by, reason=reason
    )
    console.print(f"Signed {gate} of {product} {month}, content {content[:12]}, by {by}.")


@app.command()
def publish(product: str, month: Month) -> None:
    """Publish an approved candidate; the same content again is the same release."""
    settings = load_settings()
    release = publishing.publish(
        settings,
        open_keyring(settings),
        open_storage(settings),
        product=product,
        month=month,
    )
    show_facts("Published", release.metadata(), as_json=False)


@app.command()
def retire(
    product: str,
    version: str,
    reason: Annotated[str, typer.Option(help="Why; buyers are told.")],
    by: Annotated[str, typer.Option(help="Name of the person who decides.")],
) -> None:
    """Hand out no new copy of a version; its page says so. Its files stay, so that holders can
    verify theirs."""
    from clearward.catalogue.shelving import refresh_catalogue  # noqa: PLC0415 - templates

    settings = load_settings()
    storage = open_storage(settings)
    publishing.retire(settings, storage, product=product, version=version, actor=by, reason=reason)
    console.print(f"Retired {product} {version}.")
    refresh_catalogue(settings, open_keyring(settings), storage)


def _own_key() -> Ed25519PublicKey:
    return load_public_key(load_keyring(load_settings().keyring))


def _read_key(path: Path) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} is no public key in PEM form.") from error
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigError(f"{path} is no Ed25519 key.", seen=type(key).__name__)
    return key
