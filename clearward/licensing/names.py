"""Names and words that people outside type: what is taken, in which form. Names are compared in
one form; letters that look like others, or that nobody sees, never make a second organisation.
"""

from __future__ import annotations

import re
import unicodedata

from clearward.errors import LicenceError

NAME_LENGTH = 128
EMAIL_LENGTH = 254  # RFC 5321 §4.5.3.1.3, without the angle brackets
_EMAIL = re.compile(r"[^\s@<>\"(),:;\\]+@[^\s@<>\"(),:;\\]+\.[^\s@<>\"(),:;\\]+")
# Latin letters have twins in these; no name has both in one word (Unicode TR 39 §5.1)
_TWINS = {"LATIN", "CYRILLIC", "GREEK", "CHEROKEE", "COPTIC"}


def licensee_name(buyer: str) -> str:
    """A buyer's name in one form (NFKC, case folded, single spaces)."""
    return " ".join(unicodedata.normalize("NFKC", buyer).casefold().split())


def check_name(text: str, what: str) -> str:
    """A name as it is kept (NFC, single spaces); LicenceError for what could deceive a reader.

    Refused are empty and long names, unseen and directional characters, and words that mix
    alphabets whose letters look alike.
    """
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not name or len(name) > NAME_LENGTH or len(licensee_name(name)) > NAME_LENGTH:
        raise LicenceError(
            f"{what} is empty or too long.",
            seen=f"{len(name)} characters",
            expected=f"1 to {NAME_LENGTH}",
        )
    unseen = sorted({f"U+{ord(c):04X}" for c in name if not _is_seen(c)})
    if unseen or not any(c.isalnum() for c in name):
        raise LicenceError(
            f"{what} holds characters that nobody sees, or no letter.",
            seen=", ".join(unseen) or "signs only",
            do="type the name again, without copying it",
        )
    for word in re.findall(r"\w+", name):
        if len(_alphabets(word) & _TWINS) > 1:
            raise LicenceError(
                f"{what} mixes alphabets whose letters look alike in one word.",
                seen=", ".join(sorted(_alphabets(word))),
                do="type the name again, without copying it",
            )
    return name


def check_email(text: str) -> str:
    """An address in one form, lower case; LicenceError where mail could not reach it."""
    address = unicodedata.normalize("NFC", text.strip()).lower()
    if len(address) > EMAIL_LENGTH or not _EMAIL.fullmatch(address) or not _all_seen(address):
        raise LicenceError("Not an e-mail address.", expected="name@organisation.example")
    return address


def check_words(text: str, what: str, *, most: int) -> str:
    """Free text of a bounded length; line breaks stay, other unseen characters are refused."""
    words = unicodedata.normalize("NFC", text.replace("\r\n", "\n")).strip()
    if not words or len(words) > most:
        raise LicenceError(
            f"{what} is empty or too long.",
            seen=f"{len(words)} characters",
            expected=f"1 to {most}",
        )
    if not _all_seen(words.replace("\n", " ").replace("\t", " ")):
        raise LicenceError(f"{what} holds characters that nobody sees.", do="type it again")
    return words


def check_country(text: str) -> str:
    """An ISO 3166-1 alpha-2 code in capitals; LicenceError for anything else. The list of assigned
    codes changes, so a code that means nothing is taken, and permits nothing.
    """
    code = text.strip().upper()
    if not re.fullmatch(r"[A-Z]{2}", code):
        raise LicenceError("Not a country.", seen=code[:8], expected="two letters, as DE")
    return code


def _all_seen(text: str) -> bool:
    return all(map(_is_seen, text))


def _is_seen(character: str) -> bool:
    kind = unicodedata.category(character)
    return (kind[0] != "C" and kind not in {"Zl", "Zp"}) and not _is_filler(character)


def _is_filler(character: str) -> bool:
    """Letters and marks that show nothing: Hangul fillers, variation selectors, Braille blank."""
    return character in "\u115f\u1160\u3164\uffa0\u2800\u034f" or "VARIATION SELECTOR" in (
        unicodedata.name(character, "")
    )


def _alphabets(word: str) -> set[str]:
    return {unicodedata.name(c, "?").split(" ")[0] for c in word if c.isalpha()}
