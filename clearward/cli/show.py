"""How results look in a terminal, and as JSON for machines."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

console = Console()
errors = Console(stderr=True)


def show_rows(title: str, rows: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """A table with one line per mapping, columns in the order of the first."""
    if as_json:
        print(json.dumps(list(rows), indent=1, default=str))
        return
    if not rows:
        console.print(f"{title}: none yet")
        return
    table = Table(title=title, title_justify="left", header_style="bold")
    for name in rows[0]:
        table.add_column(name.replace("_", " "))
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    console.print(table)


def show_facts(title: str, facts: Mapping[str, Any], *, as_json: bool) -> None:
    """One thing and its properties."""
    if as_json:
        print(json.dumps(dict(facts), indent=1, default=str))
        return
    table = Table(title=title, title_justify="left", show_header=False)
    for name, value in facts.items():
        table.add_row(name.replace("_", " "), _cell(value))
    console.print(table)


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "[green]yes[/]" if value else "[red]no[/]"
    return f"{value:,}" if isinstance(value, int) else str(value)
