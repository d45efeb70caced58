"""An example at the end of every command's help, from `examples.toml`. What a command does belongs
to the command itself.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import typer

FILE = Path(__file__).with_suffix(".toml")


def load_examples() -> dict[str, str]:
    """Command, its groups first, to a line that somebody could type."""
    examples: dict[str, str] = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return examples


def show_examples(app: typer.Typer) -> None:
    """Give every command of a tree its example; a test says which has none."""
    _show(app, load_examples(), "")


def _show(app: typer.Typer, examples: dict[str, str], prefix: str) -> None:
    for command in app.registered_commands:
        name = command.name or getattr(command.callback, "__name__", "")
        example = examples.get(f"{prefix}{name}")
        command.epilog = f"Example: {example}" if example else None
    for group in app.registered_groups:
        if group.typer_instance is not None:
            _show(group.typer_instance, examples, f"{prefix}{group.name} ")
