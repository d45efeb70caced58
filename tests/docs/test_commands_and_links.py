"""Documents: commands they show exist, links lead somewhere, settings are listed."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from clearward import errors
from clearward.cli.main import app

ROOT = Path(__file__).parents[2]
PAGES = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
    *(ROOT / "samples").rglob("README.md"),
]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]


def shown_commands(page: Path) -> list[str]:
    text = page.read_text(encoding="utf-8")
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", text, flags=re.S))
    inline = re.findall(r"`((?:\.venv/bin/)?clearward [^`]+|make [a-z][^`]*)`", text)
    return [line.split("#")[0].strip() for line in [*blocks.split("\n"), *inline] if line.strip()]


def resolves(words: list[str]) -> bool:
    command = typer.main.get_command(app)
    for word in words:
        if not hasattr(command, "commands") or word.startswith("-"):
            break
        if word not in command.commands:
            return False
        command = command.commands[word]
    options = {option for parameter in command.params for option in parameter.opts}
    return all(w in {*options, "--help"} for w in words if w.startswith("--"))


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_command_shown_exists(page):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.M))
    for line in shown_commands(page):
        words = shlex.split(line)
        if words[0] == "make":
            assert words[1] in targets, line
        elif words[0].endswith("clearward"):
            assert resolves(words[1:]), line


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_link_inside_the_repository_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def test_the_readme_shows_commands():
    assert len(shown_commands(ROOT / "README.md")) > 5


def test_every_setting_is_in_the_example_file():
    used = set(re.findall(r"CLEARWARD_[A-Z]+", (ROOT / "clearward/settings.py").read_text()))
    shown = set(re.findall(r"CLEARWARD_[A-Z]+", (ROOT / ".env.example").read_text()))
    assert used - shown == set()


def test_every_class_of_the_error_tree_has_an_exit_code_of_its_own():
    tree = [
        c for c in vars(errors).values() if isinstance(c, type) and c.__module__ == errors.__name__
    ]
    codes = [error.exit_code for error in tree]
    assert len(codes) > 10
    assert len(set(codes)) == len(codes)
    assert 0 not in codes
