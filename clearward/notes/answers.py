"""What an answer says: yes, no, "just the cough", 不太清楚. Words are data in `dialogue.toml`;
what was asked belongs to `questions`, what a statement says of itself to `context`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

YES, NO, UNSURE = "true", "false", "uncertain"
_PIECE = re.compile(r"[,.;!?。\n]|\bbut\b|但是?|不过")
_SAID_BEHIND = re.compile(
    r"\s*(?:(?P<yes>yes|yeah|yep)|(?P<no>no|nope|not)\b(?! (?:longer|more|sure)))\b"
    r"|(?:是|倒|也|都|就)?(?:(?P<zh_no>没有?|不明显|无)(?!好|退|停|断|缓|消|减|什么)|(?P<zh_yes>有|有的|是有)(?![没无]))"
    r"(?=$|[\s,。;!了的])"
)  # fmt: skip


class Mention(NamedTuple):
    """A name found in the text; `name` is what it means."""

    start: int
    end: int
    name: str


@cache
def spoken_words() -> Mapping[str, re.Pattern[str]]:
    """Patterns of questions and answers from `dialogue.toml`, by key."""
    path = Path(__file__).with_name("dialogue.toml")
    document: Mapping[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    pairs = [*document["question"].items(), *document["answer"].items()]
    return {name: re.compile("|".join(f"(?:{p})" for p in patterns)) for name, patterns in pairs}


def polarity(answer: str) -> str:
    """What an answer says by itself: true, false, uncertain, or empty when it says neither.

    Args:
        answer: the other speaker's words in lower case, folded.
    """
    pieces = list(_pieces(answer))
    for number, piece in enumerate(pieces[:4]):
        said = _piece_polarity(piece)
        if said == NO and number + 1 < len(pieces) and _takes_back(pieces[number + 1 : number + 3]):
            return YES
        if said:
            return said
    return ""


def tells_amount(answer: str) -> bool:
    """Whether the answer tells when, where or how much, and so takes for granted that it is."""
    return bool(spoken_words()["amount"].search(" ".join(list(_pieces(answer))[:3])))


def is_over(answer: str) -> bool:
    """Whether the answer says that it is gone."""
    return any(spoken_words()["over"].search(piece) for piece in list(_pieces(answer))[:2])


def _pieces(answer: str) -> Iterator[str]:
    for piece in _PIECE.split(answer[:160]):
        bare = spoken_words()["fillers"].sub("", piece.strip()).strip(" -'\"")
        if bare:
            yield bare


def _piece_polarity(piece: str) -> str:
    words = spoken_words()
    if words["uncertain"].search(piece):
        return UNSURE
    if words["true_after_all"].search(piece):
        return YES
    if words["no"].search(piece):
        return NO
    return YES if words["yes"].search(piece) else ""


def _takes_back(pieces: Sequence[str]) -> bool:
    """ "No … but sometimes", "没有，就是偶尔": a no that the next words limit."""
    return any(spoken_words()["limits"].match(piece) for piece in pieces)


def asks_back(answer: str) -> bool:
    """Whether the answer asks what was meant."""
    return bool(spoken_words()["unclear"].search(answer[:80]))


def names_only(lower: str, mention: Mention, start: int) -> bool:
    """Whether the words before a mention say: this and nothing else."""
    return bool(
        spoken_words()["only"].search(lower[max(start, mention.start - 24) : mention.start])
    )


def denies_others(answer: str) -> bool:
    """Whether the answer says no to whatever it did not name."""
    return bool(spoken_words()["others_not"].search(answer))


def said_behind(lower: str, end: int, stop: int) -> str:
    """A yes or no right behind a name: "numbness yes", 心慌没有."""
    match = _SAID_BEHIND.match(lower, end, stop)
    if not match:
        return ""
    return NO if match["no"] or match["zh_no"] else YES


def is_past(lower: str, start: int, end: int) -> bool:
    """Whether what stands before `start` is said to be gone."""
    return bool(spoken_words()["past"].match(lower, start, end))


def agrees(answer: str) -> bool:
    """Whether the answer only agrees: with a question that says no, that is no."""
    return bool(spoken_words()["agrees"].match(answer))


def is_doubted(lower: str, start: int, end: int) -> bool:
    """Whether the speaker takes back in the same breath what stands before `start`."""
    return bool(spoken_words()["doubt"].search(lower, start, min(end, start + 36)))


def after_interjection(lower: str, start: int, end: int) -> int:
    """Where a sentence begins behind a "no ," that denies nothing after it."""
    match = spoken_words()["interjection"].match(lower, start, end)
    return match.end() if match else start
