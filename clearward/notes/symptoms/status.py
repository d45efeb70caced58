"""Whether the patient has what a text names: the answer to a question, else the words of the
clause. How questions and answers are told apart belongs to `answers`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace

from clearward.notes import answers
from clearward.notes.answers import NO, UNSURE, YES, Mention
from clearward.notes.context import Context, context_of, contexts_of
from clearward.notes.dialogue import Turn, turn_at, words
from clearward.notes.document import Document
from clearward.notes.finding import Finding
from clearward.notes.questions import Question, question_of, replies, said_inside
from clearward.notes.sections import Section
from clearward.notes.symptoms.judgement import Verdict

_OF_ANOTHER = re.compile(r"\b(?:he|she|they)\b|[他她]")
_SIDES = re.compile(r"\b(?:left|right)\b|[左右]")
_NO_SECTION = Section(0, "", "", "")
_RANK = {"answered": 2, "stated": 2, "inferred": 2, "presumed": 1, "asked": 0}


def verdicts(
    document: Document,
    talk: Sequence[Turn],
    mentions: Sequence[Mention],
    *,
    headers: Sequence[Section] = (),
) -> list[Verdict]:
    """One verdict per mention, in their order; `headers` are a note's sections."""
    if talk:
        return [_verdict(document, talk, mention, mentions) for mention in mentions]
    spans = [(mention.start, mention.end) for mention in mentions]
    return [_stated(context) for context in contexts_of(document, spans, headers)]


def _verdict(
    document: Document, talk: Sequence[Turn], mention: Mention, mentions: Sequence[Mention]
) -> Verdict:
    index = turn_at(talk, mention.start)
    if index < 0:
        return _stated(context_of(document, mention.start, mention.end, section=_NO_SECTION))
    turn, lower = talk[index], document.lower
    near = [m for m in mentions if turn.start <= m.start < turn.end]
    asked = question_of(lower, turn, mention, near)
    start = answers.after_interjection(lower, asked.start, mention.start)
    context = _context_within(document, start, turn.end, mention)
    if _is_of_another(document, talk, index, mention):
        context = replace(context, experiencer="family")
    if asked.kind:
        return _asked(document, talk, index, mention, mentions, asked)._replace(context=context)
    stop = min((m.start for m in near if m.start >= mention.end), default=turn.end)
    behind = answers.said_behind(lower, mention.end, stop)
    if behind:
        return Verdict(behind, "stated", context)
    if answers.is_past(lower, mention.end, stop):
        return Verdict(NO, "stated", context)
    if answers.is_doubted(lower, mention.end, stop):
        return Verdict(UNSURE, "stated", context)
    return _stated(context)


def _context_within(document: Document, start: int, end: int, mention: Mention) -> Context:
    """The clause's words, none of another turn."""
    part = Document(
        document.text[start:end], document.plain[start:end], document.lower[start:end],
        document.lang,
    )  # fmt: skip
    return context_of(part, mention.start - start, mention.end - start, section=_NO_SECTION)


def _is_of_another(document: Document, talk: Sequence[Turn], index: int, mention: Mention) -> bool:
    """ "And your father?" "He had chest pain": a pronoun, and a relative in the question before."""
    if not index or talk[index].speaker != "patient" or not talk[index - 1].is_clinician:
        return False
    if not _OF_ANOTHER.search(document.lower, talk[index].start, mention.start):
        return False
    before = talk[index - 1]
    return bool(words().relatives.search(document.lower, before.start, before.end))


def _stated(context: Context) -> Verdict:
    if context.is_hypothetical or context.certainty != "certain":
        return Verdict(UNSURE, "asked" if context.is_hypothetical else "stated", context)
    return Verdict(NO if context.is_negated else YES, "stated", context)


def _asked(
    document: Document,
    talk: Sequence[Turn],
    index: int,
    mention: Mention,
    mentions: Sequence[Mention],
    asked: Question,
) -> Verdict:
    """What the other side answers; without an answer, what the question takes for granted."""
    lower = document.lower
    listed = {m.name for m in mentions if asked.start <= m.start < asked.end}
    said = said_inside(lower, mention, asked, talk[index].end)
    spans = [] if said else list(replies(talk, index))
    for start, end in spans:
        inside = [m for m in mentions if start <= m.start < end]
        said = _echo(document, talk, mention, inside) or _reply(
            lower, start, end, asked, listed, inside
        )
        if said or not answers.asks_back(lower[start:end]):
            break
    is_over = bool(spans) and answers.is_over(lower[slice(*spans[0])])
    is_named = _names(mention, spans[:1], mentions)
    if asked.kind == "gone" and said in (YES, NO) and not is_named:
        said = NO if said == YES or is_over else YES
    if said and (asked.kind != "presuming" or is_named or is_over):
        return Verdict(said, "answered", Context())
    default = {"presuming": YES, "gone": YES, "negative": NO}.get(asked.kind, UNSURE)
    return Verdict(default, "asked" if default == UNSURE else "presumed", Context())


def _names(mention: Mention, spans: Sequence[tuple[int, int]], mentions: Sequence[Mention]) -> bool:
    """Whether an answer says the asked name itself."""
    return any(
        start <= m.start < end and m.name == mention.name for start, end in spans for m in mentions
    )


def _echo(
    document: Document, talk: Sequence[Turn], mention: Mention, inside: Sequence[Mention]
) -> str:
    """What the answer says of the very thing that was asked; its last word counts."""
    said: list[str] = []
    for other in inside:
        if other.name == mention.name:
            turn = talk[turn_at(talk, other.start)]
            if question_of(document.lower, turn, other, inside).kind in ("", "presuming"):
                said.append(_verdict(document, talk, other, inside).status)
                if _SIDES.search(document.lower, turn.start, other.start) and YES in said:
                    return YES  # "the left one yes, the right one no"
    return said[-1] if said else ""


def _reply(
    lower: str, start: int, end: int, asked: Question, listed: Set[str], inside: Sequence[Mention]
) -> str:
    """What the answer says of something it does not name."""
    answer = lower[start:end]
    if inside and (
        answers.denies_others(answer) or any(answers.names_only(lower, m, start) for m in inside)
    ):
        return NO
    if asked.kind == "presuming" and answers.is_over(answer):
        return NO
    said = answers.polarity(answer)
    if not said and answers.tells_amount(answer):
        return YES if len(listed) < 2 or inside else UNSURE
    if asked.kind == "negative" and said == YES and answers.agrees(answer):
        return NO
    if said == YES and any(m.name in listed for m in inside):
        return UNSURE  # says yes to another of the list, and leaves this one open
    return said


def is_denied(document: Document, talk: Sequence[Turn], start: int, end: int) -> bool:
    """Whether a span stands in a question whose answer is no."""
    index = turn_at(talk, start)
    if index < 0:
        return False
    mention = Mention(start, end, "")
    asked = question_of(document.lower, talk[index], mention)
    if not asked.kind:
        return False
    # a value is named to be confirmed, whatever the question takes for granted
    asked = asked._replace(kind="polar")
    return _asked(document, talk, index, mention, (), asked).status == NO


def status_of(findings: Iterable[Finding]) -> Mapping[str, str]:
    """The status of each symptom when a dialogue or note is over: what the patient said or
    answered last; what was only asked, feared or warned of counts where nothing else was said.

    Returns:
        normalised name → true | false | uncertain; the patient's own only.
    """
    best: dict[str, tuple[int, str, str]] = {}
    for finding in findings:
        if finding.attribute not in ("symptom", "illness") or finding.experiencer != "patient":
            continue
        rank, status = _RANK.get(finding.method, 0), status_word(finding)
        before = best.get(finding.value_text, (0, "", ""))
        is_other_side = status == NO and finding.laterality not in ("", before[2])
        if rank >= before[0] and not (is_other_side and before[1] == YES and before[2]):
            best[finding.value_text] = (rank, status, finding.laterality)
    return {name: status for name, (_, status, _) in best.items()}


def status_word(finding: Finding) -> str:
    """A finding as true | false | uncertain."""
    if finding.certainty == "uncertain":
        return UNSURE
    return NO if finding.is_negated else YES
