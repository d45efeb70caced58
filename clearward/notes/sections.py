"""Section headers and what a section says about all it holds. Spellings are in `sections.toml`."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

# a line that is nothing but a title; possessive, so that prose is left at its first comma or digit
_ALONE = re.compile(r"^[ \t#*]*+([A-Za-z][A-Za-z/&() -]{0,48}+)\**$", re.MULTILINE)
# what ends at a colon: it opens a line, or stands behind a mark or a wide blank in a dictated note
_TITLE = re.compile(
    r"(?:^|[\n.,;:]|[ \t]{2}|\)[ \t])[ \t#*]*+([A-Za-z][A-Za-z/&,() -]{0,48}?)[ \t]*\**[ \t]*$"
)
_LONGEST = 60


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
    """Headers in order. A header is a line of its own or ends at a colon; Chinese ones may stand
    before a blank as well. A header in capitals that nobody listed ends the section before it."""
    found = []
    for match in _ALONE.finditer(plain):
        named = _named(match[1])
        if named:
            found.append(Section(match.start(1), *named))
    found += _before_colons(plain)
    if lang == "zh":
        known = _names()
        found += [Section(m.start(1), *known[m[1]]) for m in _chinese().finditer(plain)]
    return sorted(set(found))


def _before_colons(plain: str) -> Iterator[Section]:
    colon = plain.find(":")
    while colon >= 0:
        # letters, or the mark of a heading, stand before a colon that ends a title
        if colon and not plain[colon - 1].isdigit():
            match = _TITLE.search(plain, _title_floor(plain, colon), colon)
            if match:
                title = match[1]
                named = _named(title)
                if named:
                    yield Section(match.start(1), *named)
                elif len(title) > 4 and title.isupper():
                    yield Section(match.start(1), "", "", "")
        colon = plain.find(":", colon + 1)


def _title_floor(plain: str, colon: int) -> int:
    """Nothing before it can be of a title that ends at the colon: none holds a line or a point."""
    first = max(0, colon - _LONGEST)
    return max(first, plain.rfind("\n", first, colon - 1), plain.rfind(".", first, colon - 1))


def section_at(found: Sequence[Section], position: int) -> Section:
    """The section a position lies in; before the first header an unnamed one."""
    index = bisect_right(found, position, key=_start) - 1
    return found[index] if index >= 0 else Section(0, "", "", "")


def _start(section: Section) -> int:
    return section.start


@lru_cache(maxsize=4096)
def _named(title: str) -> tuple[str, str, str] | None:
    """What a title says, if it is listed; notes of a hospital share theirs."""
    plain = title.lower().replace("(es)", "es").replace("(s)", "s")
    return _names().get(" ".join(plain.split()).strip(" ,"))
