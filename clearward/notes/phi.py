"""General patterns of identifiers: numbers, addresses on the net, names that a title announces.
Patterns are data in `phi.toml`; what a hospital knows by name belongs to `known`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from clearward.notes.names import COMPOUND
from clearward.notes.phi_checks import check_match
from clearward.notes.phi_gate import Gate
from clearward.notes.words import is_cut_from_words, is_eponymous, is_word

_LAST_WORD = re.compile(r"[A-Za-z]+$")


class PhiSpan(NamedTuple):
    """Where an identifier stood, its kind and the rule that found it; never the text of it."""

    kind: str
    start: int
    end: int
    rule: str = ""


@dataclass(frozen=True)
class _Pattern:
    rule: str
    kind: str
    needs: re.Pattern[str] | None
    check: str
    regex: re.Pattern[str]


@dataclass(frozen=True)
class PhiPatterns:
    """Compiled patterns, in the order of the file."""

    general: tuple[_Pattern, ...]
    chinese: tuple[tuple[str, re.Pattern[str]], ...]
    surnames: re.Pattern[str]
    never: tuple[str, ...]
    eponym: re.Pattern[str]
    gate: Gate


@cache
def phi_patterns() -> PhiPatterns:
    """Read `phi.toml` once."""
    path = Path(__file__).with_name("phi.toml")
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    words = "|".join(sorted(document["eponyms"]["words"], key=len, reverse=True))
    body = document["chinese"]
    general, chinese = tuple(map(_pattern, document["patterns"])), _chinese(body)
    return PhiPatterns(
        general=general,
        chinese=chinese,
        gate=Gate([p.regex.pattern for p in general] + [regex.pattern for _, regex in chinese]),
        surnames=re.compile(_surname(body)),
        never=tuple(body["never"]),
        eponym=re.compile(rf"(?:'s?)?[\s-]*(?:{words})(?![a-z])"),
    )


def _pattern(item: dict[str, Any]) -> _Pattern:
    needs = "|".join(map(re.escape, item.get("needs", ())))
    return _Pattern(
        rule=item["rule"],
        kind=item["kind"],
        needs=re.compile(needs) if needs else None,
        check=item.get("check", ""),
        regex=re.compile(item["regex"]),
    )


def _surname(body: dict[str, str]) -> str:
    return f"(?:{'|'.join(COMPOUND)}|[{''.join(dict.fromkeys(body['surnames']))}])"


def _chinese(body: dict[str, str]) -> tuple[tuple[str, re.Pattern[str]], ...]:
    surname, one = _surname(body), f"[{body['words']}]"
    end = rf"(?=[\s,。;:/()\]】、]|$|[{body['after']}])"
    given = r"[\u4e00-\u9fff·]"
    return (
        (
            "labelled_name",
            re.compile(rf"(?:{body['before']})\s*:\s*({surname}{given}{{1,3}}?){end}"),
        ),
        (
            "labelled_names",
            re.compile(
                rf"(?:{body['before']})\s*:\s*{surname}{given}{{1,3}}[/,]\s*({surname}{given}{{1,2}}?){end}"
            ),
        ),
        ("name_of_kin", re.compile(rf"(?:{body['kin']})[:,]?\s?({surname}{given}{{1,2}}?){end}")),
        ("titled_name", re.compile(rf"({surname}{given}{{1,2}}?)(?:{body['titles']})")),
        ("titled_surname", re.compile(rf"(?!{one})({surname})(?:{body['titles']})")),
        ("called_surname", re.compile(rf"(?!{one})({surname})某+(?![日年月种些个处时地])")),
    )


def find_phi(plain: str, lang: str) -> Iterator[PhiSpan]:
    """Every general identifier in a folded text; spans may overlap."""
    rules = phi_patterns()
    worth = rules.gate.open_for(plain)
    if not worth:
        return
    for number, pattern in enumerate(rules.general):
        if number in worth and (pattern.needs is None or pattern.needs.search(plain)):
            yield from _matches(pattern, plain)
    if lang == "zh":
        first = len(rules.general)
        chosen = [p for n, p in enumerate(rules.chinese, first) if n in worth]
        yield from _chinese_names(plain, chosen, never=rules.never)


def _matches(pattern: _Pattern, plain: str) -> Iterator[PhiSpan]:
    for match in pattern.regex.finditer(plain):
        # the group that took part; patterns with alternatives have one each
        span: tuple[int, int] | None = match.span(match.lastindex or 0)
        if span and pattern.check:
            span = check_match(pattern.check, plain, span)
        if span and (pattern.kind != "name" or not is_eponym(plain, *span)):
            yield PhiSpan(pattern.kind, *span, pattern.rule)


def _chinese_names(
    plain: str, patterns: list[tuple[str, re.Pattern[str]]], *, never: tuple[str, ...]
) -> Iterator[PhiSpan]:
    for rule, regex in patterns:
        for match in regex.finditer(plain):
            start, end = match.span(1)
            if match[1].startswith(never) or (rule == "name_of_kin" and is_word(match[1])):
                continue
            if rule in {"titled_name", "titled_surname"} and is_cut_from_words(plain, start, end):
                continue
            yield PhiSpan("name", start, end, rule)


def is_eponym(plain: str, start: int, end: int) -> bool:
    """Whether a name that ends here is the name of a disease, sign, test or drug: one that is
    known as such, before a word that says what it names. "Roe test" is a test of Roe's."""
    last = _LAST_WORD.search(plain, start, end)
    if last is None or not is_eponymous(last[0].lower()):
        return False
    return bool(phi_patterns().eponym.match(plain, end))
