"""Section headers and what a section says about all it holds. Spellings are in `sections.toml`."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from functools import cache
from pathlib import Path
from typing import NamedTuple

_LINE = re.compile(
    r"^[ \t]*(?:#+[ \t]*|\*+[ \t]*)?([A-Za-z][A-Za-z/&,() -]{0,48}?)[ \t]*(?::|\*+:?|$)",
    re.MULTILINE,
)
# a dictated note is often one line: there a header is in capitals, with a colon
_INSIDE = re.compile(r"(?:[.,;][ \t]*|[ \t]{2,}|\)[ \t]+)([A-Z][A-Z/&() -]{2,48}?)[ \t]*:")


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
    """Headers in order; Chinese ones may stand inside a line, and so may English ones in capitals
    with a colon. A header in capitals that nobody listed ends the section before it."""
    known = _names()
    found = []
    for regex in (_LINE, _INSIDE):
        for match in regex.finditer(plain):
            title = match[1]
            named = known.get(_plain(title))
            if named:
                found.append(Section(match.start(1), *named))
            elif len(title) > 4 and title.isupper() and ":" in match.group():
                found.append(Section(match.start(1), "", "", ""))
    if lang == "zh":
        found += [Section(m.start(1), *known[m[1]]) for m in _chinese().finditer(plain)]
    return sorted(set(found))


def section_at(found: list[Section], position: int) -> Section:
    """The section a position lies in; before the first header an unnamed one."""
    index = bisect_right(found, position, key=_start) - 1
    return found[index] if index >= 0 else Section(0, "", "", "")


def _start(section: Section) -> int:
    return section.start


def _plain(title: str) -> str:
    return " ".join(title.lower().replace("(es)", "es").replace("(s)", "s").split()).strip(" ,")
