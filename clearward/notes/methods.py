"""Which method, and which thing said aside, belongs to which value. Tokens come from `grammar`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

_PART = re.compile(r"[,;(\n→>]")
_PLACES = ("value", "blank")


class Token(NamedTuple):
    """One piece of a region.

    Attributes:
        kind: value, blank (a place without a value), label, method, aside (a clock
            time, the number of an injection).
        name: the label's or method's name.
        match: how it was read; None for a cue that is a method as well.
        start, end: characters, half-open.
    """

    kind: str
    name: str
    match: re.Match[str] | None
    start: int
    end: int


def methods_of(
    plain: str, tokens: Sequence[Token], *, leading: frozenset[str] = frozenset()
) -> list[tuple[str, ...]]:
    """Methods of each value: those before it where the clause opens with one, else after it;
    `leading` methods are always of the value right behind them."""
    first = next((t.kind for t in tokens if t.kind in (*_PLACES, "method")), "value")
    return _methods_first(tokens) if first == "method" else _methods_last(plain, tokens, leading)


def asides_of(tokens: Sequence[Token]) -> list[str]:
    """What is said beside each value: the last aside before it, or one behind them all."""
    found: list[str] = []
    current = ""
    for token in tokens:
        if token.kind == "aside":
            current = token.match.group() if token.match else ""
            found = [said or current for said in found]
        elif token.kind in _PLACES:
            found.append(current)
    return found


def _methods_first(tokens: Sequence[Token], *, holds: bool = True) -> list[tuple[str, ...]]:
    """A method given between a label and a value is that value's alone ("OD 20/40 PH 20/25 OS
    20/30"); one given before a label holds until the next such one ("cc OD 20/40 OS 20/30").
    `holds`: what opens the clause holds for all of it."""
    found: list[tuple[str, ...]] = []
    base: list[str] = []
    current: list[str] = []
    used = False
    for token in tokens:
        if token.kind in _PLACES:
            base = base if found or not holds else [*current]
            found.append(tuple(current or base))
            used = True
        elif token.kind == "method":
            current = [token.name] if used else [*current, token.name]
            used = False
        elif token.kind == "label" and used:
            current = []
        elif token.kind == "label" and current:
            base = [*current]
    return found


def _methods_last(
    plain: str, tokens: Sequence[Token], leading: frozenset[str]
) -> list[tuple[str, ...]]:
    """A method behind its value, until one opens a part of its own ("0.3 (PH 0.5)")."""
    found: list[list[str]] = []
    for index, token in enumerate(tokens):
        if token.kind in _PLACES:
            found.append([])
        elif token.kind == "method":
            if _opens_part(plain, tokens, index, leading=leading):
                rest = _methods_first(tokens[index:], holds=False)
                return [*_spread(found), *rest]
            found[-1].append(token.name)
    return _spread(found)


def _opens_part(
    plain: str, tokens: Sequence[Token], index: int, *, leading: frozenset[str]
) -> bool:
    """Whether a method leads the next value: a separator before it, no bracket closed after it."""
    token = tokens[index]
    if token.name in leading and index + 1 < len(tokens) and tokens[index + 1].kind == "value":
        return ")" not in plain[token.end : tokens[index + 1].start]
    following = next((t for t in tokens[index:] if t.kind in _PLACES), None)
    if following is None or ")" in plain[token.end : following.start]:
        return False
    return bool(_PART.search(plain, tokens[index - 1].end, token.start))


def _spread(found: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """A method said once, behind all values, is the method of all."""
    said = found[-1] if found and not any(found[:-1]) else ()
    return [tuple(names or said) for names in found]
