"""Eye and body side as an assignment over all values of a clause. Add a spelling to `EYES` or
`SIDES`; the order rules are in `assign` and know nothing of spellings.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

EYES = {
    "OD": r"[VT]?O\.?D\.?(?![A-Za-z])|RE(?![A-Za-z])|R\.?E\.(?![A-Za-z])"
    r"|(?i:right\s+eye|rt\.?\s+eye)|右眼|右侧眼|右(?=[\s::,]*[\d<>光手指数无]|[,/和及]左|[,/和及]+$)|(?i:(?:the\s+)?right)(?![A-Za-z])|R(?![A-Za-z.])",
    "OS": r"[VT]?O\.?S\.?(?![A-Za-z])|LE(?![A-Za-z])|L\.?E\.(?![A-Za-z])"
    r"|(?i:left\s+eye|lt\.?\s+eye)|左眼|左侧眼|左(?=[\s::,]*[\d<>光手指数无]|[,/和及]右|[,/和及]+$)|(?i:(?:the\s+)?left)(?![A-Za-z])|L(?![A-Za-z.])",
    "OU": r"[VT]?O\.?U\.?(?![A-Za-z])|(?i:both\s+eyes|each\s+eye|bilateral(?:ly)?)(?![A-Za-z])"
    r"|双眼|两眼|双侧",
}
SIDES = {
    "R": r"(?i:(?:the\s+)?right(?:\s+(?:arm|leg|side))?)(?![A-Za-z])|R(?![A-Za-z.])"
    r"|右侧?(?:上肢|下肢|臂)?",
    "L": r"(?i:(?:the\s+)?left(?:\s+(?:arm|leg|side))?)(?![A-Za-z])|L(?![A-Za-z.])"
    r"|左侧?(?:上肢|下肢|臂)?",
    "B": r"(?i:both\s+arms|bilateral(?:ly)?)(?![A-Za-z])|双侧?(?:上肢|下肢)",
}
LABELS = {"eye": EYES, "side": SIDES, "": {}}
_RIGHT_LEFT = {"OU": ("OD", "OS"), "B": ("R", "L"), "": ("OD", "OS")}


def label_regex(kind: str) -> str:
    """One alternation with a group per label, ``OU`` before the sides it contains."""
    return "|".join(f"(?P<{name}>{body})" for name, body in reversed(LABELS[kind].items()))


def assign(stream: Sequence[str | None], *, paired: bool = False) -> list[tuple[str, float]]:
    """A label and a confidence for each value of a clause.

    Args:
        stream: what the clause holds in order: a label, or None where a value stands.
        paired: two bare values joined by a slash or comma mean right then left.

    The whole clause decides, in this order: one label for all (LVV); as many labels as values,
    all first or all last ("right and left 16 and 18", "16 and 18 OD and OS respectively"), also
    repeated over rows of a table; label first (LVLV); label last (VLVL, "16 in the right eye
    and 18 in the left").
    """
    labels = [item for item in stream if item is not None]
    count = len(stream) - len(labels)
    if not labels:
        return _bare(count, paired)
    blocks = _blocks(stream, labels, count)
    if blocks:
        return [(label, 0.95) for label in blocks]
    if len(labels) == 1 and (stream[0] is not None or stream[-1] is not None):
        return _single(labels[0], count, paired)
    return _nearest(stream, first=stream[0] is not None)


def _bare(count: int, paired: bool) -> list[tuple[str, float]]:
    if paired and count == 2:
        return [("OD", 0.7), ("OS", 0.7)]
    return [("", 0.9)] * count


def _single(label: str, count: int, paired: bool) -> list[tuple[str, float]]:
    if label in _RIGHT_LEFT and paired and count == 2:
        return [(side, 0.85) for side in _RIGHT_LEFT[label]]
    return [(label, 0.95 if count == 1 else 0.85)] * count


def _blocks(stream: Sequence[str | None], labels: list[str], count: int) -> list[str]:
    width = len(labels)
    if width < 2 or count % width:
        return []
    first = all(item is not None for item in stream[:width])
    last = all(item is not None for item in stream[-width:]) and count == width
    return labels * (count // width) if first or last else []


def _nearest(stream: Sequence[str | None], *, first: bool) -> list[tuple[str, float]]:
    """Label first: the last label before each value; label last: the next label after it."""
    items = stream if first else list(reversed(stream))
    found: list[tuple[str, float]] = []
    current = ""
    for item in items:
        if item is None:
            found.append((current, 0.95 if current else 0.6))
        else:
            current = item
    return found if first else list(reversed(found))


def compiled(kind: str) -> re.Pattern[str]:
    """The labels of one kind as a pattern."""
    return re.compile(label_regex(kind) or r"(?!)")
