"""Section headers and what a section says about all it holds. Spellings are in `sections.toml`."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from functools import cache
from pathlib import Path
from typing import NamedTuple

_LINE = re.compile(r"^[ \t]*(?:#+[ \t]*)?([A-Za-z][A-Za-z/& ]{1,40}?)[ \t]*(?::|$)", re.MULTILINE)


class Section(NamedTuple):
    """A section from its header on; defaults a finding takes when its clause says nothing."""

    start: int
    name: str
    temporality: str
    experiencer: str


@cache
def _names() -> dict[str, tuple[str, str, str]]:
    path = Path(__file__).with_name("sections.toml")
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    return {
        spelling: (name, body.get("temporality", ""), body.get("experiencer", ""))
        for name, body in document.items()
        for spelling in body["names"]
    }


def section_names() -> frozenset[str]:
    """Every spelling of every section."""
    return frozenset(_names())


@cache
def _chinese() -> re.Pattern[str]:
    words = sorted((w for w in _names() if not w.isascii()), key=len, reverse=True)
    return re.compile(rf"(?:^|(?<=[\s。;;\]】]))[【\[]?({'|'.join(words)})[】\]]?(?=[::\s】\]])")


def sections(plain: str, lang: str) -> list[Section]:
    """Headers in order; Chinese ones may stand inside a line, English ones open a line."""
    found = [(m.start(), m[1].lower()) for m in _LINE.finditer(plain)]
    if lang == "zh":
        found += [(m.start(1), m[1]) for m in _chinese().finditer(plain)]
    known = _names()
    return sorted(Section(at, *known[name]) for at, name in found if name in known)


def section_at(found: list[Section], position: int) -> Section:
    """The section a position lies in; before the first header an unnamed one."""
    index = bisect_right([section.start for section in found], position) - 1
    return found[index] if index >= 0 else Section(0, "", "", "")
