"""Numbers as people write them: digits of any script, O for 0, Roman, Chinese and English words.

What a number means belongs to the finders. English words follow how pressures and pulses are said:
"one forty" is 140, "one twenty five" 125, "seventy two" 72.
"""

from __future__ import annotations

import re

_ROMAN = {"I": 1, "II": 2, "III": 3, "IV": 4, "V": 5, "VI": 6,
          "Ⅰ": 1, "Ⅱ": 2, "Ⅲ": 3, "Ⅳ": 4, "Ⅴ": 5, "Ⅵ": 6}  # fmt: skip
_CHINESE = {"零": 0, "〇": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6,
            "七": 7, "八": 8, "九": 9, "半": 0.5, "数": 5}  # fmt: skip
_UNITS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen",
)  # fmt: skip
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_WORDS = {word: number for number, word in enumerate(_UNITS)}
_WORDS |= {word: 10 * number for number, word in enumerate(_TENS, 2)}
_WORDS |= {"a": 1, "an": 1, "once": 1, "twice": 2, "single": 1, "first": 1, "second": 2, "third": 3,
           "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9,
           "tenth": 10, "o": 0, "oh": 0}  # fmt: skip
_AFTER_HUNDREDS = {0, *range(10, 100)}
_PIECE = re.compile(r"[a-z]+")


def number(text: str) -> float:
    """The number a text says.

    Raises:
        ValueError: it says none.
    """
    plain = text.strip().rstrip("级期分度次针枚")
    for read in (_roman, _digits, _chinese, _english):
        found = read(plain)
        if found is not None:
            return found
    raise ValueError("no number")


def _roman(text: str) -> float | None:
    found = _ROMAN.get(text)
    return None if found is None else float(found)


def _digits(text: str) -> float | None:
    # a letter O among digits is a zero that was typed wrong
    plain = text.replace("O", "0").replace("o", "0").replace(",", "") if text else ""
    try:
        return float(plain) if any(c.isdigit() for c in text) else None
    except ValueError:
        return None


def _chinese(text: str) -> float | None:
    if not text or any(c not in _CHINESE and c != "十" for c in text):
        return None
    tens, found, units = text.rpartition("十")
    if not found:
        return float(_CHINESE[text]) if len(text) == 1 else None
    return float((_CHINESE[tens] if tens else 1) * 10 + (_CHINESE[units] if units else 0))


def _english(text: str) -> float | None:
    words = [word for word in _PIECE.findall(text.lower()) if word not in ("and", "hundred")]
    if not words or any(word not in _WORDS for word in words):
        return None
    # "one forty", "one o five": a unit before tens, teens or a spoken zero counts hundreds
    is_spoken = len(words) > 1 and _WORDS[words[0]] < 3 and _WORDS[words[1]] in _AFTER_HUNDREDS
    is_hundred = "hundred" in text.lower() or is_spoken
    first = _WORDS[words[0]] * (100 if is_hundred else 1)
    return float(first + sum(_WORDS[word] for word in words[1:]))
