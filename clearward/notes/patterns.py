"""Pattern packs: what a clinician edits, as values. A pack is one `patterns.toml` in a specialty's
folder; its examples and counter-examples run as tests. How a rule is applied belongs to `grammar`;
what every key does is told in docs/how-to/add-a-note-attribute.md. Diagnoses are words without a
value and have a file of their own form, read by `diagnoses.pack`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from clearward.errors import ConfigError
from clearward.notes.laterality import LABELS, named_groups
from clearward.notes.scan import Literal

PACKS = ("ophthalmology", "neurology", "cardiology")
FOLDER = Path(__file__).parent
_PUNCTUATION = r"[\s,;:()\[\]=~|*•_+>→、-]|/(?!\d)"
# a cue of one or two letters is looked for together with what makes it one: it would stop the scan
# in every word that holds it
_TAILS = (
    *(f"{gap}{figure}" for gap in ("", " ", ":", ": ", "=", " = ") for figure in "0123456789"),
    *("I", "II", "III", "IV", "V"),
    *(f"{gap}{side}" for gap in (" ", ":", ": ") for side in ("OD", "OS", "OU", "R", "L")),
)
_NEVER = re.compile("(?!)")
# a Chinese label may stand right behind a unit ("18mmHg左16mmHg")
_EDGE = r"(?:(?<![A-Za-z])|(?=[\u4e00-\u9fff]))"
# a figure that tells when, not how much: it may stand between a cue and its values in every rule
_WHEN = (
    r"(?=[\d第IiOoFfSsAaBb])(?:(?i:(?:in|on|from)\s)?(?:(?:19|20)\d\d(?:[-/.]\d{1,2}[-/.]\d{1,2}|[-/.]\d{1,2}(?!\d|\s?%)"
    r"|年(?:\d{1,2}月)?(?:\d{1,2}日)?)|\d{1,2}/\d{1,2}/(?:19|20)\d\d|\d{1,2}/(?:19|20)\d\d)(?![\d/])"
    r"|(?i:in|since)\s(?:19|20)\d\d(?![\d.%])|第\s?[\d一二三四五六七]{1,2}\s?[天日周]"
    r"|(?i:at|after|by)\s\d{1,2}\s?(?i:hours?|hrs?|h|days?|weeks?|months?|min(?:utes)?)(?![A-Za-z])"
    r"|\d{1,2}\s?(?i:hours?|hrs?|days?|weeks?|months?)\s(?i:later|post|after)(?![A-Za-z])"
    r"|\d{1,2}(?:小时|天|周|个?月)后)"
)
# words that tell when, on either side of a value
_WHEN_WORDS = (
    "today", "now", "currently", "then", "later", "before", "after", "prior", "previously", "prev",
    "previous", "initially", "at baseline", "on arrival", "on admission", "at discharge",
    "on discharge", "on scene", "in ED", "in the ED", "in clinic", "at present", "on repeat",
    "今日", "今", "现", "目前", "本月", "上月", "入院时", "入院", "出院时", "出院", "术前", "术后",
    "治疗前", "治疗后", "较前", "复查", "复测", "上次", "本次", "次日",
)  # fmt: skip
_SPACED = re.compile(r"[A-Z]{2,6}|[\u4e00-\u9fff]{2,4}")


@dataclass(frozen=True)
class Attribute:
    """One attribute's rule, compiled.

    Attributes:
        codes: instead of `code`, by name of the finding, by laterality, by what the finder names,
            or by language.
        tokens: one alternation over skips, blanks, asides, methods, labels, values, cues, fillers.
        before: labels and methods that end right before the cue; None when there are none.
        lead: words before the cue that are part of the value.
        label_names, methods: groups of `tokens` that are labels; methods by their number.
        leading_methods: methods of the value right behind them, wherever they stand.
        label_first: a label is of what follows it, never of what stands before.
        gap: characters of unknown words that may stand between values.
        paired: two bare values mean right then left.
        trailing: values may stand before the cue ("OD 20/20 OS 20/25 VA").
        weak: cues (lower case) that count only beside a label or a method.
        cores: length of the cue within a literal that also holds the figure or side behind it.
        needs: what must stand within `grammar.NEAR` characters, else the cue announces nothing.
        cue_tokens: cues (lower case) that are a label or a method as well: kind and name.
        passes: attributes whose cues do not end this one's region.
        yields: its cue ends no other's region.
        is_concept: what is read is a word; its context is the whole clause's.
        is_term: the cue itself is what is read.
        is_dated: a date beside it says when it was; not so where the value is a time itself.
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
    refuse_before: re.Pattern[str] | None
    refuse_after: re.Pattern[str] | None
    opening: int
    tokens: re.Pattern[str] = _NEVER
    before: re.Pattern[str] | None = None
    lead: re.Pattern[str] | None = None
    methods: tuple[str, ...] = ()
    leading_methods: frozenset[str] = frozenset()
    label_names: frozenset[str] = frozenset()
    label_first: bool = False
    gap: int = 0
    paired: bool = False
    repeats: bool = True
    cue_in_value: bool = False
    trailing: bool = False
    weak: frozenset[str] = frozenset()
    cores: Mapping[str, int] = field(default_factory=dict)
    needs: re.Pattern[str] | None = None
    cue_tokens: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    passes: frozenset[str] = frozenset()
    yields: bool = False
    is_concept: bool = False
    is_term: bool = False
    is_dated: bool = True

    @cached_property
    def tag(self) -> str:
        """What its cues are tagged with in the scan."""
        return self.literals[0].tag

    @cached_property
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
    literals, plain_cues, short = _cues(name, body)
    labels = _labels(body)
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
            literals=literals,
            refuse_before=_optional(body, "refuse_before"),
            refuse_after=_optional(body, "refuse_after"),
            opening=body["opening"],
            tokens=_tokens(body, labels, plain_cues),
            before=_before(body, labels),
            lead=_optional(body, "lead"),
            methods=tuple(body.get("methods", {})),
            leading_methods=frozenset(body.get("leading_methods", ())),
            label_names=frozenset(labels),
            label_first=body.get("label_first", False),
            gap=body.get("gap", 0),
            paired=body.get("paired", False),
            repeats=body.get("repeats", True),
            cue_in_value=body.get("cue_in_value", False),
            trailing=body.get("trailing", False),
            weak=frozenset(text.lower() for text in body.get("weak_cues", ())),
            needs=_optional(body, "needs"),
            cores={text.lower(): len(core) for core, text in short},
            cue_tokens=_cue_tokens(body, labels, plain_cues),
            passes=frozenset(body.get("passes", ())),
            yields=body.get("yields", False),
            is_concept=body.get("is_concept", False),
            is_dated=body.get("is_dated", True),
        )
    except re.error as error:
        raise ConfigError(
            f"Pack {pack}: a pattern of {name} is not a regular expression.",
            seen=str(error),
            do=f"mend clearward/notes/{pack}/patterns.toml and run its examples",
        ) from error


def _cues(
    name: str, body: Mapping[str, Any]
) -> tuple[tuple[Literal, ...], tuple[Literal, ...], list[tuple[str, str]]]:
    """What is looked for, what reads as a cue again in a region, short cues with their tails."""
    cues = tuple(Literal(text, name) for text in (*body["cues"], *body.get("weak_cues", ())))
    cased = tuple(Literal(text, name, cased=True) for text in body.get("cased_cues", ()))
    numbered = body.get("numbered_cues", ())
    short = [(text, f"{text}{tail}") for text in numbered for tail in _TAILS]
    # some scanners set every character apart: "B P", "血 压"
    words = (*body["cues"], *body.get("cased_cues", ()))
    apart = [" ".join(text) for text in words if _SPACED.fullmatch(text)]
    more = (*apart, *(text for _, text in short))
    literals = (*cues, *cased, *(Literal(text, name, cased=True) for text in more))
    again = (*cues, *cased, *(Literal(text, name, cased=True) for text in numbered))
    return literals, again, short


def _labels(body: Mapping[str, Any]) -> Mapping[str, str]:
    """A kind of `laterality.LABELS`, or labels of the attribute's own."""
    labels = body.get("labels", "")
    found: Mapping[str, str] = LABELS[labels] if isinstance(labels, str) else labels
    return found


def _optional(body: Mapping[str, Any], key: str) -> re.Pattern[str] | None:
    return re.compile(body[key]) if body.get(key) else None


def _methods(body: Mapping[str, Any]) -> str:
    named = enumerate(body.get("methods", {}).values())
    return "|".join(f"(?P<m{index}>{regex})" for index, regex in named)


def _cue_tokens(
    body: Mapping[str, Any], labels: Mapping[str, str], cues: tuple[Literal, ...]
) -> Mapping[str, tuple[str, str]]:
    """Cues that are a method's or a side's name at the same time, such as GAT and TOD."""
    rules = [("method", *item) for item in body.get("methods", {}).items()]
    rules += [("label", *item) for item in labels.items()]
    compiled = [(kind, name, re.compile(regex)) for kind, name, regex in rules]
    return {
        cue.text.lower(): (kind, name)
        for cue in cues
        for kind, name, rule in compiled
        if rule.fullmatch(cue.text)
    }


def _tokens(
    body: Mapping[str, Any], labels: Mapping[str, str], cues: tuple[Literal, ...]
) -> re.Pattern[str]:
    fillers = {*body.get("fillers", ()), *_WHEN_WORDS}
    between = "|".join(_word(word) for word in sorted(fillers, key=lambda word: (-len(word), word)))
    again = "|".join(
        re.escape(c.text) if c.cased else f"(?i:{re.escape(c.text)})"
        for c in sorted(cues, key=lambda c: -len(c.text))
    )
    parts = [
        f"(?P<skip>{'|'.join((*body.get('skips', ()), _WHEN))})",
        f"(?P<blank>{body['blank']})" if body.get("blank") else "",
        f"(?P<aside>{body['aside']})" if body.get("aside") else "",
        f"(?P<same>{body['same']})" if body.get("same") else "",
        _methods(body),
        rf"{_EDGE}(?:{named_groups(labels)})" if labels else "",
        f"(?P<value>{body['value']})",
        f"(?P<cue>(?<![A-Za-z])(?:{again})(?![A-Za-z]))",
        f"(?P<filler>(?:{_PUNCTUATION})+|{between})",
    ]
    return re.compile("|".join(part for part in parts if part))


def _word(word: str) -> str:
    edge = r"(?![A-Za-z])" if word[-1].isascii() and word[-1].isalpha() else ""
    return rf"(?i:{re.escape(word)}){edge}"


def _before(body: Mapping[str, Any], labels: Mapping[str, str]) -> re.Pattern[str] | None:
    named = "|".join(part for part in (_methods(body), named_groups(labels)) if part)
    if not named:
        return None
    fillers = "|".join(_word(word) for word in body.get("fillers", ()))
    gap = rf"(?:{_PUNCTUATION}{'|' + fillers if fillers else ''})*"
    return re.compile(rf"{_EDGE}(?:{named}){gap}$")
