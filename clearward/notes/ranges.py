"""What a value's pattern says without a finder of its own: a number or a range (groups `num`,
`num2`), or a word (a group named ``is_<word>``); and the comparator before it.
"""

from __future__ import annotations

from clearward.notes.finding import Reading
from clearward.notes.grammar import Value
from clearward.notes.numerals import number


def ranged(
    value: Value, *, method: str = "", text: str = "", code_key: str = "", factor: float = 1.0
) -> Reading:
    """`num` times `factor`, or the middle of `num` and `num2` with both as bounds."""
    low = _scaled(value.group("num"), factor)
    high = _scaled(value.group("num2"), factor)
    if low is None or high is None:
        return Reading(low, text=text, method=method, code_key=code_key)
    middle = round((low + high) / 2, 6)
    return Reading(middle, low, high, text=text, method=method, code_key=code_key)


def _scaled(text: str | None, factor: float) -> float | None:
    return None if text is None else round(number(text) * factor, 6)


def plain(value: Value) -> Reading:
    """The word of the ``is_…`` group that matched, or else the number or range."""
    method = value.methods[-1] if value.methods else ""
    word = value.word
    return Reading(None, text=word, method=method) if word else ranged(value, method=method)


def comparator(text: str, value: Value) -> str:
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
