"""Bytes of one note or dialogue to text, where nobody says in which encoding they are: UTF-8,
UTF-16 or GB18030, with a byte order mark or without. Files of a source system, whose encoding its
spec states, are read by `sources.text`, which guesses nothing.
"""

from __future__ import annotations

import codecs
import re

from clearward.errors import DeidentifyError

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"),
          (codecs.BOM_UTF16_BE, "utf-16-be"), (b"\x84\x31\x95\x33", "gb18030"))  # fmt: skip
_CHINESE = re.compile(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uff5e]")
_LOST = "\ufffd"


def decode_text(data: bytes) -> str:
    """The text of a note, line breaks as ``\\n``.

    A byte order mark decides. Without one: UTF-16 where every other byte of the ASCII in it is
    zero; else UTF-8 if the bytes are strictly that; else GB18030; else UTF-16 if that is Chinese.

    Raises:
        DeidentifyError: none of them fits, or characters were lost before.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _whole(_strict(data[len(mark) :], encoding))
    for encoding in (_utf16_by_zeros(data), "utf-8", "gb18030"):
        text = _strict(data, encoding) if encoding else None
        if text is not None and "\0" not in text:
            return _whole(text)
    return _whole(_chinese_utf16(data))


def _utf16_by_zeros(data: bytes) -> str:
    """UTF-16 shows by its zero bytes: text in ASCII, or the spaces and line breaks of Chinese."""
    if len(data) % 2 or b"\0" not in data:
        return ""
    low, high = data[1::2].count(0), data[::2].count(0)
    return "utf-16-le" if low > high else "utf-16-be"


def _chinese_utf16(data: bytes) -> str | None:
    """Chinese in UTF-16 without a mark, a space or a line break: the order that gives Chinese."""
    for encoding in ("utf-16-le", "utf-16-be"):
        text = _strict(data, encoding)
        if text and len(_CHINESE.findall(text)) > 0.9 * len(text):
            return text
    return None


def _strict(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None  # the codec's error holds the bytes; it must not travel on


def _whole(text: str | None) -> str:
    if text is None or _LOST in text or "\0" in text:
        raise DeidentifyError(
            "A note is in no encoding that can be read.",
            seen="bytes that are not whole text",
            expected="UTF-8, UTF-16 or GB18030",
            do="export it again in UTF-8",
        )
    return text.replace("\r\n", "\n").replace("\r", "\n")
