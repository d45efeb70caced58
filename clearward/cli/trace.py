"""``clearward trace``: whose copy a file is that turned up somewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clearward.errors import ConfigError
from clearward.keyring import load_keyring
from clearward.licensing.trace_report import LANGUAGES
from clearward.licensing.tracing import BOUND, trace_file
from clearward.settings import load_settings
from clearward.storage import open_storage


def trace(
    file: Annotated[Path, typer.Argument(help="Parquet or CSV.")],
    product: Annotated[str, typer.Option(help="Only this product.")] = "",
    version: Annotated[str, typer.Option(help="Only this version; needs --product.")] = "",
    bound: Annotated[float, typer.Option(help="Chance of accusing any innocent.")] = BOUND,
    language: Annotated[str, typer.Option(help="Of the text: en or zh.")] = "en",
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Name the licensee whose copy a leaked file comes from, or nobody.

    Any rows and columns in any order, with or without keys. One row with a key is enough; without
    keys it takes calendar days or marks. Exit code 1 when nobody is named.
    """
    if version and not product:
        raise ConfigError("A version is one of a product.", do="name the product too")
    if language not in LANGUAGES:
        raise ConfigError("No such language.", seen=language, expected=", ".join(LANGUAGES))
    settings = load_settings()
    report = trace_file(
        settings,
        load_keyring(settings.keyring),
        open_storage(settings),
        file,
        product=product,
        version=version,
        bound=bound,
    )
    print(report.to_json() if as_json else report.to_text(language), end="")
    raise typer.Exit(0 if report.accused else 1)
