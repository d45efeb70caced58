"""Bytes to text, strictly. Everything about encodings, compression and broken characters belongs
here; records, columns and types do not.
"""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from clearward.errors import ExtractError

BLOCK = 1 << 20
# What U+FFFD in UTF-8 becomes when it is read as GBK: the sign of text decoded wrongly twice.
_TWICE_BROKEN = "锟斤拷"


def open_bytes(path: Path) -> IO[bytes] | gzip.GzipFile:
    """A file, unpacked while it is read when its name ends in ``.gz``."""
    return gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb")


def blocks(path: Path, shown: str) -> Iterator[bytes]:
    """The unpacked content in blocks of 1 MB; a damaged ``.gz`` raises ExtractError."""
    try:
        with open_bytes(path) as file:
            while block := file.read(BLOCK):
                yield block
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ExtractError(
            f"{shown} is not a whole gzip file.", do="send the file again"
        ) from error


def decoded(path: Path, *, encoding: str, shown: str) -> Iterator[str]:
    """The content as text, without a byte order mark; anything not strictly in ``encoding``,
    NUL, or a character that says text was already lost raises ExtractError."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    first, number, tail = True, 0, ""
    for block in blocks(path, shown):
        number += 1
        text = _decode(decoder, block, final=False, number=number, encoding=encoding, shown=shown)
        if first and text:
            text, first = text.removeprefix("\ufeff"), False
        _check_characters(tail + text, shown)
        tail = text[-2:]
        yield text
    _decode(decoder, b"", final=True, number=number, encoding=encoding, shown=shown)


def _decode(
    decoder: codecs.IncrementalDecoder,
    block: bytes,
    *,
    final: bool,
    number: int,
    encoding: str,
    shown: str,
) -> str:
    try:
        return decoder.decode(block, final)
    except UnicodeDecodeError:
        # The error of the codec holds the bytes; it must not travel on.
        raise ExtractError(
            f"{shown} is not in its system's encoding.",
            seen=f"bytes that are not {encoding} in megabyte {number}{_likely(encoding, block)}",
            expected=f"strict {encoding} from the first byte to the last",
            do="export the file again in that encoding",
        ) from None


def _likely(encoding: str, block: bytes) -> str:
    """What such a file most often is; a hint, no finding."""
    if block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "; it opens with the byte order mark of UTF-16 ('Unicode' to a spreadsheet)"
    if block.startswith(b"\x1f\x8b"):
        return "; it is gzip, so its name must end in .gz"
    if encoding == "utf-8":
        return ", often GBK or Latin-1 saved by a spreadsheet"
    try:
        codecs.getincrementaldecoder("utf-8")("strict").decode(block)
    except UnicodeDecodeError:
        return ""
    return "; they are UTF-8"


def _check_characters(text: str, shown: str) -> None:
    found = {"NUL, as in UTF-16": "\0", "U+FFFD": "\ufffd", "text broken twice": _TWICE_BROKEN}
    for name, sign in found.items():
        if sign in text:
            raise ExtractError(
                f"{shown} holds characters that were lost before it was sent.",
                seen=name,
                expected="text without NUL or replacement characters",
                do="export the file again from the source system",
            )


def check_text(path: Path, *, encoding: str, shown: str, line_break: bool = False) -> None:
    """Decode the whole file strictly.

    Args:
        path: the file, ``.gz`` or plain.
        encoding: the one it must be in.
        shown: how messages may call it.
        line_break: refuse a last line without a line break: it may have been cut.
    """
    last, ascii_only = "", True
    for text in decoded(path, encoding=encoding, shown=shown):
        last, ascii_only = text[-1:] or last, ascii_only and text.isascii()
    if line_break and last not in ("", "\n", "\r"):
        raise ExtractError(
            f"The last line of {shown} has no line break, so it may have been cut.",
            do="send the whole file again, its last line ended by a line break",
        )
    if encoding != "utf-8" and not ascii_only:
        _refuse_utf8(path, encoding=encoding, shown=shown)


def ends_open(path: Path, shown: str) -> bool:
    """True when the last line has no line break; an empty file has no line."""
    last = b"\n"
    for block in blocks(path, shown):
        last = block[-1:]
    return last not in (b"\n", b"\r")


def has_bom(path: Path) -> bool:
    """True when the file opens with the byte order mark of UTF-8."""
    with open_bytes(path) as file:
        return file.read(3) == codecs.BOM_UTF8


def _refuse_utf8(path: Path, *, encoding: str, shown: str) -> None:
    """Text that is valid UTF-8 beyond ASCII was not written in a Chinese double-byte encoding:
    real GB18030 text does not survive a strict UTF-8 decoder for more than a few characters."""
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    try:
        for block in blocks(path, shown):
            decoder.decode(block)
        decoder.decode(b"", True)
    except UnicodeDecodeError:
        return
    raise ExtractError(
        f"{shown} is in UTF-8.",
        expected=f"{encoding}, as its source system says",
        do=f"export the file in {encoding}",
    )


def transcode(path: Path, target: Path, *, encoding: str, shown: str) -> Path:
    """Write the text as plain UTF-8 without a byte order mark; DuckDB reads nothing else."""
    with target.open("w", encoding="utf-8", newline="") as file:
        for text in decoded(path, encoding=encoding, shown=shown):
            file.write(text)
    return target
