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
_CJK = re.compile(r"[\u3400-\u9fff]")
# these open with a class of characters, by which most of a text is passed over at once
_BETWEEN = re.compile(r"[\W_](?<=[\u3400-\u9fff][\W_])[\W_]*(?=[\u3400-\u9fff])")
# Undotted, "X60" is sixty tablets and "T74" a device; codes of the list are written with a point,
# or behind the name of their system.
_CODE = re.compile(r"[A-Z](?<![A-Z0-9][A-Z])[0-9]{2}\.[0-9A-Z]{1,4}")
_NAMED_CODE = re.compile(r"(?i:icd(?:-?\s?10)?(?:-cm)?|编码)\W{0,3}([A-Z][0-9]{2})(?![0-9])")


def named_category(text: str) -> str | None:
    """The first category of the list that a text names by word or by code; None for most.

    Width, case, invisible characters, broken lines and blanks between Chinese characters are
    looked through, and so are points in an abbreviation (``H.I.V.``).
    """
    folded = text
    if not text.isascii():
        folded = unicodedata.normalize("NFKC", text)
        for unseen in [c for c in set(folded) if unicodedata.category(c) == "Cf"]:
            folded = folded.replace(unseen, "")
    lower = joined = " ".join(folded.split()).lower()
    if "-" in folded:
        joined = " ".join(_BROKEN_LINE.sub("", folded).split()).lower()
    found = _by_words(lower) or (_by_words(joined) if joined != lower else None)
    if not found and _CJK.search(joined):
        found = _by_words(_BETWEEN.sub("", lower))
    return found or _by_whole(lower) or _by_code(folded, lower)


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
    spelt = "|".join(
        f"{word[0]}(?<![a-z0-9]{word[0]})[. -]{'[. -]'.join(word[1:])}"
        for word in words
        if word.isalpha()
    )
    return re.compile(rf"(?:{spelt})(?![a-z0-9])")


def _by_code(folded: str, lower: str) -> str | None:
    codes = _CODE.findall(folded)
    if "cd" in lower or "编码" in lower:
        codes += [code.upper() for code in _NAMED_CODE.findall(folded)]
    return next(filter(None, map(special_category, codes)), None)


@cache
def _automaton() -> ahocorasick.Automaton:
    automaton = ahocorasick.Automaton()
    for disease in special_diseases():
        for word in disease.words:
            automaton.add_word(word, disease.name)
    automaton.make_automaton()
    return automaton
