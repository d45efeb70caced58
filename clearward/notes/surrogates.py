"""What stands where an identifier stood. A name becomes another name of the same script, sex and
shape, the same one wherever the patient is named: in full, by initials, in pinyin, in every note.
Other kinds belong to `stand_ins`.

Drawn by keyed BLAKE2b (RFC 7693) under HMAC-SHA256(key, patient): without the key nothing leads
back, another key gives other names, and two patients of one name get different ones. Reasons:
docs/decisions/0021.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from clearward.notes.document import fold
from clearward.notes.forms import Part
from clearward.notes.name_roles import roles_of, words_of
from clearward.notes.names import plain_pinyin, readings, split_chinese
from clearward.notes.squeeze import squeeze_value
from clearward.notes.stand_ins import stand_in, widened

TRIES = 64
NO_PARTS: Mapping[str, Part] = {}
_Name = tuple[str, str, str]
_CJK = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]")


@cache
def _lists() -> Mapping[str, Any]:
    path = Path(__file__).with_name("surrogates.toml")
    lists: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    latin = lists["latin"]
    for role in ("female", "male", "last"):
        names = latin[role].split()
        latin[role] = {c: [n for n in names if n[0] == c] for c in latin["initials"]}
    latin["either"] = {c: latin["female"][c] + latin["male"][c] for c in latin["initials"]}
    chinese = lists["chinese"]
    chinese["either"] = chinese["female"] + chinese["male"]
    return lists


def _another(pool: Sequence[str], draw: bytes, *not_this: str) -> str:
    """One of a list by drawn bytes, the next one where it is what must not come."""
    number = int.from_bytes(draw, "big")
    return next(
        (
            pool[(number + n) % len(pool)]
            for n in range(len(pool))
            if pool[(number + n) % len(pool)] not in not_this
        ),
        pool[0],
    )


def _nobody(_text: str) -> bool:
    return False


class Surrogates:
    """Draws the surrogates of one patient: same key and patient, same names."""

    def __init__(self, key: bytes, patient_key: str, *, is_known: Callable[[str], bool]) -> None:
        self._seed = hmac.new(key, patient_key.encode(), hashlib.sha256).digest()
        self._is_known = is_known
        self._attempts: dict[_Name, int] = {}
        self._made: dict[tuple[str, str], str] = {}

    def replace(
        self,
        kind: str,
        text: str,
        place: int,
        *,
        parts: Mapping[str, Part] = NO_PARTS,
        is_own: Callable[[str], bool] = _nobody,
    ) -> str:
        """The replacement of an identifier.

        Args:
            kind: of the span.
            text: what stood there.
            place: where, in the original text; the same identifier gives the same anywhere.
            parts: words of the known names and what they are.
            is_own: whether a text holds an identifier of the patient or of staff.
        """
        if (kind, text) not in self._made:
            self._made[kind, text] = self._make(kind, text, parts, is_own=is_own)
        return self._made[kind, text]

    def _make(
        self, kind: str, text: str, parts: Mapping[str, Part], *, is_own: Callable[[str], bool]
    ) -> str:
        if kind != "name":
            return stand_in(kind, text, draw=self._draw, is_taken=self._taken(is_own))
        tokens = words_of(text, parts)
        roles = roles_of(text, tokens, parts)
        pieces: list[str] = []
        position = 0
        for (start, end, token), part in zip(tokens, roles, strict=True):
            old = new = text[start:end]
            if part is not None:
                attempt = self._attempt(part.name, parts, is_own=is_own)
                new = _shaped(self._part(part, token, attempt, old), old)
            pieces += (text[position:start], new)
            position = end
        return "".join([*pieces, text[position:]])

    def _taken(self, is_own: Callable[[str], bool]) -> Callable[[str], bool]:
        return lambda text: self._is_known(squeeze_value(text)) or is_own(text)

    def _attempt(
        self, name: _Name, parts: Mapping[str, Part], *, is_own: Callable[[str], bool]
    ) -> int:
        """The first draw that makes nobody's name, the same for every form of one name."""
        if name not in self._attempts:
            tries = (n for n in range(TRIES) if not self._is_somebody(name, n, parts, is_own))
            self._attempts[name] = next(tries, TRIES)
        return self._attempts[name]

    def _is_somebody(
        self,
        name: _Name,
        attempt: int,
        parts: Mapping[str, Part],
        is_own: Callable[[str], bool],
    ) -> bool:
        given, family, sex = name
        if _CJK.search(family + given):
            new = self._chinese(family, given, sex, attempt)
            alone = new[len(new) - len(given) :]
            surname = new.removesuffix(alone)
            words = {new, alone, surname, *map(plain_pinyin, alone), *readings(surname or "一")}
            if words & parts.keys():
                return True
            spelled = [new, plain_pinyin(new)] if family and given else []
        else:
            made = [
                self._latin(Part(role, old, sex if role == "given" else ""), attempt)
                for role, old in (("given", given), ("family", family))
                if old
            ]
            if any(word.lower() in parts for word in made):
                return True
            spelled = [" ".join(made), " ".join(reversed(made))] if len(made) > 1 else []
        plain = [squeeze_value(text) for text in spelled]
        return any(map(self._is_known, plain)) or is_own(". ".join(spelled))

    def _part(self, part: Part, token: str, attempt: int, old: str) -> str:
        if part.role == "doubled":
            return 2 * self._chinese("", part.of, part.sex, attempt)
        if part.role in {"surname", "given-zh", "whole", "reversed"}:
            spelled = self._of_chinese(part, attempt, pinyin=not _CJK.search(old))
            return spelled[0] if len(token) == 1 and token.isascii() else spelled
        if len(token) == 1:
            return self._initial(part.role, token)
        return self._latin(part, attempt)

    def _latin(self, part: Part, attempt: int) -> str:
        lists = _lists()["latin"]
        group = (
            "last"
            if part.role == "family"
            else {"f": "female", "m": "male"}.get(part.sex, "either")
        )
        names = lists[group][self._initial(part.role, part.of[:1])]
        draw = self._draw(part.role, part.of, str(attempt))
        return _another(names, draw[:4], part.of.title())

    def _initial(self, role: str, letter: str) -> str:
        """Another letter for an initial, the same for the name that opens with it."""
        letters = _lists()["latin"]["initials"]
        return _another(letters, self._draw("initial", role, letter.lower())[:1], letter.upper())

    def _of_chinese(self, part: Part, attempt: int, *, pinyin: bool) -> str:
        surname, given = {"surname": (part.of, ""), "given-zh": ("", part.of)}.get(
            part.role, split_chinese(part.of)
        )
        if not pinyin:
            return self._chinese(surname, given, part.sex, attempt)
        new_surname = readings(self._chinese(surname, "", "", attempt))[0] if surname else ""
        new_given = self._chinese("", given, part.sex, attempt)
        if part.syllable >= 0:
            new_given = new_given[part.syllable % len(new_given)]
        spelled = [new_surname, plain_pinyin(new_given).replace("ü", "u")]
        return "".join(reversed(spelled) if part.role == "reversed" else spelled)

    def _chinese(self, surname: str, given: str, sex: str, attempt: int) -> str:
        lists = _lists()["chinese"]
        new = ""
        if surname:
            pool = lists["surname"] if len(surname) == 1 else lists["compound"]
            new = _another(pool, self._draw("surname", surname, str(attempt))[:1], surname)
        group = {"f": lists["female"], "m": lists["male"]}.get(sex, lists["either"])
        draw = self._draw("given", given, str(attempt))
        for place, old in enumerate(given[:8]):
            new += _another(group, draw[2 * place : 2 * place + 2], old, new[-1:])
        return new

    def _draw(self, *what: str) -> bytes:
        return hashlib.blake2b("|".join(what).encode(), key=self._seed, digest_size=32).digest()


def _shaped(new: str, old: str) -> str:
    """In the case of the word it replaces; tone marks and digits are not made up."""
    if _CJK.search(new):
        return new
    letters = fold(old)
    gaps = re.findall(r"[^\W_]([\W_]+)", old)
    if len(gaps) >= 3 and len(gaps) >= sum(map(str.isalpha, old)) - 1:  # spelled letter by letter
        new = gaps[0].join(new)
    if letters.isupper() and len(letters) > 1:
        new = new.upper()
    elif letters[:1].isupper():
        new = new[:1].upper() + new[1:]
    else:
        new = new.lower()
    if all("\uff01" <= c <= "\uff5e" for c in old):
        return widened(new, "\uff21" * len(new))
    return new
