"""From a cue to its values: a region of tokens, read left to right, strict about what may stand
between values. What a value means belongs to the specialty's finder; which method is whose to
`methods`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from clearward.notes.laterality import EYES, assign, topic_side
from clearward.notes.methods import Token, asides_of, methods_of
from clearward.notes.patterns import Attribute
from clearward.notes.scan import Hit

REACH = 170
LOOK_BACK = 30
LINE = 80
NEAR = 80
AHEAD = 24
_PAIR = re.compile(r"\s*(?://|[/,;|&]|and|和|与)?\s*")
# "27 on the MoCA and 29 on the MMSE": the number before a cue is that cue's
_OF_NEXT = re.compile(r"\s+on\s+(?:(?:the|his|her)\s+)?")
_CJK = "\u3400"
_WORD = re.compile("[\u3400-\u9fffA-Za-z]")
_COLON = re.compile(r"\s*:")
_BREAK = re.compile(r"[;。\n]|\.\s")
_BROKEN = re.compile(r"[.!?](?=\s)|[。!?;;]|\n\s*\n")
_REST = re.compile(r"[\s,/|(]*(?:on\s+(?:the\s+|his\s+|her\s+)?)?")
_SENTENCE = re.compile(r"[.!?]\s|[。!?;;\n]")
# a side behind a word: beside it, in brackets, or after a comma that ends there
_SIDE_AFTER = re.compile(r",\s*|\s*[(]?\s*(?:(?:in|of)\s+(?:the\s+)?)?")
_STOP = re.compile(r"\s*(?:[,;.)\n]|$)")
_LOOSE = ("word", "dec")
_SIDE_BEFORE = re.compile(
    r"[\s:]*(?:(?:has|an?|with|the|of|dense|mild|moderate|severe|mature|early|advanced|acute|chronic|"
    r"stable|visually|significant|primary|为|患|有)\s*){0,3}$",
    re.I,
)


class Value(NamedTuple):
    """A value as the grammar read it, with its label, methods and how sure the side is.

    `match` holds the groups of the pattern that read it; a term's has none.
    """

    match: re.Match[str] | None
    label: str
    confidence: float
    methods: tuple[str, ...]
    start: int
    end: int
    aside: str = ""

    def group(self, name: str) -> str | None:
        """What a named group of the value's pattern holds; None where the pattern has none."""
        match = self.match
        return None if match is None or name not in match.re.groupindex else match[name]

    @property
    def word(self) -> str:
        """The word of the group named ``is_<word>`` that matched, or empty."""
        match = self.match
        names = () if match is None else match.re.groupindex
        return next((n[3:] for n in names if n.startswith("is_") and match and match[n]), "")


class Region(NamedTuple):
    """What one cue announced; `end` is the last character that belongs to it."""

    cue_start: int
    cue_end: int
    values: tuple[Value, ...]
    end: int


def read_region(plain: str, hit: Hit, rule: Attribute, *, floor: int, limit: int) -> Region | None:
    """The values a cue announces, or None when it announces none.

    Args:
        plain: the folded text.
        hit: the cue.
        rule: the attribute's rule.
        floor: nothing before this position may be used (it belongs to the region before).
        limit: start of the next cue of another attribute.
    """
    if rule.cores:
        core = rule.cores.get(plain[hit.start : hit.end].lower())
        hit = hit if core is None else hit._replace(end=hit.start + core)
    if rule.refuse_before and rule.refuse_before.search(
        plain, max(0, hit.start - LOOK_BACK), hit.start
    ):
        return None
    if rule.refuse_after and rule.refuse_after.match(
        plain, hit.end, min(len(plain), hit.end + REACH)
    ):
        return None
    if rule.needs and not rule.needs.search(plain, max(0, hit.start - NEAR), hit.end + NEAR):
        return None
    if rule.is_term:
        return _term(plain, hit, rule, floor)
    stop = min(len(plain), hit.end + REACH, limit)
    start = _start(plain, hit, rule, floor)
    tokens = _leading(plain, hit, rule, floor, end=min(start, hit.start))
    tokens = _trimmed(plain, tokens + _walk(plain, start, rule, stop=stop, opening=rule.opening))
    if rule.trailing and tokens and _OF_NEXT.fullmatch(plain, tokens[-1].end, limit):
        tokens.pop()
    values = _values(plain, tokens, rule)
    if not values and rule.trailing:
        tokens = _preceding(plain, hit, rule, floor)
        values = _values(plain, tokens, rule)
    if not values or (rule.weak and _is_alone(plain, hit, rule, tokens)):
        return None
    end = tokens[-1].end if rule.cue_in_value else max(tokens[-1].end, hit.end)
    return Region(hit.start, hit.end, values, end)


def _trimmed(plain: str, tokens: list[Token]) -> list[Token]:
    """Without labels at the end that belong to what follows: of a clause whose labels stand first
    ("OD PCIOL, OS NS 2+"), or opening a part of their own ("CST 601; LE: VA")."""
    kinds = [token.kind for token in tokens]
    if "label" not in kinds or "value" not in kinds:
        return tokens
    is_first = kinds.index("label") < kinds.index("value")
    while tokens[-1].kind == "label" and (is_first or _opens(plain, tokens)):
        tokens.pop()
    return tokens


def _opens(plain: str, tokens: Sequence[Token]) -> bool:
    """Whether the last label opens what comes after it."""
    end = tokens[-1].end
    is_glued = plain[end - 1] >= _CJK and bool(_WORD.match(plain, end))
    if is_glued or _COLON.match(plain, end):
        return True
    return len(tokens) > 1 and bool(_BREAK.search(plain, tokens[-2].end, tokens[-1].start))


def _term(plain: str, hit: Hit, rule: Attribute, floor: int) -> Region:
    """The cue itself, with the side that stands beside it: behind it, or else before."""
    label = _side_behind(plain, hit.end, rule) or _side_before(plain, hit.start, rule, floor)
    return Region(hit.start, hit.end, (Value(None, label, 0.9, (), hit.start, hit.end),), hit.end)


def _side_behind(plain: str, end: int, rule: Attribute) -> str:
    gap = _SIDE_AFTER.match(plain, end) if rule.label_names else None
    match = rule.tokens.match(plain, gap.end(), gap.end() + LOOK_BACK) if gap else None
    if gap is None or match is None:
        return ""
    # behind a comma a side must be all there is, else it is the side of what follows
    is_alone = "," not in gap.group() or _STOP.match(plain, match.end())
    return match.lastgroup or "" if is_alone else ""


def _side_before(plain: str, start: int, rule: Attribute, floor: int) -> str:
    if rule.before is None:
        return ""
    gap = _SIDE_BEFORE.search(plain, max(floor, start - LOOK_BACK), start)
    end = gap.start() if gap else start
    match = rule.before.search(plain, max(floor, end - LOOK_BACK), end)
    return match.lastgroup or "" if match else ""


def _is_alone(plain: str, hit: Hit, rule: Attribute, tokens: Sequence[Token]) -> bool:
    """A weak cue with nothing beside it that says what it is."""
    if plain[hit.start : hit.end].lower() not in rule.weak:
        return False
    return not any(token.kind in ("label", "method") for token in tokens)


def _start(plain: str, hit: Hit, rule: Attribute, floor: int) -> int:
    """Where reading starts: behind the cue, at it, or at the words before it that belong to it."""
    lead = (
        rule.lead.search(plain, max(floor, hit.start - LOOK_BACK), hit.start) if rule.lead else None
    )
    if lead:
        return lead.start()
    if not rule.cue_in_value:
        return hit.end
    # a cue set apart, "视 力", is no token and so no part of the value
    is_apart = plain[hit.start + 1 : hit.start + 2] == " "
    return hit.end if is_apart and not rule.tokens.match(plain, hit.start) else hit.start


def _leading(plain: str, hit: Hit, rule: Attribute, floor: int, *, end: int) -> list[Token]:
    """Labels and methods that stand right before the cue: "OD VA", "右眼裸眼视力"."""
    found: list[Token] = []
    named = rule.cue_tokens.get(plain[hit.start : hit.end].lower())
    if named and not rule.cue_in_value:
        found.append(Token(*named, None, hit.start, hit.end))
    while rule.before is not None and len(found) < 4:
        match = rule.before.search(plain, max(floor, end - LOOK_BACK), end)
        if match is None:
            break
        found.append(_token(match, rule))
        end = match.start()
    return found[::-1]


def _walk(plain: str, position: int, rule: Attribute, *, stop: int, opening: int) -> list[Token]:
    """Tokens one after the other; unknown words only within `opening` before the first value, and
    within the rule's gap after it."""
    tokens: list[Token] = []
    budget = opening
    while position < stop:
        # beyond the limit a token may look, but not start
        match = rule.tokens.match(plain, position, stop + AHEAD)
        if match is None and budget > 0:
            match = _leap(plain, position, rule, min(stop, position + budget))
            budget -= (match.start() - position) if match else 0
        if match is None or match.end() == position:
            break
        position = match.end()
        token = _token(match, rule)
        if token.kind in ("filler", "cue", "skip"):
            if "\n\n" in match.group().replace(" ", ""):
                break
            if tokens and "\n" in match.group():
                budget = 0  # unknown words that open a line speak of something else
            continue
        if token.kind == "value":
            if not rule.repeats and any(t.kind == "value" for t in tokens):
                break
            budget = rule.gap
        tokens.append(token)
    return tokens


def _preceding(plain: str, hit: Hit, rule: Attribute, floor: int) -> list[Token]:
    """Values that fill the line before a cue at its end: "OD 20/20 OS 20/25 VA"."""
    start = max(floor, hit.start - LINE)
    for match in _SENTENCE.finditer(plain, start, hit.start):
        start = match.end()
    first = rule.tokens.search(plain, start, hit.start)
    while first and _token(first, rule).kind in ("filler", "cue"):
        first = rule.tokens.search(plain, max(first.end(), first.start() + 1), hit.start)
    if first is None:
        return []
    tokens = _walk(plain, first.start(), rule, stop=hit.start, opening=0)
    if not tokens or not _REST.fullmatch(plain, tokens[-1].end, hit.start):
        return []
    return tokens if any(_is_sure(token) for token in tokens) else []


def _is_sure(token: Token) -> bool:
    """What stands before a cue is its value only beside a side, or with its scale's greatest."""
    match = token.match
    return token.kind == "label" or bool(match and "den" in match.re.groupindex and match["den"])


def _leap(plain: str, position: int, rule: Attribute, stop: int) -> re.Match[str] | None:
    """The next value, label or method after words no rule knows, unless a digit or the end of
    the sentence stands between. A word or a plain decimal is not believed that far from its cue."""
    at = position
    while at < stop:
        match = rule.tokens.search(plain, at, stop + AHEAD)
        if match is None or match.start() >= stop:
            return None
        between = plain[position : match.start()]
        if _BROKEN.search(between) or any(map(str.isdigit, between)):
            return None
        named = match.re.groupindex
        is_loose = any(name in named and match[name] is not None for name in _LOOSE)
        if not is_loose and _kind(match, rule)[0] not in ("filler", "cue"):
            return match
        at = max(match.end(), at + 1)
    return None


def _token(match: re.Match[str], rule: Attribute) -> Token:
    kind, name = _kind(match, rule)
    return Token(kind, name, match, match.start(), match.end())


def _kind(match: re.Match[str], rule: Attribute) -> tuple[str, str]:
    group = match.lastgroup or "filler"
    if group in ("value", "filler", "skip", "cue", "blank", "aside", "same"):
        return group, group
    if group in rule.label_names:
        return "label", group
    return "method", rule.methods[int(group[1:])]


def _values(plain: str, tokens: Sequence[Token], rule: Attribute) -> tuple[Value, ...]:
    """Every value with its label, methods and aside; a blank holds a place and gives nothing."""
    places = [token for token in tokens if token.kind in ("value", "blank")]
    if not any(token.kind == "value" for token in places):
        return ()
    placed = _placed(plain, tokens, rule)
    if not any(label for label, _ in placed) and rule.label_names >= EYES.keys():
        placed = [topic_side(plain, tokens[0].start)] * len(placed)
    methods = methods_of(plain, tokens, leading=rule.leading_methods)
    each = zip(places, placed, methods, asides_of(tokens), strict=True)
    return tuple(
        Value(token.match, label, sure, method, *token.match.span("value"), aside)
        for token, (label, sure), method, aside in each
        if token.kind == "value" and token.match is not None
    )


def _placed(plain: str, tokens: Sequence[Token], rule: Attribute) -> list[tuple[str, float]]:
    """A label for each place. What a value "improves to" is of the side of that value, when a side
    of its own is still to come ("6/18 right, improving to 6/9, and 6/60 left")."""
    stream: list[str | None] = []
    tied: list[bool] = []
    places: list[Token] = []
    for index, token in enumerate(tokens):
        if token.kind == "label":
            stream.append(token.name)
        elif token.kind in ("value", "blank"):
            places.append(token)
            tied.append(_is_tied(tokens, index))
            stream += [] if tied[-1] else [None]
    paired = rule.paired and _are_paired(plain, places[:2])
    free = iter(assign(stream, paired=paired, first=rule.label_first))
    placed: list[tuple[str, float]] = []
    for is_tied in tied:
        placed.append(placed[-1] if is_tied else next(free))
    return placed


def _is_tied(tokens: Sequence[Token], index: int) -> bool:
    before = [t.kind for t in tokens[:index] if t.kind not in ("method", "aside")]
    is_same = before[-1:] == ["same"] and any(kind in ("value", "blank") for kind in before)
    return is_same and any(t.kind == "label" for t in tokens[index:])


def _are_paired(plain: str, found: Sequence[Token]) -> bool:
    return len(found) > 1 and bool(_PAIR.fullmatch(plain, found[0].end, found[1].start))
