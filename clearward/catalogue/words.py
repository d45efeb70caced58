"""The words of the pages, in every language: `words/<language>.toml`. A page holds no word of its
own, so that no language is left behind; a test compares the keys.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

LANGUAGES = ("en", "zh")
_FOLDER = Path(__file__).with_name("words")
Words = Mapping[str, Any]


@cache
def words(language: str) -> Words:
    """Every word of a language by key."""
    path = _FOLDER / f"{language}.toml"
    found: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    return found


def purpose_words(w: Words, purpose: str) -> Mapping[str, str]:
    """What a purpose is called; a purpose nobody has named yet is shown by its own name."""
    known: Mapping[str, Mapping[str, str]] = w["purpose"]
    return known.get(purpose) or {"title": purpose.replace("_", " "), "text": ""}


def count_text(value: Any, *, masked: str) -> str:
    """A count with separators between thousands; what is masked is said to be."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return masked if value in (None, "") else str(value)


def size_text(count: int) -> str:
    """Bytes for people: decimal units, two digits."""
    amount, units = float(count), ["B", "kB", "MB", "GB", "TB"]
    while amount >= 1000 and len(units) > 1:
        amount /= 1000
        units.pop(0)
    return (
        f"{amount:.1f} {units[0]}"
        if amount < 10 and units[0] != "B"
        else f"{amount:.0f} {units[0]}"
    )
