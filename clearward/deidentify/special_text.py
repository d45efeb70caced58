"""Does a free text name a disease of the list? Negated, asked about or ruled out, it is named all
the same: who was tested is told as well. Rows with codes and labels belong to `special`.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

import ahocorasick

from clearward.deidentify.special import (
    SpecialDisease,
    has_whole,
    special_category,
    special_diseases,
)

_BROKEN_LINE = re.compile(r"-[ \t]*\r?\n\s*")
_SPACE = re.compile(r"\s+")
_CJK = re.compile(r"[\u3400-\u9fff]")
_BETWEEN = re.compile(r"(?<=[\u3400-\u9fff])[\W_]+(?=[\u3400-\u9fff])")
# Undotted, "X60" is sixty tablets and "T74" a device; codes of the list are written with a point,
# or behind the name of their system.
_CODE = re.compile(r"(?<![A-Z0-9])[A-Z][0-9]{2}\.[0-9A-Z]{1,4}")
_NAMED_CODE = re.compile(r"(?i:icd(?:-?\s?10)?(?:-cm)?|编码)\W{0,3}([A-Z][0-9]{2})(?![0-9])")


def named_category(text: str) -> str | None:
    """The first category of the list that a text names by word or by code; None for most.

    Width, case, invisible characters, broken lines and blanks between Chinese characters are
    looked through, and so are points in an abbreviation (``H.I.V.``).
    """
    folded = unicodedata.normalize("NFKC", text)
    if not folded.isascii():
        for unseen in [c for c in set(folded) if unicodedata.category(c) == "Cf"]:
            folded = folded.replace(unseen, "")
    joined = _SPACE.sub(" ", _BROKEN_LINE.sub("", folded))
    lower = _SPACE.sub(" ", folded).lower()
    found = _by_words(lower) or _by_words(joined.lower())
    if not found and _CJK.search(joined):
        found = _by_words(_BETWEEN.sub("", lower))
    return found or _by_whole(lower) or _by_code(folded)


def _by_words(lower: str) -> str | None:
    """One pass for all words of the list; in a long note most of them are nowhere."""
    hits = {name for _, name in _automaton().iter(lower)}
    for disease in special_diseases():
        if disease.name in hits and _still(disease, lower):
            return disease.name
    return None


def _still(disease: SpecialDisease, lower: str) -> bool:
    """A word is left when questionnaires that everybody gets are taken out."""
    for phrase in disease.asked:
        lower = lower.replace(phrase, " ")
    return any(word in lower for word in disease.words)


def _by_whole(lower: str) -> str | None:
    for disease in special_diseases():
        if disease.whole:
            joined = _spelt(disease.whole).sub(lambda m: re.sub(r"[^a-z0-9]", "", m[0]), lower)
            if has_whole(disease, joined):
                return disease.name
    return None


@cache
def _spelt(words: tuple[str, ...]) -> re.Pattern[str]:
    """``h.i.v.``, ``h i v`` and ``h-i-v``, letter by letter."""
    spelt = "|".join("[. -]".join(word) for word in words if word.isalpha())
    return re.compile(rf"(?<![a-z0-9])({spelt})(?![a-z0-9])")


def _by_code(folded: str) -> str | None:
    codes = [*_CODE.findall(folded), *(code.upper() for code in _NAMED_CODE.findall(folded))]
    return next(filter(None, map(special_category, codes)), None)


@cache
def _automaton() -> ahocorasick.Automaton:
    automaton = ahocorasick.Automaton()
    for disease in special_diseases():
        for word in disease.words:
            automaton.add_word(word, disease.name)
    automaton.make_automaton()
    return automaton
