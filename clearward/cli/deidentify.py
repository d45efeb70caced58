"""``clearward deidentify``: the one-way door and its rule sets, looked at from outside."""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True, help="The one-way door: treatments, lists, profiles.")
