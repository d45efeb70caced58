"""What a sentence of a dialogue asks, and who answers it. Words are data in `dialogue.toml`; what
an answer says belongs to `answers`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from clearward.notes.answers import NO, YES, Mention, spoken_words
from clearward.notes.dialogue import Turn

_DEFINITE = re.compile(r"\b(?:the|your|this|that|these|those|his|her)(?: \w+)? ?$")
_WITH = re.compile(
    r"\b(?:with|during|after|for|of|about|to|from) (?:the|your|this|that|these) (?:\w+ )?$"
)
_HAVE = re.compile(
    r"\b(?:have|has|had|having|get|getting|feel|notice|noticed|still|any|experienc\w+)\b"
)
_IS_IT = re.compile(r"\W*,?\s*(?:is|does|did|was|do|are) (?:it|that|they|you)\b")
_CJK = re.compile(r"[一-鿿]")
_INLINE = re.compile(r"\W*(?:[a-z']+\W+){0,4}?(?P<said>no|nope|yes|yeah|yep)\b(?! (?:longer|more))")
_STRAIGHT = re.compile(
    r"\s*(?P<said>no|nope|yes|yeah|没有?|无|有)(?=\s*(?:[,.!。]|$))[^?]*?(?=[.!。?]|$)(?!\?)"
)
_REACH = 3
_ASK_REACH = 70  # from a question's first word to what it names, where no mark ends it
_WH_REACH = 20  # from "how long" to "have you had"
_SENTENCE = re.compile(r"[?!。;\n]|\.(?=\s|$)")


class Question(NamedTuple):
    """The question a mention stands in: its sentence and what it takes for granted.

    Attributes:
        kind: polar | negative | presuming | gone | "" (no question).
    """

    kind: str
    start: int
    end: int


def question_of(
    lower: str, turn: Turn, mention: Mention, others: Sequence[Mention] = ()
) -> Question:
    """The question a mention is named in, if it is one."""
    start, end = sentence_of(lower, turn, mention)
    judge = _chinese_kind if _CJK.search(lower, start, end) else _english_kind
    kind = judge(lower, Question("", start, end), mention, others)
    if kind and not turn.is_clinician:
        kind = _patients_kind(lower, start, mention) if _is_marked(lower, start, end) else ""
    return Question(kind, start, end)


def _is_marked(lower: str, start: int, end: int) -> bool:
    return lower[end - 1 : end] == "?" or bool(_CJK.search(lower, start, end))


def _patients_kind(lower: str, start: int, mention: Mention) -> str:
    """Patients ask about what they fear, or about what they have."""
    feared = spoken_words()["feared"].search(lower, start, mention.end + 12)
    return "polar" if feared else "presuming"


def sentence_of(lower: str, turn: Turn, mention: Mention) -> tuple[int, int]:
    """Bounds of a mention's sentence inside its turn; the mark that ends it is part of it."""
    start = turn.start
    for match in _SENTENCE.finditer(lower, turn.start, mention.start):
        start = match.end()
    stop = _SENTENCE.search(lower, mention.end, turn.end)
    return start, stop.end() if stop else turn.end


def _english_kind(lower: str, at: Question, mention: Mention, _: Sequence[Mention]) -> str:
    words = spoken_words()
    before = lower[at.start : mention.start]
    ends = lower[at.end - 1 : at.end] == "?"
    cue = _last(words["polar_en"], before)
    if not ends and (len(before) - cue > _ASK_REACH or words["telling_en"].search(before, cue)):
        cue = -1
    if words["negative_en"].search(before) and ends:
        return "negative"
    presuming = _last(words["presuming_en"], before)
    if presuming >= 0 and cue - presuming < _WH_REACH:
        return "presuming"
    if not ends and (cue < 0 or not _may_ask(lower, at, words["opening_en"])):
        return ""
    if words["gone_en"].search(lower, mention.end, at.end) and ends:
        return "gone"
    is_topic = _DEFINITE.search(before) and _IS_IT.match(lower, mention.end, at.end)
    if is_topic or _WITH.search(before) or (cue >= 0 and _is_known(before[cue:])):
        return "presuming"
    return "polar"


def _may_ask(lower: str, at: Question, opening: re.Pattern[str]) -> bool:
    """Without a question mark: where marks are in use a question opens its sentence with one of
    its words; an unpunctuated transcript asks anywhere."""
    return "?" not in lower or bool(opening.match(lower, at.start, at.end))


def _is_known(between: str) -> bool:
    """ "Is the pain worse", not "do you have the pain": what stands between cue and name."""
    return bool(_DEFINITE.search(between)) and not _HAVE.search(between) and "about" not in between


def _chinese_kind(lower: str, at: Question, mention: Mention, others: Sequence[Mention]) -> str:
    words = spoken_words()
    before, after = lower[at.start : mention.start], lower[mention.end : at.end]
    asked = _last(re.compile("有没有|有无|是否|是不是|会不会|有过?吗"), before) >= 0
    if re.search(r"吧|吗|\?", after) and words["negative_zh"].search(before) and not asked:
        return "negative"
    if words["gone_zh"].search(after[:8]):
        return "gone"
    if not asked and words["presuming_zh"].search(before[-8:] + "|" + after[:14]):
        return "presuming"
    if asked or re.match(r"(?:有没有|[^,。?]{0,2}有吗)", after):
        return "polar"
    inside = lower[mention.start : mention.end]
    if re.search(r"([一-鿿])[不没]\1", inside + after[:3]):
        return "polar"
    last = max([mention.end, *(m.end for m in others if at.start <= m.start < at.end)])
    found = words["polar_zh"].search(lower, last, at.end)
    return "polar" if found and found.start() - last <= 6 else ""


def _last(pattern: re.Pattern[str], text: str) -> int:
    return max((match.start() for match in pattern.finditer(text)), default=-1)


def replies(talk: Sequence[Turn], index: int) -> Iterator[tuple[int, int]]:
    """Where the other side speaks next, as spans of consecutive turns, nearest first."""
    side, position, given = talk[index].is_clinician, index + 1, 0
    while position < len(talk) and given < _REACH:
        first = position
        while position < len(talk) and talk[position].is_clinician != side:
            position += 1
        if position > first:
            given += 1
            yield talk[first].start, talk[position - 1].end
        position += 1


def said_inside(lower: str, mention: Mention, asked: Question, stop: int) -> str:
    """The answer that stands in the asker's own turn: merged turns, a form filled by one hand."""
    is_marked = lower[asked.end - 1 : asked.end] in tuple("?!。.;")
    pattern, start = (_STRAIGHT, asked.end) if is_marked else (_INLINE, mention.end)
    match = pattern.match(lower, start, min(stop, start + 60))
    if not match:
        return ""
    return NO if match["said"] in ("no", "nope", "没", "没有", "无") else YES
