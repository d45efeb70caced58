"""Symptoms as findings: one per mention, with the status its dialogue or clause gives it. Words
are the pack's, the status is decided in `status`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from clearward.notes.answers import NO, UNSURE, Mention
from clearward.notes.dialogue import Turn, turn_at
from clearward.notes.document import Document, language_at
from clearward.notes.finding import Finding
from clearward.notes.laterality import LABELS, named_groups
from clearward.notes.scan import Hit
from clearward.notes.sections import Section, section_at
from clearward.notes.symptoms.judgement import Verdict
from clearward.notes.symptoms.mentions import mentions_of
from clearward.notes.symptoms.model import inferred
from clearward.notes.symptoms.pack import Concept, symptom_pack
from clearward.notes.symptoms.status import verdicts

# the code system of a name for which ICD-10-CM has no code that says just this
LOCAL = "CLEARWARD"
_BEFORE, _AFTER = 16, 22
_CLAUSE = re.compile(r"[,.;!?。\n]")


def symptom_hits(document: Document) -> list[Hit]:
    """Every place that may name a symptom, by one scan; see `find_symptoms`."""
    return symptom_pack().scanner.scan(document.plain, document.lower)


def find_symptoms(
    document: Document,
    hits: Sequence[Hit],
    talk: Sequence[Turn],
    *,
    headers: Sequence[Section],
    engine_version: str,
) -> list[Finding]:
    """Findings of attribute ``symptom`` or ``illness``, in the order of the text.

    Args:
        document: the folded text.
        hits: what `symptom_hits` found in it.
        talk: its turns; empty for a note.
        headers: its section headers.
        engine_version: written beside every finding.
    """
    if not hits:
        return []
    pack = symptom_pack()
    mentions = mentions_of(document, hits, talk, pack)
    decided = verdicts(document, talk, mentions, headers=headers)
    decided = inferred(document, talk, mentions, decided)
    versions = (pack.version, engine_version)
    return [
        _finding(document, talk, headers, mention, verdict, versions)
        for mention, verdict in zip(mentions, decided, strict=True)
    ]


def _finding(
    document: Document,
    talk: Sequence[Turn],
    headers: Sequence[Section],
    mention: Mention,
    verdict: Verdict,
    versions: tuple[str, str],
) -> Finding:
    concept = symptom_pack().concepts[mention.name]
    index = turn_at(talk, mention.start)
    turn = talk[index] if index >= 0 else None
    section, context = section_at(headers, mention.start), verdict.context
    swapped = bool(turn and turn.speaker != turn.tag)
    return Finding(
        lang=language_at(document, mention.start, mention.end),
        attribute=concept.kind,
        concept_code=concept.code or concept.name,
        concept_system="ICD10CM" if concept.code else LOCAL,
        value_num=None,
        value_low=None,
        value_high=None,
        comparator="",
        value_text=concept.name,
        unit_ucum="",
        laterality=_side(document.plain, mention, concept),
        method=verdict.how,
        is_negated=verdict.status == NO,
        certainty="uncertain" if verdict.status == UNSURE else "certain",
        temporality=_time(context.temporality, section),
        experiencer=section.experiencer or context.experiencer,
        speaker=turn.speaker if turn else "",
        section=section.name,
        start=mention.start,
        end=mention.end,
        cue_start=mention.start,
        cue_end=mention.end,
        rule_id=f"symptoms.{concept.name}",
        pack_version=versions[0],
        engine_version=versions[1],
        confidence=round(verdict.confidence * (0.8 if swapped else 1.0), 2),
    )


def _time(said: str, section: Section) -> str:
    return said if said != "current" else section.temporality or "current"


@cache
def _labels(kind: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![A-Za-z])(?:{named_groups(LABELS[kind])})")


def _side(plain: str, mention: Mention, concept: Concept) -> str:
    """The side said beside a symptom, in its own clause; the nearest before, else behind."""
    if not concept.labels:
        return ""
    labels = _labels(concept.labels)
    floor = max(0, mention.start - _BEFORE)
    before = list(labels.finditer(plain, floor, mention.start))
    if before and not _CLAUSE.search(plain, before[-1].end(), mention.start):
        return before[-1].lastgroup or ""
    behind = labels.search(plain, mention.end, min(len(plain), mention.end + _AFTER))
    if behind and not _CLAUSE.search(plain, mention.end, behind.start()):
        return behind.lastgroup or ""
    return ""
