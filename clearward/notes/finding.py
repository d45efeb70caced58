"""What a rule read, as values. Add a field here when every attribute needs it; what one specialty
needs goes into `method` or `value_text`, whose vocabularies its pack lists.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Finding(NamedTuple):
    """One structured fact read from free text.

    `start`/`end` (the value) and `cue_start`/`cue_end` (what announced it) are characters,
    half-open, in the text as given: ``text[start:end]`` is what the rule read. Times are not
    here: a note's time belongs to its row. A tuple, because a month holds very many; the fields up
    to `section` are columns of the findings table, in its order.

    Attributes:
        value_num: in `unit_ucum`; visual acuity in logMAR by the table `pack_version` names.
        value_low, value_high: bounds of a range; `value_num` is then their middle.
        value_text: closed vocabulary of the pack, never a copy of free words.
        laterality: OD, OS, OU for eyes; R, L, B elsewhere; empty when not stated.
        certainty: certain | uncertain.
        temporality: current | prior | target | planned.
        experiencer: patient | family.
        confidence: 0–1, set by the rule, lowered where a convention filled a gap.
    """

    lang: str
    attribute: str
    concept_code: str
    concept_system: str
    value_num: float | None
    value_low: float | None
    value_high: float | None
    comparator: str
    value_text: str
    unit_ucum: str
    laterality: str
    method: str
    is_negated: bool
    certainty: str
    temporality: str
    experiencer: str
    speaker: str
    section: str
    start: int
    end: int
    cue_start: int
    cue_end: int
    rule_id: str
    pack_version: str
    engine_version: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Reject:
    """A value a rule saw but would not vouch for: where, and why."""

    attribute: str
    rule_id: str
    reason: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Reading:
    """A value made comparable by its specialty, before context is read.

    Attributes:
        num: in the rule's unit, or None for what is said in words (`text`) alone.
        attribute: where a rule gives findings of several names.
        laterality: where the clause's label is not the side.
        code_key: which of the rule's `codes` it is, when the name and the side do not tell.
        unit: UCUM, where it is not the rule's.
        refused: why the value is not vouched for; empty when it is.
    """

    num: float | None
    low: float | None = None
    high: float | None = None
    text: str = ""
    method: str = ""
    attribute: str = ""
    laterality: str | None = None
    code_key: str = ""
    unit: str = ""
    refused: str = ""
