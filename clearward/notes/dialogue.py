"""Who speaks, and which question an answer answers. Add a speaker's spelling to `_TURN`; what a
finding makes of an answer belongs to `reader`.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import NamedTuple

_TURN = re.compile(
    r"^[ \t]*(?:\[(?P<a>[A-Za-z_ ]{2,20})\]|(?P<b>doctor|dr|clinician|patient|pt|nurse|mother|"
    r"father|guest_\w+|医生|大夫|患者|病人|家属)\s*:)",
    re.IGNORECASE | re.MULTILINE,
)
_ROLES = {"doctor": "doctor", "dr": "doctor", "clinician": "doctor", "医生": "doctor",
          "大夫": "doctor", "patient": "patient", "pt": "patient", "患者": "patient",
          "病人": "patient", "nurse": "nurse"}  # fmt: skip
_QUESTION = re.compile(r"[??吗呢么]\s*$")
_NO = re.compile(
    r"\s*(?:\W{0,3})(?:no\b|nope\b|nah\b|not (?:at all|really)\b|never\b|没有|没|无|不)", re.I
)


class Turn(NamedTuple):
    """One speaker's words; characters, half-open."""

    speaker: str
    start: int
    end: int


def turns(plain: str) -> list[Turn]:
    """The turns of a dialogue; fewer than two speakers is a note, which has none."""
    marks = [(m, _ROLES.get((m["a"] or m["b"]).lower(), "other")) for m in _TURN.finditer(plain)]
    if len({role for _, role in marks}) < 2:
        return []
    ends = [mark.start() for mark, _ in marks[1:]] + [len(plain)]
    return [Turn(role, m.end(), end) for (m, role), end in zip(marks, ends, strict=True)]


def turn_at(found: list[Turn], position: int) -> int:
    """Index of the turn a position lies in, or -1."""
    return bisect_right([turn.start for turn in found], position) - 1


def is_denied(plain: str, found: list[Turn], index: int) -> bool:
    """Whether the turn asks and the next speaker's answer is no."""
    if index + 1 >= len(found) or index < 0:
        return False
    asked, answer = found[index], found[index + 1]
    if asked.speaker == answer.speaker or not _QUESTION.search(plain, asked.start, asked.end):
        return False
    return bool(_NO.match(plain, answer.start, answer.end))
