"""General patterns of identifiers: numbers, addresses on the net, names that a title announces.
Patterns are data in `phi.toml`; what a hospital knows by name belongs to `identifiers`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

from clearward.notes.identifiers import COMPOUND

# digits with what people write between them
_RUN = re.compile(r"\d[\d ().+-]{7,}")


class PhiSpan(NamedTuple):
    """Where an identifier stood, and its kind; never the text of it."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True)
class _Pattern:
    kind: str
    needs: str
    digits: int
    regex: re.Pattern[str]


@dataclass(frozen=True)
class PhiPatterns:
    """Compiled patterns, in the order of the file."""

    general: tuple[_Pattern, ...]
    chinese: tuple[re.Pattern[str], ...]
    never: tuple[str, ...]
    eponym: re.Pattern[str]


@cache
def phi_patterns() -> PhiPatterns:
    """Read `phi.toml` once."""
    path = Path(__file__).with_name("phi.toml")
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    general = tuple(
        _Pattern(
            item["kind"], item.get("needs", ""), item.get("digits", 0), re.compile(item["regex"])
        )
        for item in document["patterns"]
    )
    words = "|".join(sorted(document["eponyms"]["words"], key=len, reverse=True))
    return PhiPatterns(
        general=general,
        chinese=_chinese(document["chinese"]),
        never=tuple(document["chinese"]["never"]),
        eponym=re.compile(rf"(?:'s?)?\s*(?:{words})(?![a-z])"),
    )


def _chinese(body: dict[str, str]) -> tuple[re.Pattern[str], ...]:
    surname = f"(?:{'|'.join(COMPOUND)}|[{''.join(dict.fromkeys(body['surnames']))}])"
    end = r"(?=[\s,。;::/()\]】]|$|签|代|诉|述|陪|、)"
    return (
        re.compile(rf"(?:{body['before']})\s*[::]\s*({surname}[\u4e00-\u9fff·]{{1,2}}){end}"),
        re.compile(rf"(?:{body['kin']})({surname}[\u4e00-\u9fff]{{1,2}}){end}"),
        re.compile(rf"({surname}[\u4e00-\u9fff]{{0,2}})(?:{body['titles']})"),
    )


def find_phi(plain: str, lang: str) -> Iterator[PhiSpan]:
    """Every general identifier in a folded text; spans may overlap."""
    rules = phi_patterns()
    digits = max((sum(map(str.isdigit, run)) for run in _RUN.findall(plain)), default=0)
    for pattern in rules.general:
        if pattern.digits > digits or (pattern.needs and pattern.needs not in plain):
            continue
        for match in pattern.regex.finditer(plain):
            start, end = match.span(1 if match.re.groups else 0)
            if pattern.kind != "name" or not is_eponym(plain, end):
                yield PhiSpan(pattern.kind, start, end)
    if lang == "zh":
        yield from _chinese_names(plain, rules)


def _chinese_names(plain: str, rules: PhiPatterns) -> Iterator[PhiSpan]:
    for regex in rules.chinese:
        for match in regex.finditer(plain):
            if not match[1].startswith(rules.never):
                yield PhiSpan("name", *match.span(1))


def is_eponym(plain: str, end: int) -> bool:
    """Whether a name that ends here is the name of a disease, sign, test or drug."""
    return bool(phi_patterns().eponym.match(plain, end))
