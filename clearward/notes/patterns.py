"""Pattern packs: what a clinician edits, as values. A pack is one `patterns.toml` in a specialty's
folder; its examples and counter-examples run as tests. How a rule is applied belongs to `grammar`.

Keys of an attribute: `code`, as ``<system>:<code>`` (and `codes` by laterality or by the finding's
own name), `unit`, `minimum`, `maximum` (outside: rejected, with the reason); `cues` and
`cased_cues` announce it; `refuse_before`/`refuse_after` unmake a cue by what stands round it;
`opening` is how many characters without a digit may stand between cue and value; `value` is the
grammar of a value (groups num, num2, cmp and the finder's own); `fillers` are words that may stand
between values, `skips` patterns that look like values and are none; `methods` name how it was
measured; `labels` is `eye`, `side` or empty.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clearward.errors import ConfigError
from clearward.notes.laterality import label_regex
from clearward.notes.scan import Literal

PACKS = ("ophthalmology", "neurology", "cardiology")
FOLDER = Path(__file__).parent
_PUNCTUATION = r"[\s,;:()\[\]=~|*•#_+>→、-]|/(?!\d)"


@dataclass(frozen=True)
class Attribute:
    """One attribute's rule, compiled.

    Attributes:
        tokens: one alternation over methods, labels, skips, values and fillers.
        before: labels and methods that end right before the cue.
        paired: two bare values mean right then left.
    """

    name: str
    pack: str
    pack_version: str
    code: str
    codes: Mapping[str, str]
    unit: str
    minimum: float
    maximum: float
    literals: tuple[Literal, ...]
    refuse_before: re.Pattern[str]
    refuse_after: re.Pattern[str]
    opening: int
    tokens: re.Pattern[str]
    before: re.Pattern[str]
    methods: tuple[str, ...]
    labels: str
    paired: bool
    repeats: bool
    cue_in_value: bool

    @property
    def rule_id(self) -> str:
        """The rule's stable name: ``<pack>.<attribute>``."""
        return f"{self.pack}.{self.name}"


@dataclass(frozen=True)
class Pack:
    """One specialty's rules and the version written beside every finding."""

    name: str
    version: str
    attributes: tuple[Attribute, ...]
    examples: Mapping[str, tuple[Mapping[str, Any], ...]]
    counter_examples: Mapping[str, tuple[str, ...]]


def load_pack(name: str) -> Pack:
    """Read ``<name>/patterns.toml``; ConfigError names the attribute whose pattern is broken."""
    path = FOLDER / name / "patterns.toml"
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    version = f"{name}/{document['version']}"
    bodies: dict[str, Any] = document["attributes"]
    return Pack(
        name=name,
        version=version,
        attributes=tuple(_attribute(key, body, name, version) for key, body in bodies.items()),
        examples={key: tuple(body["examples"]) for key, body in bodies.items()},
        counter_examples={key: tuple(body["counter_examples"]) for key, body in bodies.items()},
    )


def _attribute(name: str, body: Mapping[str, Any], pack: str, version: str) -> Attribute:
    cues = [Literal(text, name) for text in body["cues"]]
    cased = [Literal(text, name, cased=True) for text in body.get("cased_cues", ())]
    try:
        return Attribute(
            name=name,
            pack=pack,
            pack_version=version,
            code=body["code"],
            codes=body.get("codes", {}),
            unit=body["unit"],
            minimum=body["minimum"],
            maximum=body["maximum"],
            literals=(*cues, *cased),
            refuse_before=re.compile(body.get("refuse_before", "(?!)")),
            refuse_after=re.compile(body.get("refuse_after", "(?!)")),
            opening=body["opening"],
            tokens=_tokens(body, (*cues, *cased)),
            before=_before(body),
            methods=tuple(body.get("methods", {})),
            labels=body.get("labels", ""),
            paired=body.get("paired", False),
            repeats=body.get("repeats", True),
            cue_in_value=body.get("cue_in_value", False),
        )
    except re.error as error:
        raise ConfigError(
            f"Pack {pack}: a pattern of {name} is not a regular expression.",
            seen=str(error),
            do=f"mend clearward/notes/{pack}/patterns.toml and run its examples",
        ) from error


def _methods(body: Mapping[str, Any]) -> str:
    named = enumerate(body.get("methods", {}).values())
    return "|".join(f"(?P<m{index}>{regex})" for index, regex in named)


def _tokens(body: Mapping[str, Any], cues: tuple[Literal, ...]) -> re.Pattern[str]:
    words = "|".join(_word(word) for word in sorted(body.get("fillers", ()), key=len, reverse=True))
    again = "|".join(
        re.escape(c.text) if c.cased else f"(?i:{re.escape(c.text)})"
        for c in sorted(cues, key=lambda c: -len(c.text))
    )
    labels = label_regex(body.get("labels", ""))
    parts = [
        f"(?P<skip>{'|'.join(body['skips'])})" if body.get("skips") else "",
        _methods(body),
        f"(?<![A-Za-z])(?:{labels})" if labels else "",
        f"(?P<value>{body['value']})",
        f"(?P<cue>(?<![A-Za-z])(?:{again})(?![A-Za-z]))",
        f"(?P<filler>(?:{_PUNCTUATION})+{'|' + words if words else ''})",
    ]
    return re.compile("|".join(part for part in parts if part))


def _word(word: str) -> str:
    edge = r"(?![A-Za-z])" if word[-1].isascii() and word[-1].isalpha() else ""
    return rf"(?i:{re.escape(word)}){edge}"


def _before(body: Mapping[str, Any]) -> re.Pattern[str]:
    labels = label_regex(body.get("labels", ""))
    named = "|".join(part for part in (_methods(body), labels) if part)
    if not named:
        return re.compile("(?!)")
    fillers = "|".join(_word(word) for word in body.get("fillers", ()))
    gap = rf"(?:{_PUNCTUATION}{'|' + fillers if fillers else ''})*"
    return re.compile(rf"(?<![A-Za-z])(?:{named}){gap}$")
