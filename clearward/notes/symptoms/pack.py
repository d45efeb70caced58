"""The symptoms pack, compiled: names, codes and the scanner over every way to say them. What a
clinician edits is `patterns.toml`; whether a name counts where it stands belongs to `mentions`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from clearward.errors import ConfigError
from clearward.notes.scan import Literal, Scanner
from clearward.notes.scan_engines import make_scanner

SPOKEN = "spoken:"


@dataclass(frozen=True)
class Concept:
    """One symptom or everyday illness.

    Attributes:
        name: the normalised name, the same in every language.
        kind: symptom | illness; the finding's attribute.
        code: ICD-10-CM, or empty where no code says just this.
        labels: which side may stand beside it: eye | side | empty.
    """

    name: str
    kind: str
    code: str
    labels: str


@dataclass(frozen=True)
class SymptomPack:
    """All concepts behind one scanner; a literal's tag is its concept's name, after ``spoken:``
    where the word counts only between people who talk of it already."""

    version: str
    concepts: Mapping[str, Concept]
    scanner: Scanner
    refuse_before: re.Pattern[str]
    refuse_after: re.Pattern[str]


@cache
def symptom_pack() -> SymptomPack:
    """Read `patterns.toml` once; ConfigError names what is broken."""
    path = Path(__file__).with_name("patterns.toml")
    return compile_pack(tomllib.loads(path.read_text(encoding="utf-8")))


def compile_pack(document: Mapping[str, Any]) -> SymptomPack:
    """A pack from its document; ConfigError when a way to say it means two things."""
    bodies: Mapping[str, Any] = document["concepts"]
    owner: dict[str, Literal] = {}
    for name, body in bodies.items():
        for word in (*body["en"], *body["zh"]):
            literal = Literal(word, name, cased=word.isascii() and word.isupper())
            if owner.setdefault(word.lower(), literal).tag != name:
                raise ConfigError(
                    "A way to say a symptom is listed twice.",
                    seen=f"{name} and {owner[word.lower()].tag}",
                    do="keep it under one of them in clearward/notes/symptoms/patterns.toml",
                )
    spoken = [
        Literal(word, SPOKEN + name)
        for name, body in bodies.items()
        for word in body.get("spoken", ())
        if word not in owner
    ]
    literals = [*owner.values(), *spoken]
    return SymptomPack(
        version=f"symptoms/{document['version']}",
        concepts={name: _concept(name, body) for name, body in bodies.items()},
        scanner=make_scanner(literals),
        refuse_before=re.compile(document["refuse_before"]),
        refuse_after=re.compile(document["refuse_after"]),
    )


def _concept(name: str, body: Mapping[str, Any]) -> Concept:
    return Concept(name, body.get("kind", "symptom"), body["code"], body.get("labels", ""))
