"""The command door: words in, calls into the domain, words out. No rule lives here."""

from clearward.cli.main import main

__all__ = ["main"]
