"""The words of a name in a text, and what each is: known, nearly known, or told by where it stands.
What stands for them belongs to `surrogates`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from rapidfuzz import process
from rapidfuzz.distance import OSA

from clearward.notes.forms import Part
from clearward.notes.names import BEFORE, split_chinese
from clearward.notes.squeeze import squeeze_value

# start, end and squeezed text of a word
Word = tuple[int, int, str]
_CJK = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]")
_TOKEN = re.compile(r"[^\W\d_\u3400-\u9fff]+\d*|[\u3400-\u9fff\U00020000-\U0003ffff·]+")
# Words of a name that stay: titles, and what noble and Dutch names are joined with
_STAY = (
    "dr mr mrs ms miss mx prof md phd rn np jr sr ii iii",
    "van von de la del der",
)
_TITLES = frozenset(word for line in _STAY for word in line.split())
_NO_NAME = ("", "", "")
# a word spelt letter by letter has no more
_MOST_PIECES = 24


def words_of(text: str, parts: Mapping[str, Part]) -> list[Word]:
    """Words of a name; a known one that a hyphen, a line or blanks break is one word."""
    tokens = [(m.start(), m.end(), squeeze_value(m[0])) for m in _TOKEN.finditer(text)]
    found: list[Word] = []
    first = 0
    while first < len(tokens):
        sizes = range(min(len(tokens) - first, _MOST_PIECES), 1, -1)
        size = next((n for n in sizes if _is_broken(tokens[first : first + n], parts)), 1)
        pieces = tokens[first : first + size]
        start, end, word = pieces[0][0], pieces[-1][1], _joined(pieces)
        # 小李: what is called so stays
        called = len(word) > 1 and word[0] in BEFORE and word not in parts and word[1:] in parts
        found.append((start + called, end, word[called:]))
        first += size
    return found


def _is_broken(tokens: Sequence[Word], parts: Mapping[str, Part]) -> bool:
    return _joined(tokens) in parts and any(token not in parts for _, _, token in tokens)


def _joined(tokens: Sequence[Word]) -> str:
    return "".join(token for _, _, token in tokens)


def roles_of(text: str, tokens: Sequence[Word], parts: Mapping[str, Part]) -> list[Part | None]:
    """What each word of a name is: known, nearly known, or told by where it stands."""
    names = [n for n, (_, _, token) in enumerate(tokens) if token not in _TITLES]
    comma = bool(re.match(r"\W*[^\W\d_]+(?:[ '-][^\W\d_]+)?\s*,", text))
    family = names[:1] if comma else names[-1:]
    found: list[Part | None] = []
    for n, (_, _, token) in enumerate(tokens):
        if n not in names:
            found.append(None)
            continue
        part = parts.get(token) or _doubled(token, parts) or _nearest(token, parts)
        if part is None:
            part = _guessed(token, is_family=n in family, parts=parts)
        found.append(part)
    return _named(found)


def _named(roles: list[Part | None]) -> list[Part | None]:
    """Words that no list knows belong to the name they stand in."""
    given = "".join(p.of for p in roles if p and p.role == "given" and len(p.of) > 1)
    family = "".join(p.of for p in roles if p and p.role == "family")
    return [
        part._replace(name=(given, family, "")) if part and part.name == _NO_NAME else part
        for part in roles
    ]


def _doubled(token: str, parts: Mapping[str, Part]) -> Part | None:
    """丽丽 for 丽."""
    if len(token) == 2 and token[0] == token[1] and token[0] in parts:
        return parts[token[0]]._replace(role="doubled")
    return None


def _nearest(token: str, parts: Mapping[str, Part]) -> Part | None:
    """The known word that this one is with a slip."""
    if len(token) < 4 and not (len(token) > 2 and _CJK.search(token)):
        return None
    best = process.extractOne(token, parts.keys(), scorer=OSA.distance, score_cutoff=1)
    return parts[best[0]] if best else None


def _guessed(token: str, *, is_family: bool, parts: Mapping[str, Part]) -> Part:
    if _CJK.search(token):
        surname, given = (token, "") if len(token) == 1 else split_chinese(token)
        role = "surname" if len(token) == 1 else "whole"
        return Part(role, token, name=(given, surname, ""))
    if len(token) == 1:
        # an initial of a known name stands for the same word
        known = next((p for w, p in parts.items() if w[:1] == token and w.isascii()), None)
        if known is not None and known.role not in {"given", "family"}:
            return known  # of a Chinese name in pinyin
        return Part(known.role if known else "given", token)
    return Part("family" if is_family else "given", token)
