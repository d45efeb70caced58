"""Whoever asks a command for help sees a line to type, and the command takes that line."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import click
import pytest
import typer
from typer.testing import CliRunner

from clearward.cli.examples import load_examples
from clearward.cli.main import app

ROOT = typer.main.get_command(app)


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[str]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield " ".join(path)
        return
    for name, each in inner.items():
        yield from leaves(each, (*path, name))


def test_every_command_has_an_example_and_every_example_a_command():
    assert set(load_examples()) == set(leaves(ROOT))


@pytest.mark.parametrize("name", sorted(load_examples()))
def test_an_example_is_taken_by_its_own_command(name):
    program, *words = shlex.split(load_examples()[name])
    assert program == "clearward"
    assert words[: len(name.split())] == name.split()
    command, context = ROOT, ROOT.make_context(program, list(words), resilient_parsing=True)
    for word in name.split():
        command = command.commands[word]
    context = command.make_context(name, words[len(name.split()) :], parent=context)
    assert not context.args


def test_help_ends_with_the_example():
    shown = CliRunner().invoke(app, ["keys", "rotate", "--help"], env={"COLUMNS": "100"})
    assert load_examples()["keys rotate"] in shown.output
