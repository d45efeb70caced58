"""The pure pipeline: scan, window, grammar, context, normalise. Text in, findings out; nothing is
read from disk but the packs, once. A specialty is added to `FINDERS` and to `patterns.PACKS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from clearward.notes.cardiology import finder as cardiology
from clearward.notes.context import Context, context_of
from clearward.notes.diagnoses import pack as diagnoses
from clearward.notes.dialogue import Turn, is_denied, turn_at, turns
from clearward.notes.document import Document, open_document
from clearward.notes.finding import Finding, Reading, Reject
from clearward.notes.grammar import REACH, Region, Value, read_region
from clearward.notes.neurology import finder as neurology
from clearward.notes.ophthalmology import finder as ophthalmology
from clearward.notes.patterns import PACKS, Attribute, load_pack
from clearward.notes.scan import AutomatonScanner, Hit, Scanner
from clearward.notes.sections import Section, section_at, sections

ENGINE_VERSION = "1"
FINDERS: MappingProxyType[str, Callable[[str, Value], Iterator[Reading]]] = MappingProxyType(
    {
        "ophthalmology": ophthalmology.readings,
        "neurology": neurology.readings,
        "cardiology": cardiology.readings,
        diagnoses.PACK: diagnoses.readings,
    }
)


@dataclass(frozen=True)
class Engine:
    """Compiled packs behind one scanner."""

    scanner: Scanner
    attributes: MappingProxyType[str, Attribute]


@dataclass(frozen=True)
class TextReading:
    """Everything one text gave: findings in the order of the text, and what was refused."""

    lang: str
    findings: tuple[Finding, ...]
    rejects: tuple[Reject, ...]


@cache
def default_engine() -> Engine:
    """All packs, compiled once per process."""
    rules = [*(rule for name in PACKS for rule in load_pack(name).attributes), *diagnoses.rules()]
    literals = [literal for rule in rules for literal in rule.literals]
    by_tag = {literal.tag: rule for rule in rules for literal in rule.literals}
    return Engine(AutomatonScanner(literals), MappingProxyType(by_tag))


def read_note(text: str, *, lang: str | None = None) -> list[Finding]:
    """Findings of a note or dialogue, in the order of the text."""
    return list(read_text(text, lang=lang).findings)


def read_text(text: str, *, lang: str | None = None, engine: Engine | None = None) -> TextReading:
    """Findings and rejects of a text; the same text and packs always give the same answer."""
    document = open_document(text, lang)
    engine = engine or default_engine()
    regions = list(_regions(document, engine))
    if not regions:
        return TextReading(document.lang, (), ())
    plain = document.plain
    frame = _Frame(document, sections(plain, document.lang), turns(plain))
    findings: list[Finding] = []
    rejects: list[Reject] = []
    for rule, region in regions:
        for value in region.values:
            for reading in FINDERS[rule.pack](rule.name, value):
                reason = _reason(reading, rule)
                if reason:
                    rejects.append(Reject(rule.name, rule.rule_id, reason, value.start, value.end))
                else:
                    findings.append(_finding(frame, rule, region, value, reading))
    return TextReading(document.lang, tuple(findings), tuple(rejects))


@dataclass(frozen=True)
class _Frame:
    document: Document
    sections: list[Section]
    turns: list[Turn]


def _regions(document: Document, engine: Engine) -> Iterator[tuple[Attribute, Region]]:
    """Each cue's region, left to right; a region owns its characters. A term owns them only
    against other terms: "carotid stenosis 70 %" is a diagnosis and a measurement."""
    hits = engine.scanner.scan(document.plain, document.lower)
    floor = terms = 0
    for index, hit in enumerate(hits):
        rule = engine.attributes[hit.tag]
        if hit.start < (max(floor, terms) if rule.is_term else floor):
            continue
        limit = hit.end if rule.is_term else _limit(hits, index, rule, engine)
        region = read_region(document.plain, hit, rule, floor=floor, limit=limit)
        if region is None:
            continue
        if rule.is_term:
            terms = region.end
        else:
            floor = region.end
        yield rule, region


def _limit(hits: Sequence[Hit], index: int, rule: Attribute, engine: Engine) -> int:
    """Start of the next cue that announces something else."""
    hit = hits[index]
    for position in range(index + 1, len(hits)):
        other = hits[position]
        if other.start >= hit.end and other.tag != hit.tag and other.tag not in rule.passes:
            if not engine.attributes[other.tag].yields:
                return other.start
    return hit.end + REACH


def _reason(reading: Reading, rule: Attribute) -> str:
    """Why a value is refused, or empty: no conversion, or outside the pack's bounds."""
    if reading.refused or (reading.num is None and not reading.text):
        return reading.refused or "not_convertible"
    values = [v for v in (reading.num, reading.low, reading.high) if v is not None]
    if values and (min(values) < rule.minimum or max(values) > rule.maximum):
        return "out_of_range"
    inverted = reading.low is not None and reading.high is not None and reading.low > reading.high
    return "range_inverted" if inverted else ""


def _finding(
    frame: _Frame, rule: Attribute, region: Region, value: Value, reading: Reading
) -> Finding:
    """Join a value with what its clause, section and speaker say about it."""
    document = frame.document
    context = context_of(document, value.start, value.end)
    section = section_at(frame.sections, value.start)
    turn = turn_at(frame.turns, value.start)
    name = reading.attribute or rule.name
    side = value.label if reading.laterality is None else reading.laterality
    keys = (reading.code_key, name, side, document.lang)
    code = next((rule.codes[key] for key in keys if key in rule.codes), rule.code)
    return Finding(
        lang=document.lang,
        attribute=name,
        concept_code=code.partition(":")[2],
        concept_system=code.partition(":")[0],
        value_num=reading.num,
        value_low=reading.low,
        value_high=reading.high,
        comparator=_comparator(document.text, value),
        value_text=reading.text,
        unit_ucum=reading.unit or rule.unit,
        laterality=side,
        method=reading.method,
        is_negated=context.is_negated or is_denied(document.plain, frame.turns, turn),
        certainty="uncertain" if context.is_hypothetical else context.certainty,
        temporality=_temporality(document, context, section, value),
        experiencer=section.experiencer or context.experiencer,
        speaker=frame.turns[turn].speaker if turn >= 0 else "",
        section=section.name,
        start=value.start,
        end=value.end,
        cue_start=region.cue_start,
        cue_end=region.cue_end,
        rule_id=rule.rule_id,
        pack_version=rule.pack_version,
        engine_version=ENGINE_VERSION,
        confidence=round(value.confidence, 2),
    )


def _temporality(document: Document, context: Context, section: Section, value: Value) -> str:
    if context.temporality != "current":
        return context.temporality
    before = document.lower[max(0, value.start - 8) : value.start].rstrip(" :,(")
    if before.endswith(("from", "由", "从")):
        return "prior"
    return section.temporality or "current"


def _comparator(text: str, value: Value) -> str:
    """``<``, ``>``, ``<=``, ``>=`` or empty, from the original characters."""
    if value.match is None or value.group("cmp") is None:
        return ""
    start, end = value.match.span("cmp")
    words = text[start:end].strip().lower()
    if words in ("≤", "<=", "at most"):
        return "<="
    if words in ("≥", ">=", "at least"):
        return ">="
    less = ("<", "＜", "less than", "below", "under", "小于", "不足")
    return "<" if words in less else ">"
