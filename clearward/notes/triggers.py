"""Context triggers as values, from `context.toml`: which words say what, and on which side.

What a clause makes of the triggers in it belongs to `context`. Keys of a kind: `before` stands in
front of what it says something about, `after` behind it, `anywhere` on either side, in front even
across a comma ("At the last visit, IOP was 22"), `stop` ends this kind's reach and no other's.
``{a|b}`` in a trigger is one of the words; ``{a|}`` may be absent.
"""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

from clearward.errors import ConfigError
from clearward.notes.scan import Literal, Scanner
from clearward.notes.scan_engines import AutomatonScanner

SIDES = ("before", "after", "anywhere", "stop")
_CHOICE = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one trigger says, by side: kinds of context.

    Attributes:
        ends: it ends the reach of every kind.
        is_pseudo: it looks like a trigger and is none.
    """

    before: frozenset[str] = frozenset()
    after: frozenset[str] = frozenset()
    anywhere: frozenset[str] = frozenset()
    stop: frozenset[str] = frozenset()
    ends: bool = False
    is_pseudo: bool = False


@dataclass(frozen=True)
class Triggers:
    """All triggers behind one scanner; a hit's tag names its meaning."""

    scanner: Scanner
    meanings: Mapping[str, Meaning]


def expand(trigger: str) -> Iterator[str]:
    """Every spelling of a trigger with choices: ``{no|without} {new |}signs of``."""
    parts = _CHOICE.split(trigger)
    choices = [part.split("|") if index % 2 else [part] for index, part in enumerate(parts)]
    return (" ".join("".join(chosen).split()) for chosen in product(*choices))


@cache
def document() -> Mapping[str, Any]:
    """`context.toml` as it stands; its examples run as tests."""
    path = Path(__file__).with_name("context.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))


@cache
def load_triggers() -> Triggers:
    """Compile `context.toml`; ConfigError names a key that is none."""
    said: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    for kind, body in document().items():
        _check_keys(kind, body)
        for side, triggers in body.items():
            for trigger in triggers if side in (*SIDES, "words") else ():
                for word in expand(trigger):
                    said[word.lower()].add((kind, side))
    meanings: dict[str, Meaning] = {}
    literals: list[Literal] = []
    for word, pairs in sorted(said.items()):
        tag = "|".join(sorted(f"{kind}.{side}" for kind, side in pairs))
        if tag not in meanings:
            meanings[tag] = _meaning(pairs)
        literals.append(Literal(word, tag))
    # clauses are short and triggers many: what costs here is compiling, not scanning
    return Triggers(AutomatonScanner(literals), meanings)


def _meaning(pairs: set[tuple[str, str]]) -> Meaning:
    by_side = {side: frozenset(k for k, s in pairs if s == side) for side in SIDES}
    return Meaning(
        **by_side, ends=("stop", "words") in pairs, is_pseudo=pairs == {("pseudo", "words")}
    )


def _check_keys(kind: str, body: Mapping[str, Any]) -> None:
    lone = kind in ("pseudo", "stop")
    allowed = {"examples", "counter_examples", *(("words",) if lone else SIDES)}
    if unknown := sorted(set(body) - allowed):
        raise ConfigError(
            f"context.toml: [{kind}] has keys nobody reads.",
            seen=", ".join(unknown),
            expected=", ".join(sorted(allowed)),
        )
