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

import ahocorasick

from clearward.notes.names import COMPOUND, TITLES
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


class _Pattern:
    """One pattern; `anchors`: what every match begins with, `needs`: what the text must hold."""

    def __init__(
        self,
        rule: str,
        kind: str,
        regex: str,
        *,
        needs: tuple[str, ...] = (),
        anchors: tuple[str, ...] = (),
        check: str = "",
    ) -> None:
        self.rule, self.kind, self.check, self.anchors = rule, kind, check, anchors
        self.regex, self.needs = re.compile(regex), needs


@dataclass(frozen=True)
class PhiPatterns:
    """Compiled patterns.

    Attributes:
        general: tried on the whole text; the Chinese ones stand last.
        anchors: from a word to the patterns that open with it.
        gate: which of `general` are worth trying.
    """

    general: tuple[_Pattern, ...]
    first_chinese: int
    anchors: ahocorasick.Automaton
    gate: Gate
    never: tuple[str, ...]
    eponym: re.Pattern[str]


@cache
def phi_patterns() -> PhiPatterns:
    """Read `phi.toml` once."""
    path = Path(__file__).with_name("phi.toml")
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    words = "|".join(sorted(document["eponyms"]["words"], key=len, reverse=True))
    body = document["chinese"]
    patterns = [_pattern(item) for item in document["patterns"]]
    plain = tuple(p for p in patterns if not p.anchors)
    general = (*plain, *_chinese(body))
    return PhiPatterns(
        general=general,
        first_chinese=len(plain),
        anchors=_automaton((*(p for p in patterns if p.anchors), *_labelled(body))),
        gate=Gate([p.regex.pattern for p in general]),
        never=tuple(body["never"]),
        eponym=re.compile(rf"(?:'s?)?[\s-]*(?:{words})(?![a-z])"),
    )


def _pattern(item: dict[str, Any]) -> _Pattern:
    return _Pattern(
        item["rule"],
        item["kind"],
        item["regex"],
        needs=tuple(item.get("needs", ())),
        anchors=tuple(word.replace("_", " ") for word in item.get("anchors", "").split()),
        check=item.get("check", ""),
    )


def _surname(body: dict[str, str]) -> str:
    return f"(?:{'|'.join(COMPOUND)}|[{''.join(dict.fromkeys(body['surnames']))}])"


def _chinese(body: dict[str, str]) -> tuple[_Pattern, ...]:
    """Names that open with a surname, told by what stands behind."""
    surname, one, given = _surname(body), f"[{body['words']}]", r"[\u4e00-\u9fff·]"
    return (
        _Pattern("titled_name", "name", rf"({surname}{given}{{1,2}}?)(?:{body['titles']})"),
        _Pattern("titled_surname", "name", rf"(?!{one})({surname})(?:{body['titles']})"),
        _Pattern("called_surname", "name", rf"(?!{one})({surname})某+(?![日年月种些个处时地])"),
    )


def _labelled(body: dict[str, str]) -> tuple[_Pattern, ...]:
    """Chinese names behind a label or a relation."""
    surname, given = _surname(body), r"[\u4e00-\u9fff·]"
    name = rf"{surname}{given}"
    end = rf"(?=[\s,。;:/()\]】、]|$|[{body['after']}])"
    before, kin = body["before"], body["kin"]
    labels, relations = tuple(before.split("|")), tuple(kin.split("|"))
    behind = rf"(?:{before})\s*:\s*"
    return (
        _Pattern("labelled_name", "name", rf"{behind}({name}{{1,3}}?){end}", anchors=labels),
        _Pattern(
            "labelled_names",
            "name",
            rf"{behind}{name}{{1,3}}[/,]\s*({name}{{1,2}}?){end}",
            anchors=labels,
        ),
        _Pattern(
            "name_of_kin", "name", rf"(?:{kin})[:,]?\s?({name}{{1,2}}?){end}", anchors=relations
        ),
    )


def _automaton(patterns: tuple[_Pattern, ...]) -> ahocorasick.Automaton:
    """From each anchor to the patterns that open with it."""
    by_anchor: dict[str, list[_Pattern]] = {}
    for pattern in patterns:
        for anchor in pattern.anchors:
            by_anchor.setdefault(anchor, []).append(pattern)
    automaton = ahocorasick.Automaton()
    for anchor, opened in by_anchor.items():
        automaton.add_word(anchor, (len(anchor), tuple(opened)))
    automaton.make_automaton()
    return automaton


def find_phi(plain: str, lang: str) -> Iterator[PhiSpan]:
    """Every general identifier in a folded text; spans may overlap."""
    rules = phi_patterns()
    for last, (size, opened) in rules.anchors.iter(plain.lower()):
        for pattern in opened:
            match = pattern.regex.match(plain, last + 1 - size)
            if match:
                yield from _judged(pattern, plain, match, never=rules.never)
    worth = rules.gate.open_for(plain)
    for number, pattern in enumerate(rules.general):
        if number not in worth or (lang != "zh" and number >= rules.first_chinese):
            continue
        if not pattern.needs or any(word in plain for word in pattern.needs):
            for match in pattern.regex.finditer(plain):
                yield from _judged(pattern, plain, match, never=rules.never)


def _judged(
    pattern: _Pattern, plain: str, match: re.Match[str], *, never: tuple[str, ...]
) -> Iterator[PhiSpan]:
    # the group that took part; patterns with alternatives have one each
    span: tuple[int, int] | None = match.span(match.lastindex or 0)
    if span and pattern.check:
        span = check_match(pattern.check, plain, span)
    if span is None or (pattern.kind == "name" and not _is_name(pattern, plain, span, never)):
        return
    yield PhiSpan(pattern.kind, *span, pattern.rule)


def _is_name(pattern: _Pattern, plain: str, span: tuple[int, int], never: tuple[str, ...]) -> bool:
    start, end = span
    if "\u3400" <= plain[start] <= "\u9fff":
        text = plain[start:end]
        if text.startswith(never) or (pattern.rule == "name_of_kin" and is_word(text)):
            return False
        if text.endswith(TITLES):  # "患者王先生": another pattern takes the surname alone
            return False
        titled = pattern.rule in {"titled_name", "titled_surname"}
        return not (titled and is_cut_from_words(plain, start, end))
    return not is_eponym(plain, start, end)


def is_eponym(plain: str, start: int, end: int) -> bool:
    """Whether a name that ends here is the name of a disease, sign, test or drug: one that is
    known as such, before a word that says what it names. "Roe test" is a test of Roe's."""
    last = _LAST_WORD.search(plain, start, end)
    if last is None or not is_eponymous(last[0].lower()):
        return False
    return bool(phi_patterns().eponym.match(plain, end))
