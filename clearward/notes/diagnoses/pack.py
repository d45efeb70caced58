"""The pack of diagnoses: `diagnoses.toml` as rules of the scan. A name is what is read, so a rule
has no grammar of values; what the clause says of it (denied, a relative's, past) is the context's.

Code systems of a finding: ``ICD10CM`` in an English text, ``ICD10CN-YB2.0`` in a Chinese one.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from clearward.errors import ConfigError
from clearward.notes.finding import Reading
from clearward.notes.grammar import Value
from clearward.notes.laterality import LABELS, named_groups
from clearward.notes.patterns import Attribute
from clearward.notes.scan import Literal

PACK = "diagnoses"
CODE_SYSTEMS = {"en": "ICD10CM", "zh": "ICD10CN-YB2.0"}
FILE = Path(__file__).with_name("diagnoses.toml")


@dataclass(frozen=True)
class Diagnosis:
    """One line of the file.

    Attributes:
        name: closed vocabulary of `value_text`.
        specialty: the table it stands in.
        cm, yb: its codes, ICD-10-CM and 医保 2.0.
    """

    name: str
    specialty: str
    cm: str
    yb: str
    en: tuple[str, ...]
    zh: tuple[str, ...]
    cased: tuple[str, ...]
    refuse_before: str
    refuse_after: str
    labels: str


@cache
def diagnoses() -> tuple[Diagnosis, ...]:
    """Every diagnosis, in the order of the file."""
    document = _document()
    return tuple(
        Diagnosis(
            name=name,
            specialty=specialty,
            cm=body["cm"],
            yb=body["yb"],
            en=tuple(body["en"]),
            zh=tuple(body["zh"]),
            cased=tuple(body.get("cased", ())),
            refuse_before=_either(body.get("refuse_before"), document["refuse_before"]),
            refuse_after=_either(body.get("refuse_after"), document["refuse_after"]),
            labels=table.get("labels", ""),
        )
        for specialty, table in document.items()
        if isinstance(table, dict)
        for name, body in table.items()
        if isinstance(body, dict)
    )


def rules() -> Iterator[Attribute]:
    """One rule per diagnosis.

    Raises:
        ConfigError: a pattern is no regular expression, or a spelling belongs to two diagnoses.
    """
    version = f"{PACK}/{_document()['version']}"
    taken: dict[str, str] = {}
    for item in diagnoses():
        for text in (*item.en, *item.zh, *item.cased):
            if taken.setdefault(text.lower(), item.name) != item.name:
                raise ConfigError(
                    f"Two diagnoses are written alike: {item.name} and {taken[text.lower()]}.",
                    seen=text,
                    do="take the spelling from one of them in diagnoses.toml",
                )
        yield _rule(item, version)


def readings(attribute: str, value: Value) -> Iterator[Reading]:
    """The diagnosis itself."""
    yield Reading(None, text=attribute, attribute="diagnosis")


def _rule(item: Diagnosis, version: str) -> Attribute:
    tag = f"~{item.name}"
    literals = [Literal(text, tag) for text in dict.fromkeys((*item.en, *item.zh))]
    tokens, before = _sides(item.labels)
    return Attribute(
        name=item.name,
        pack=PACK,
        pack_version=version,
        code=f"{CODE_SYSTEMS['en']}:{item.cm}",
        codes={"zh": f"{CODE_SYSTEMS['zh']}:{item.yb}"},
        unit="1",
        minimum=0,
        maximum=0,
        literals=(*literals, *(Literal(text, tag, cased=True) for text in item.cased)),
        refuse_before=_compiled(item.refuse_before),
        refuse_after=_compiled(item.refuse_after),
        opening=0,
        tokens=tokens,
        before=before,
        label_names=frozenset(LABELS[item.labels]),
        yields=True,
        is_concept=True,
        is_term=True,
        is_dated=False,
    )


@cache
def _sides(kind: str) -> tuple[re.Pattern[str], re.Pattern[str] | None]:
    groups = named_groups(LABELS[kind])
    if not groups:
        return re.compile("(?!)"), None
    named = rf"(?<![A-Za-z])(?:{groups})"
    return re.compile(named), re.compile(rf"{named}\s*$")


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ConfigError(
            "Pack diagnoses: what refuses a name is not a regular expression.",
            seen=str(error),
            do="mend clearward/notes/diagnoses/diagnoses.toml",
        ) from error


def _either(own: str | None, common: str) -> str:
    return f"{own}|{common}" if own else common


@cache
def _document() -> Mapping[str, Any]:
    return tomllib.loads(FILE.read_text(encoding="utf-8"))
