"""From a cue to its values: a region of tokens, read left to right, strict about what may stand
between values. What a value means belongs to the specialty's finder.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from clearward.notes.laterality import LABELS, assign
from clearward.notes.patterns import Attribute
from clearward.notes.scan import Hit

REACH = 170
LOOK_BACK = 30
_PAIR = re.compile(r"\s*(?:[/,;]|and|和|与)?\s*")
_PART = re.compile(r"[,;(\n]")
_BROKEN = re.compile(r"[.!?](?=\s)|[。!?;;]|\n\s*\n")


class Value(NamedTuple):
    """A value as the grammar read it, with its label, methods and how sure the side is."""

    match: re.Match[str]
    label: str
    confidence: float
    methods: tuple[str, ...]
    start: int
    end: int


class Region(NamedTuple):
    """What one cue announced; `end` is the last character that belongs to it."""

    cue_start: int
    cue_end: int
    values: tuple[Value, ...]
    end: int


class _Token(NamedTuple):
    kind: str
    name: str
    match: re.Match[str]
    start: int
    end: int


def read_region(plain: str, hit: Hit, rule: Attribute, *, floor: int, limit: int) -> Region | None:
    """The values a cue announces, or None when it announces none.

    Args:
        plain: the folded text.
        hit: the cue.
        rule: the attribute's rule.
        floor: nothing before this position may be used (it belongs to the region before).
        limit: start of the next cue of another attribute.
    """
    if rule.refuse_before.search(plain, max(0, hit.start - LOOK_BACK), hit.start):
        return None
    stop = min(len(plain), hit.end + REACH, limit)
    if rule.refuse_after.match(plain, hit.end, min(len(plain), hit.end + REACH)):
        return None
    tokens = _leading(plain, hit, rule, floor)
    tokens += _following(plain, hit, rule, stop)
    values = _values(tokens, rule)
    if not values:
        return None
    return Region(hit.start, hit.end, values, max(tokens[-1].end, hit.end))


def _leading(plain: str, hit: Hit, rule: Attribute, floor: int) -> list[_Token]:
    """Labels and methods that stand right before the cue: "OD VA", "右眼裸眼视力"."""
    found: list[_Token] = []
    end = hit.start
    while len(found) < 3:
        start = max(floor, end - LOOK_BACK)
        match = rule.before.search(plain, start, end)
        if match is None:
            break
        found.append(_token(match, rule, match.start(), match.end()))
        end = match.start()
    return found[::-1]


def _following(plain: str, hit: Hit, rule: Attribute, stop: int) -> list[_Token]:
    tokens: list[_Token] = []
    position = hit.start if rule.cue_in_value else hit.end
    budget, seen = rule.opening, False
    while position < stop:
        match = rule.tokens.match(plain, position, stop)
        if match is None and not seen:
            match = _leap(plain, position, rule, min(stop, position + budget))
            budget -= (match.start() - position) if match else 0
        if match is None or match.end() == position:
            break
        position = match.end()
        token = _token(match, rule, match.start(), match.end())
        if token.kind in ("filler", "cue", "skip"):
            if "\n\n" in match.group().replace(" ", ""):
                break
            continue
        if token.kind == "value" and seen and not rule.repeats:
            break
        seen = seen or token.kind == "value"
        tokens.append(token)
    return tokens


def _leap(plain: str, position: int, rule: Attribute, stop: int) -> re.Match[str] | None:
    """The next value, label or method after words no rule knows, unless a digit or the end of
    the sentence stands between."""
    at = position
    while at < stop:
        match = rule.tokens.search(plain, at, min(len(plain), stop + 24))
        if match is None or match.start() >= stop:
            return None
        between = plain[position : match.start()]
        if _BROKEN.search(between) or any("0" <= c <= "9" for c in between):
            return None
        if match.lastgroup != "filler" and _kind(match, rule)[0] not in ("filler", "cue"):
            return match
        at = max(match.end(), at + 1)
    return None


def _token(match: re.Match[str], rule: Attribute, start: int, end: int) -> _Token:
    kind, name = _kind(match, rule)
    return _Token(kind, name, match, start, end)


def _kind(match: re.Match[str], rule: Attribute) -> tuple[str, str]:
    group = match.lastgroup or "filler"
    if group in ("value", "filler", "skip", "cue"):
        return group, group
    if group in LABELS[rule.labels]:
        return "label", group
    return "method", rule.methods[int(group[1:])]


def _values(tokens: Sequence[_Token], rule: Attribute) -> tuple[Value, ...]:
    stream = [None if t.kind == "value" else t.name for t in tokens if t.kind in ("value", "label")]
    found = [token for token in tokens if token.kind == "value"]
    placed = assign(stream, paired=rule.paired and _are_paired(found))
    methods = _methods_of(tokens)
    return tuple(
        Value(token.match, label, sure, method, *token.match.span("value"))
        for token, (label, sure), method in zip(found, placed, methods, strict=True)
    )


def _are_paired(found: Sequence[_Token]) -> bool:
    if len(found) != 2:
        return False
    between = found[0].match.string[found[0].end : found[1].start]
    return bool(_PAIR.fullmatch(between))


def _methods_of(tokens: Sequence[_Token]) -> list[tuple[str, ...]]:
    """Methods of each value: those before it where the clause opens with one, else after it."""
    first = next((t.kind for t in tokens if t.kind in ("value", "method")), "value")
    return _methods_first(tokens) if first == "method" else _methods_last(tokens)


def _methods_first(tokens: Sequence[_Token], *, holds: bool = True) -> list[tuple[str, ...]]:
    """A method given between a label and a value is that value's alone ("OD 20/40 PH 20/25 OS
    20/30"); one given before a label holds until the next such one ("cc OD 20/40 OS 20/30").
    `holds`: what opens the clause holds for all of it."""
    found: list[tuple[str, ...]] = []
    base: list[str] = []
    current: list[str] = []
    used = False
    for token in tokens:
        if token.kind == "value":
            base = base if found or not holds else [*current]
            found.append(tuple(current or base))
            used = True
        elif token.kind == "method":
            current = [token.name] if used else [*current, token.name]
            used = False
        elif used:
            current = []
        elif current:
            base = [*current]
    return found


def _methods_last(tokens: Sequence[_Token]) -> list[tuple[str, ...]]:
    """A method behind its value, until one opens a part of its own ("0.3 (PH 0.5)")."""
    found: list[list[str]] = []
    for index, token in enumerate(tokens):
        if token.kind == "value":
            found.append([])
        elif token.kind == "method":
            if _opens_part(tokens, index):
                rest = _methods_first(tokens[index:], holds=False)
                return [*_spread(found), *rest]
            found[-1].append(token.name)
    return _spread(found)


def _opens_part(tokens: Sequence[_Token], index: int) -> bool:
    """Whether a method leads the next value: a separator before it, no bracket closed after it."""
    plain, token = tokens[index].match.string, tokens[index]
    following = next((t for t in tokens[index:] if t.kind == "value"), None)
    if following is None or ")" in plain[token.end : following.start]:
        return False
    return bool(_PART.search(plain, tokens[index - 1].end, token.start))


def _spread(found: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """A method said once behind several values is the method of all."""
    said = next((names for names in found if names), ())
    return [tuple(names or said) for names in found]
