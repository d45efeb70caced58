"""``clearward catalogue``: the pages that buyers read before they buy."""

from __future__ import annotations

import webbrowser
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from clearward.catalogue.shelving import publish_catalogue, write_catalogue
from clearward.cli.show import console, errors, show_facts
from clearward.deidentify.installation import open_keyring
from clearward.settings import Settings, load_settings
from clearward.state.base import state_engine
from clearward.storage import open_storage

app = typer.Typer(
    no_args_is_help=True,
    help="""The catalogue: every release as a page, in English and Chinese, without a server.

  clearward catalogue build                    beside the releases, in the store\n
  clearward catalogue build --folder site      as files, for a web server\n
  clearward catalogue open                     in the browser of this machine\n
  clearward catalogue operator --by NAME       a token to decide access requests on the web

The monthly run, a recall and a retirement bring the store's catalogue up to date by themselves;
a folder shows what it was built from until it is built again.
""",
)
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


@app.command()
def build(
    folder: Annotated[
        Path | None, typer.Option(help="Write files there instead of into the store.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Bring the catalogue to what the store holds; releases are read, never written."""
    settings = load_settings()
    keyring, storage = open_keyring(settings), open_storage(settings)
    done = (
        write_catalogue(settings, keyring, storage, folder)
        if folder
        else publish_catalogue(settings, keyring, storage)
    )
    show_facts("Catalogue", done.metadata(), as_json=as_json)


@app.command("open")
def open_pages() -> None:
    """Build the pages under the home folder and open them in the browser."""
    settings = load_settings()
    page = _own_pages(settings) / "index.html"
    console.print(str(page), soft_wrap=True)
    webbrowser.open(page.as_uri())


@app.command()
def operator(
    by: Annotated[str, typer.Option(help="The person it is for; decisions bear this name.")],
    hours: Annotated[int, typer.Option(help="How long it is good for; at most 24.")] = 8,
    end: Annotated[str, typer.Option(metavar="ID", help="End this token instead, now.")] = "",
) -> None:
    """Make a token for the approver's page, /en/approve of the service. It is shown once."""
    from clearward.catalogue.web.operators import end_token, make_token  # noqa: PLC0415

    settings, now = load_settings(), datetime.now(UTC)
    engine = state_engine(settings.database)
    if end:
        end_token(engine, end, actor=by, now=now)
        console.print(f"Ended {end}.")
        return
    made, token = make_token(engine, open_keyring(settings), name=by, hours=hours, now=now)
    errors.print(f"Operator {made.id}, for {hours} hours. End it: --by NAME --end {made.id}")
    print(token)


def _own_pages(settings: Settings) -> Path:
    folder = settings.home / "catalogue"
    write_catalogue(settings, open_keyring(settings), open_storage(settings), folder)
    return folder
