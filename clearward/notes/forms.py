"""One form in which a note may write an identifier. Which forms there are belongs to `names`,
`addresses` and `identifiers`."""

from __future__ import annotations

from typing import NamedTuple


class Part(NamedTuple):
    """What a word of a name is, so that a surrogate can stand for it everywhere.

    Attributes:
        role: given, family, or for Chinese surname, given, whole.
        of: the part in its own script: 建国 for the pinyin word jianguo.
        sex: ``f``, ``m`` or empty.
        syllable: which syllable of a pinyin word, or -1 for all of it.
        name: given name, surname and sex of the whole name it belongs to.
    """

    role: str
    of: str
    sex: str = ""
    syllable: int = -1
    name: tuple[str, str, str] = ("", "", "")


class Identifier(NamedTuple):
    """A form of an identifier, squeezed.

    Attributes:
        kind: name, phone, id, address, organisation, other.
        text: squeezed form to look for.
        keep: characters at its end that stay (a title after a surname).
        lead: characters at its beginning that stay (小 before a surname).
        cased: every word of it must open with a capital where it stands in the text.
        audited: long enough that finding it in any scrubbed note is a leak.
        lone: also a word: a name only where its context says so.
        slips: matched with one wrong character as well.
        parts: squeezed words of the name and what they are.
    """

    kind: str
    text: str
    keep: int = 0
    cased: bool = False
    audited: bool = False
    lone: bool = False
    slips: bool = False
    lead: int = 0
    parts: tuple[tuple[str, Part], ...] = ()
