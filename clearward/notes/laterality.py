"""Eye and body side as an assignment over all values of a clause. Add a spelling to `EYES` or
`SIDES`; the order rules are in `assign` and know nothing of spellings: a pack may bring labels of
its own (vessels, items of a scale), which are assigned by the same rules.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping, Sequence

# "right" of something that is no eye is no label
_NO_EYE = (
    r"(?!\s+(?:arm|leg|hand|foot|feet|knee|hip|shoulder|side|sided|lower|upper|lung|heart|ventric|"
    r"atri|carotid|coronary|MCA|ACA|PCA|hemi|face|facial|ear|breast|ankle|wrist|elbow|flank|kidney|"
    r"neck|now|away|where|here|there|before|after|frontal|parietal|temporal|occipital|bundle|main|anterior))"
)
_NO_EYE_ZH = r"(?!右|手(?!动)|[上下肢臂心室房冠侧肺肾脑耳膝髋肩])"
_RIGHT = r"(?i:(?:the\s+)?right)(?![A-Za-z])" + _NO_EYE
_LEFT = r"(?i:(?:the\s+)?left)(?![A-Za-z])" + _NO_EYE
EYES = {
    "OD": r"(?:[VT]?OD|O D|[VT] ?R|O\.D\.?|V?od|VAR)(?![A-Za-z])|RE(?![A-Za-z])|R\.?E\.(?![A-Za-z])"
    r"|(?i:(?:the\s+|her\s+|his\s+)?(?:right|rt\.?|r)\s+eye)(?![A-Za-z])|右侧?\s?眼|"
    rf"(?<!左)右{_NO_EYE_ZH}|{_RIGHT}|R(?![A-Za-z.])",
    "OS": r"(?:[VT]?OS|O S|[VT] ?L|O\.S\.?|V?os|VAL)(?![A-Za-z])|LE(?![A-Za-z])|L\.?E\.(?![A-Za-z])"
    r"|(?i:(?:the\s+|her\s+|his\s+)?(?:left|lt\.?|l)\s+eye)(?![A-Za-z])|左侧?\s?眼|"
    rf"左{_NO_EYE_ZH}|{_LEFT}|L(?![A-Za-z.])",
    "OU": r"(?:[VT]?OU|O\.U\.?|V?ou)(?![A-Za-z])"
    r"|(?i:both\s+(?:eyes|discs|optic\s+discs|maculae|lenses)|each\s+eye|either\s+eye|bilateral(?:ly)?)(?![A-Za-z])|双眼|两眼|双侧",
}
_NO_SIDE = r"(?!\s+(?:now|away|where|here|there))"
SIDES = {
    "R": rf"(?i:(?:the\s+)?right(?:\s+(?:arm|leg|side))?{_NO_SIDE})(?![A-Za-z])|R(?![A-Za-z.])"
    r"|(?<!左)右侧?(?:上肢|下肢|臂)?",
    "L": r"(?i:(?:the\s+)?left(?:\s+(?:arm|leg|side))?)(?![A-Za-z])|L(?![A-Za-z.])"
    r"|左(?!右)侧?(?:上肢|下肢|臂)?",
    "B": r"(?i:both\s+arms|bilateral(?:ly)?)(?![A-Za-z])|双侧?(?:上肢|下肢)",
}
LABELS: Mapping[str, Mapping[str, str]] = {"eye": EYES, "side": SIDES, "": {}}
_RIGHT_LEFT = {"OU": ("OD", "OS"), "B": ("R", "L"), "": ("OD", "OS")}
Placed = list[tuple[str, float]]
# spellings that name an eye wherever they stand
_TOPIC = re.compile(
    r"(?<![A-Za-z])(?:(?P<OD>[VT]?OD|RE(?=:)|(?i:right eye))|(?P<OS>[VT]?OS|LE(?=:)|(?i:left eye))"
    r"|(?P<OU>OU|(?i:both eyes)))(?![A-Za-z])|(?P<r>右眼)|(?P<l>左眼)|(?P<b>双眼|两眼)"
)
_TOPIC_NAMES = {"r": "OD", "l": "OS", "b": "OU"}
_HEADS = re.compile(r"\s?(?::|\s-\s)")
_SEGMENT = re.compile(r"[;。\n]|\.\s")
_TOPIC_REACH = 150


def named_groups(labels: Mapping[str, str]) -> str:
    """One alternation with a group per label, the last named first: ``OU`` before the sides."""
    return "|".join(f"(?P<{name}>{body})" for name, body in reversed(tuple(labels.items())))


def label_regex(kind: str) -> str:
    """The labels of one kind, as `named_groups` writes them."""
    return named_groups(LABELS[kind])


def topic_side(plain: str, position: int) -> tuple[str, float]:
    """The one eye that is spoken of before a bare value: in its own part of the text, or else in
    what stands before that. Two eyes spoken of are none."""
    first = max(0, position - _TOPIC_REACH)
    cuts = [match.end() for match in _SEGMENT.finditer(plain, first, position)]
    start = cuts[-1] if cuts else first
    for begin, end, sure in ((start, position, 0.7), (first, start, 0.5)):
        sides = {m.lastgroup or "" for m in _TOPIC.finditer(plain, begin, end)}
        if sides:
            side = sides.pop()
            return _headed(plain, first, position) if sides else (_name(side), sure)
    return "", 0.6


def _headed(plain: str, first: int, position: int) -> tuple[str, float]:
    """Of two eyes the one that heads the words before a value: "Left eye: acuity 20/25; …"."""
    last = deque(_TOPIC.finditer(plain, first, position), maxlen=1)
    if not last or not _HEADS.match(plain, last[0].end()):
        return "", 0.6
    return _name(last[0].lastgroup or ""), 0.5


def _name(group: str) -> str:
    return _TOPIC_NAMES.get(group, group)


def assign(stream: Sequence[str | None], *, paired: bool = False, first: bool = False) -> Placed:
    """A label and a confidence for each value of a clause.

    Args:
        stream: what the clause holds in order: a label, or None where a value stands.
        paired: two bare values joined by a slash or comma mean right then left.
        first: a label is always of what follows it; a value before any label has none.

    The whole clause decides, in this order: one label for all (LVV); as many labels as values,
    all first or all last ("right and left 16 and 18", "16 and 18 OD and OS respectively"), also
    repeated over rows of a table; label first (LVLV); label last (VLVL, "16 in the right eye
    and 18 in the left"). Values that are left bare follow the order the labels had.
    """
    labels = [item for item in stream if item is not None]
    count = len(stream) - len(labels)
    if first:
        return _nearest(stream, first=True)
    if not labels:
        return _bare(count, paired)
    blocks = _blocks(stream, labels, count)
    if blocks:
        return [(label, 0.95) for label in blocks]
    if len(labels) == 1 and (stream[0] is not None or stream[-1] is not None):
        return _single(labels[0], count, paired)
    lead = _bare_lead(stream)
    if lead:
        return [*_bare(lead, paired), *assign(stream[lead:])]
    placed = _nearest(stream, first=stream[0] is not None)
    return _rest(_extras(placed, labels), labels)


def _bare(count: int, paired: bool) -> Placed:
    if paired and count == 2:
        return [("OD", 0.7), ("OS", 0.7)]
    return [("", 0.9)] * count


def _single(label: str, count: int, paired: bool) -> Placed:
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


def _nearest(stream: Sequence[str | None], *, first: bool) -> Placed:
    """Label first: the last label before each value; label last: the next label after it."""
    items = stream if first else list(reversed(stream))
    found: Placed = []
    current = ""
    for item in items:
        if item is None:
            found.append((current, 0.95 if current else 0.6))
        else:
            current = item
    return found if first else list(reversed(found))


def _bare_lead(stream: Sequence[str | None]) -> int:
    """Two bare values before a clause that goes on label first ("16/38, RE 16 LE 38")."""
    first = next(i for i, item in enumerate(stream) if item is not None)
    return 2 if first == 2 and stream[-1] is None and len(stream) > 4 else 0


def _extras(placed: Placed, labels: list[str]) -> Placed:
    """One value to each side, and behind the last side as many again as there are sides: they go by
    the order of the sides ("right 20/100, left 20/200, pinholing to 20/30 and 20/40")."""
    sides, names = len(labels), [label for label, _ in placed]
    is_second_set = (
        len(set(labels)) == sides > 1
        and names[:sides] == labels
        and names[sides:] == [labels[-1]] * sides
    )
    return [*placed[:sides], *((label, 0.75) for label in labels)] if is_second_set else placed


def _rest(placed: Placed, labels: list[str]) -> Placed:
    """Bare values behind labelled ones: as many as sides were named go by their order
    ("20/100 OD, 20/200 OS, pinholing to 20/30 and 20/40"); a single one stays with the last."""
    bare = next((i for i, (label, _) in enumerate(placed) if not label), len(placed))
    rest = placed[bare:]
    if not rest or any(label for label, _ in rest):
        return placed
    sides = list(dict.fromkeys(labels))
    names = sides if len(rest) == len(sides) else [labels[-1]] if len(rest) == 1 else []
    return [*placed[:bare], *((name, 0.75) for name in names)] if names else placed
