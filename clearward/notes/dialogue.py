"""Who speaks: a text's turns, by their tags and, where a tag is wrong, by what is said. Spellings
are data in `dialogue.toml`; what an answer does to a question belongs to `answers`.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

# a name behind a tag ("Dr. Lee"), and no heading of a form ("Doctor Name", "Patient Instructions")
_NAME = (
    r"(?-i:(?!Name|Notes?\b|ID|Info|DOB|Age\b|Sex|Sign|Contact|Instruct|Educat|Recomm|Order|Hist|Phone"
    r"|Address|Record|Reports?|States?|Denies|Seen|Comments?|Response|Statement|Data|Identif|Complain)"
    r"[A-Z][\w'.-]{0,20})"
)
_CLINICIANS = ("doctor", "nurse")


class Turn(NamedTuple):
    """One speaker's words; characters, half-open, without the tag.

    Attributes:
        speaker: doctor | patient | nurse | family | other: who speaks, by the words.
        tag: the same vocabulary: who speaks by the tag as written. They differ where a transcriber
            swapped the tags.
    """

    speaker: str
    start: int
    end: int
    tag: str = ""

    @property
    def is_clinician(self) -> bool:
        """Whether the clinic's side speaks."""
        return self.speaker in _CLINICIANS


class Words(NamedTuple):
    """`dialogue.toml`, compiled; `opens` are the characters a line with a tag can begin with."""

    turn: re.Pattern[str]
    opens: frozenset[str]
    inline: re.Pattern[str]
    roles: Mapping[str, str]
    asks: re.Pattern[str]
    tells: re.Pattern[str]
    replies: re.Pattern[str]
    talk: re.Pattern[str]
    relatives: re.Pattern[str]


@cache
def words() -> Words:
    """Tags and tell-tale phrases, read once."""
    path = Path(__file__).with_name("dialogue.toml")
    document: Mapping[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    roles = {tag.lower(): role for role, tags in document["tags"].items() for tag in tags}
    return Words(
        turn=_turn_pattern(roles),
        opens=frozenset(" \t>*[【(<").union(*({tag[0], tag[0].upper()} for tag in roles)),
        inline=_inline_pattern(roles),
        roles=roles,
        asks=_any(document["content"]["asks"]),
        tells=_any(document["content"]["tells"]),
        replies=_any(document["content"]["replies"]),
        talk=_any(document["content"]["talk"]),
        relatives=_any(document["content"]["relatives"]),
    )


def _any(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)


def _turn_pattern(roles: Iterable[str]) -> re.Pattern[str]:
    """``[doctor]``, ``【医生】``, ``Doctor:``, ``Dr. Lee:``, ``DOCTOR -`` at the head of a line."""
    either = "|".join(_spaced(tag) for tag in sorted(roles, key=len, reverse=True))
    return re.compile(
        rf"[ \t>*]*(?:[\[【(<](?P<boxed>{either})(?:_\d+)?[\]】)>][ \t]*[:-]?"
        rf"|(?P<plain>{either})(?:[ _]?(?:\d{{1,2}}|(?-i:[A-Z])(?![\w'.-]))|\.?[ \t]+{_NAME})?"
        rf"(?:\([^)\n]{{1,12}}\))?[ \t]*[*]*(?::|-(?=\s)))[*]*",
        re.IGNORECASE,
    )


def _spaced(tag: str) -> str:
    """A Chinese tag may be set with a space between its characters."""
    return re.escape(tag) if tag.isascii() else " ?".join(tag)


def _inline_pattern(roles: Iterable[str]) -> re.Pattern[str]:
    """Whole Chinese words and a colon behind a full stop: all turns in one line."""
    chinese = [tag for tag in sorted(roles, key=len, reverse=True) if not tag.isascii()]
    return re.compile(rf"[。?!;\s]\s*(?P<inline>{'|'.join(t for t in chinese if len(t) > 1)}):")


class _Mark(NamedTuple):
    start: int
    end: int
    role: str


def turns(plain: str) -> list[Turn]:
    """The turns of a dialogue; a text without two sides that talk is a note, which has none."""
    marks = list(_marks(plain))
    if len({mark.role in _CLINICIANS for mark in marks}) < 2:
        return []
    ends = [mark.start for mark in marks[1:]] + [len(plain)]
    tagged = [Turn(m.role, m.end, end, m.role) for m, end in zip(marks, ends, strict=True)]
    if not any(words().talk.search(plain, turn.start, turn.end) for turn in tagged):
        return []  # "Patient: … Doctor: …" at the head of a letter
    return _by_content(plain, tagged)


def _marks(plain: str) -> Iterator[_Mark]:
    """Each tag: at the head of a line, and Chinese ones behind a full stop."""
    vocabulary, start = words(), 0
    opens = vocabulary.opens
    is_chinese = "医" in plain or "患" in plain
    while start >= 0:
        match = plain[start : start + 1] in opens and vocabulary.turn.match(plain, start)
        if match:
            yield from _mark(match, "boxed" if match["boxed"] else "plain")
        stop = plain.find("\n", start)
        if is_chinese:
            end = stop if stop >= 0 else len(plain)
            for inside in vocabulary.inline.finditer(plain, start, end):
                yield from _mark(inside, "inline")
        start = stop + 1 if stop >= 0 else -1


def _mark(match: re.Match[str], group: str) -> Iterator[_Mark]:
    """A tag's place and role; none where a letter only folds to one of the tag's ("ſon:")."""
    start = match.start(group) if group == "inline" else match.start()
    role = words().roles.get(match[group].lower().replace(" ", ""))
    if role:
        yield _Mark(start, match.end(), role)


def _by_content(plain: str, tagged: list[Turn]) -> list[Turn]:
    """Who really speaks. A turn that asks what only a clinician asks is the clinician's, one that
    tells of its own symptoms the patient's; an answer right behind a swapped question is swapped
    with it; where most of such turns are swapped, all are."""
    said = [_content(plain, turn) for turn in tagged]
    known = [(turn.is_clinician, side) for turn, side in zip(tagged, said, strict=True) if side]
    wrong = sum(is_clinician != (side == "doctor") for is_clinician, side in known)
    is_all = wrong > 2 and wrong * 4 > len(known) * 3
    found: list[Turn] = []
    for turn, side in zip(tagged, said, strict=True):
        is_swapped = is_all or bool(side and turn.is_clinician != (side == "doctor"))
        if not side and not is_all and found and _answers_swapped(plain, found[-1], turn):
            is_swapped = True
        found.append(turn._replace(speaker=_other(turn.tag)) if is_swapped else turn)
    return found


def _content(plain: str, turn: Turn) -> str:
    asks = words().asks.search(plain, turn.start, turn.end)
    tells = words().tells.search(plain, turn.start, turn.end)
    if bool(asks) == bool(tells):
        return ""
    return "doctor" if asks else "patient"


def _answers_swapped(plain: str, before: Turn, turn: Turn) -> bool:
    is_question = before.is_clinician and before.speaker != before.tag
    return is_question and turn.is_clinician and bool(words().replies.match(plain, turn.start))


def _other(role: str) -> str:
    return "patient" if role in _CLINICIANS else "doctor"


def turn_at(found: Sequence[Turn], position: int) -> int:
    """Index of the turn a position lies in, or -1."""
    if not found:
        return -1
    return bisect_right(found, position, key=lambda turn: turn.start) - 1
