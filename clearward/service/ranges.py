"""HTTP byte ranges (RFC 9110 §14): reading the header. Serving the bytes belongs to `service`."""

from __future__ import annotations

import re
from dataclasses import dataclass

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


@dataclass(frozen=True)
class ByteRange:
    """First byte and number of bytes, both inside the file."""

    start: int
    length: int


class UnsatisfiableError(ValueError):
    """The range lies outside the file: answer 416."""


def parse_range(header: str | None, size: int) -> ByteRange | None:
    """The single range asked for; None for a whole file.

    A header of another unit, of several ranges, or malformed is ignored, as RFC 9110 allows.
    UnsatisfiableError when no byte of the range exists.
    """
    found = _RANGE.fullmatch((header or "").replace(" ", ""))
    if not found or not any(found.groups()):
        return None
    first, last = found.groups()
    if not first:
        return _suffix(int(last), size)
    start = int(first)
    end = min(int(last), size - 1) if last else size - 1
    if last and int(last) < start:
        return None
    if start >= size:
        raise UnsatisfiableError
    return ByteRange(start, end - start + 1)


def _suffix(length: int, size: int) -> ByteRange:
    if length == 0 or size == 0:
        raise UnsatisfiableError
    length = min(length, size)
    return ByteRange(size - length, length)
