"""The pure pipeline: scan, window, grammar, context, normalise. Text in, findings out; nothing is
read from disk but the packs, once. A specialty is added to `FINDERS` and to `patterns.PACKS`.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from types import MappingProxyType

from clearward.notes.cardiology import finder as cardiology
from clearward.notes.context import Context, Place, context_of, value_context
from clearward.notes.dating import Calendar
from clearward.notes.diagnoses import pack as diagnoses
from clearward.notes.dialogue import Turn, turn_at, turns
from clearward.notes.document import Document, language_at, open_document
from clearward.notes.finding import Finding, Reading, Reject
from clearward.notes.grammar import REACH, Region, Value, read_region
from clearward.notes.neurology import finder as neurology
from clearward.notes.ophthalmology import finder as ophthalmology
from clearward.notes.overlaps import without_parts
from clearward.notes.patterns import PACKS, Attribute, load_pack
from clearward.notes.ranges import comparator
from clearward.notes.scan import Hit, Literal, Scanner
from clearward.notes.scan_engines import make_scanner
from clearward.notes.sections import Section, section_at, sections
from clearward.notes.symptoms.finder import find_symptoms, symptom_hits
from clearward.notes.symptoms.pack import symptom_pack
from clearward.notes.symptoms.status import is_denied
from clearward.notes.triggers import load_triggers

ENGINE_VERSION = "3"
# so many cues within `REACH` characters that announce nothing are no prose; notes hold at most six
CROWD = 16
_IN_BRACKETS = re.compile(r"\((?:was|prev\w*|prior|baseline)[\s:,(]*$")
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
    literals: tuple[Literal, ...]
    attributes: MappingProxyType[str, Attribute]


@dataclass(frozen=True)
class TextReading:
    """Everything one text gave: findings in the order of the text, and what was refused.

    Attributes:
        cues: rule → how often its cue stood in the text, with a value or without.
    """

    lang: str
    findings: tuple[Finding, ...]
    rejects: tuple[Reject, ...]
    cues: Mapping[str, int] = field(default_factory=dict)


@cache
def default_engine() -> Engine:
    """All packs, compiled once per process."""
    rules = [*(rule for name in PACKS for rule in load_pack(name).attributes), *diagnoses.rules()]
    return engine_of(rules)


def engine_of(rules: Sequence[Attribute]) -> Engine:
    """These rules behind one scanner."""
    literals = tuple(literal for rule in rules for literal in rule.literals)
    by_tag = {literal.tag: rule for rule in rules for literal in rule.literals}
    return Engine(make_scanner(literals), literals, MappingProxyType(by_tag))


def warm_up() -> None:
    """Load packs, cues and triggers now, so that forked workers share them."""
    default_engine()
    symptom_pack()
    load_triggers()


def read_note(text: str, *, lang: str | None = None, written: date | None = None) -> list[Finding]:
    """Findings of a note or dialogue, in the order of the text; see `read_text`."""
    return list(read_text(text, lang=lang, written=written).findings)


def read_text(
    text: str,
    *,
    lang: str | None = None,
    written: date | None = None,
    engine: Engine | None = None,
) -> TextReading:
    """Findings and rejects of a text; the same text, day and packs always give the same answer.

    Args:
        text: a note or a dialogue.
        lang: taken as given when the source knows it.
        written: the note's own day, which a value's date is held against (`dating`).
        engine: packs other than the default ones.
    """
    document = open_document(text, lang)
    engine = engine or default_engine()
    hits = engine.scanner.scan(document.plain, document.lower)
    named = symptom_hits(document)
    if not hits and not named:
        return TextReading(document.lang, (), ())
    counts = Counter([engine.attributes[hit.tag].rule_id for hit in hits])
    regions = list(_regions(document, engine, hits))
    if not regions and not named:
        return TextReading(document.lang, (), (), counts)
    plain = document.plain
    frame = _Frame(document, sections(plain, document.lang), turns(plain), Calendar(plain, written))
    findings: list[Finding] = []
    rejects: list[Reject] = []
    earlier = (0, 0)
    starts = [hit.start for hit in hits]
    for rule, region in regions:
        first = bisect_left(starts, region.cue_start)
        last = bisect_left(starts, region.end, first)
        cues = [hit.start for hit in hits[first:last] if hit.tag == rule.tag]
        places = list(_places(region, cues, len(plain), earlier=earlier))
        for value, place in zip(region.values, places, strict=True):
            for reading in FINDERS[rule.pack](rule.name, value):
                reason = _reason(reading, rule)
                if reason:
                    rejects.append(Reject(rule.name, rule.rule_id, reason, value.start, value.end))
                else:
                    findings.append(_finding(frame, rule, region, place, value, reading))
        earlier = (places[-1].head, region.values[-1].end)
    told = find_symptoms(
        document, named, frame.turns, headers=frame.sections, engine_version=ENGINE_VERSION
    )
    found = without_parts(findings + told, is_told=bool(frame.turns))
    found.sort(key=lambda finding: finding.start)
    return TextReading(document.lang, tuple(found), tuple(rejects), counts)


@dataclass(frozen=True)
class _Frame:
    document: Document
    sections: list[Section]
    turns: list[Turn]
    calendar: Calendar
    contexts: dict[tuple[int, int, bool], Context] = field(default_factory=dict)


def _regions(
    document: Document, engine: Engine, hits: Sequence[Hit]
) -> Iterator[tuple[Attribute, Region]]:
    """Each cue's region, left to right; a region owns its characters. A term owns them only
    against other terms: "carotid stenosis 70 %" is a diagnosis and a measurement. Where cues crowd
    and announce nothing, each would read the same words again: the next ones are passed over."""
    floor = terms = 0
    in_vain: deque[int] = deque(maxlen=CROWD)
    for index, hit in enumerate(hits):
        rule = engine.attributes[hit.tag]
        if hit.start < (max(floor, terms) if rule.is_term else floor):
            continue
        region = None
        if rule.is_term:
            region = read_region(document.plain, hit, rule, floor=floor, limit=hit.end)
        elif len(in_vain) < CROWD or in_vain[0] < hit.start - REACH:
            limit = _limit(document.lower, hits, index, engine)
            region = read_region(document.plain, hit, rule, floor=floor, limit=limit)
        if region is None:
            if not rule.is_term:
                in_vain.append(hit.start)
            continue
        if rule.is_term:
            terms = region.end
        else:
            floor = region.end
        yield rule, region


def _limit(lower: str, hits: Sequence[Hit], index: int, engine: Engine) -> int:
    """Start of the next cue that announces something else for certain, within reach."""
    hit, rule = hits[index], engine.attributes[hits[index].tag]
    reach = hit.end + REACH
    for position in range(index + 1, len(hits)):
        other = hits[position]
        if other.start >= reach:
            break
        if other.start < hit.end or other.tag == hit.tag or other.tag in rule.passes:
            continue
        next_rule = engine.attributes[other.tag]
        is_weak = next_rule.weak and lower[other.start : other.end] in next_rule.weak
        if not next_rule.yields and not is_weak:
            return other.start
    return reach


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
    frame: _Frame, rule: Attribute, region: Region, place: Place, value: Value, reading: Reading
) -> Finding:
    """Join a value with what its clause, section and speaker say about it."""
    document = frame.document
    section = section_at(frame.sections, value.start)
    context = _context(frame, place, section, value=value, rule=rule)
    turn = turn_at(frame.turns, value.start)
    is_denied_later = turn >= 0 and is_denied(document, frame.turns, value.start, value.end)
    name = reading.attribute or rule.name
    side = value.label if reading.laterality is None else reading.laterality
    keys = (reading.code_key, name, side, document.lang)
    code = next((rule.codes[key] for key in keys if key in rule.codes), rule.code)
    return Finding(
        lang=language_at(document, value.start, value.end),
        attribute=name,
        concept_code=code.partition(":")[2],
        concept_system=code.partition(":")[0],
        value_num=reading.num,
        value_low=reading.low,
        value_high=reading.high,
        comparator=comparator(document.text, value),
        value_text=reading.text,
        unit_ucum=reading.unit or rule.unit,
        laterality=side,
        method=reading.method,
        is_negated=context.is_negated or is_denied_later,
        certainty="uncertain" if context.is_hypothetical else context.certainty,
        temporality=context.temporality,
        experiencer=context.experiencer,
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


def _places(
    region: Region, cues: Sequence[int], size: int, *, earlier: tuple[int, int]
) -> Iterator[Place]:
    """Where each value of a region stands; a cue that comes again opens a part of its own."""
    values = region.values
    first = after_last = values[0].start
    head = min(region.cue_start, first)
    for index, value in enumerate(values):
        again = [cue for cue in cues if after_last <= cue < value.start] if index else []
        if again:
            earlier = (head, after_last)
            head, first, after_last = again[-1], value.start, value.start
        until = values[index + 1].start if index + 1 < len(values) else size
        yield Place(head, first, after_last, value.start, value.end, until, earlier)
        after_last = value.end


def _context(
    frame: _Frame, place: Place, section: Section, *, value: Value, rule: Attribute
) -> Context:
    """A measured value is read in its part of the clause, what is said in words in the whole; what
    was measured on an earlier day is past."""
    key = (value.start, value.end, rule.is_concept)
    if key not in frame.contexts:
        document = frame.document
        if rule.is_concept:
            found = context_of(document, value.start, value.end, section=section)
        else:
            found = _prior_if_from(document, value_context(document, place, section), value)
        if rule.is_dated:
            found = _dated(frame, place, rule, found)
        frame.contexts[key] = found
    return frame.contexts[key]


def _dated(frame: _Frame, place: Place, rule: Attribute, context: Context) -> Context:
    """What a value's own day says of its time goes before what the clause says of the past."""
    if context.temporality not in ("current", "prior"):
        return context
    told = place.after_last if place.after_last > place.first else place.earlier[1]
    is_past = frame.calendar.is_past(
        place.start, place.end, until=place.until, told=told, is_word=rule.is_concept
    )
    if is_past is None:
        return context
    return replace(context, temporality="prior" if is_past else "current")


def _prior_if_from(document: Document, context: Context, value: Value) -> Context:
    """The value after "from" is where a change started; one in brackets after "was" is older."""
    if context.temporality != "current":
        return context
    before = document.lower[max(0, value.start - 16) : value.start]
    is_started = before.rstrip(" :,(").endswith(("from", "由", "从"))
    if is_started or ("(" in before and _IN_BRACKETS.search(before)):
        return replace(context, temporality="prior")
    return context
