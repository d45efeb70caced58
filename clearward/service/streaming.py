"""Serving bytes over HTTP: ranges, entity tags, conditions, streams. Whether they may be served
belongs to `files` and `releases`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import quote as quoted_string
from io import BytesIO
from time import monotonic
from typing import BinaryIO
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from clearward.releases.manifest import FileEntry
from clearward.service.problems import PRECONDITION, RefusedError
from clearward.service.ranges import ByteRange, UnsatisfiableError, parse_range
from clearward.storage.port import CHUNK

BINARY = "application/octet-stream"
ASK_EVERY = 2.0  # seconds between two questions whether a running download may go on


class CutError(Exception):
    """A running download may not go on: the connection is closed before the file's end."""


@dataclass(frozen=True)
class Content:
    """Bytes to serve: their name, size and SHA-256, and how to open a part of them."""

    name: str
    size: int
    sha256: str
    open: Callable[[int, int], BinaryIO]
    media_type: str = BINARY


def content_of(entry: FileEntry, opening: Callable[[int, int], BinaryIO]) -> Content:
    """A file of a release; ``opening(start, length)`` gives its bytes."""
    return Content(entry.path.rsplit("/", 1)[-1], entry.bytes, entry.sha256, opening)


def text_content(name: str, text: str, media_type: str = "text/plain; charset=utf-8") -> Content:
    """A document made for this request."""
    data = text.encode()
    digest = hashlib.sha256(data).hexdigest()
    return Content(
        name,
        len(data),
        digest,
        lambda start, length: BytesIO(data[start : start + length]),
        media_type,
    )


def is_known(request: Request, content: Content) -> bool:
    """True where If-None-Match names these bytes: the buyer has them. RefusedError (412) where
    If-Match names others.
    """
    wanted = request.headers.get("if-match")
    if wanted is not None and not _names(wanted, content):
        raise RefusedError(PRECONDITION)
    known = request.headers.get("if-none-match")
    return known is not None and _names(known, content)


def serve(
    request: Request, content: Content, *, may_go_on: Callable[[], bool] = lambda: True
) -> Response:
    """200, 206, 304 or 416, streamed; nothing is read ahead.

    ``may_go_on`` is asked every two seconds of a running download; where it says no, the
    connection is cut (CutError).
    """
    etag = f'"{content.sha256}"'
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": etag,
        "Content-Disposition": _disposition(content.name),
    }
    if is_known(request, content):
        return Response(None, 304, headers)
    wanted = request.headers.get("range")
    if request.headers.get("if-range", etag) != etag:
        wanted = None  # the buyer holds a part of another file
    try:
        part = parse_range(wanted, content.size)
    except UnsatisfiableError:
        return Response(None, 416, {**headers, "Content-Range": f"bytes */{content.size}"})
    status, part = (206, part) if part else (200, ByteRange(0, content.size))
    headers["Content-Length"] = str(part.length)
    if status == 206:
        last = part.start + part.length - 1
        headers["Content-Range"] = f"bytes {part.start}-{last}/{content.size}"
    if request.method == "HEAD" or part.length == 0:
        return Response(None, status, headers, content.media_type)
    stream = content.open(part.start, part.length)
    chunks = _chunks(stream, part.length, may_go_on)
    return StreamingResponse(chunks, status, headers, content.media_type)


def _disposition(name: str) -> str:
    """RFC 6266: the plain form too, which wget and older readers want."""
    plain = quoted_string(name.encode("ascii", "replace").decode())
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}"


def _names(header: str, content: Content) -> bool:
    tags = [tag.strip().removeprefix("W/") for tag in header.split(",")]
    return "*" in tags or f'"{content.sha256}"' in tags


def _chunks(stream: BinaryIO, left: int, may_go_on: Callable[[], bool]) -> Iterator[bytes]:
    asked = monotonic()
    try:
        while left and (chunk := stream.read(min(CHUNK, left))):
            if monotonic() - asked >= ASK_EVERY:
                if not may_go_on():
                    raise CutError
                asked = monotonic()
            left -= len(chunk)
            yield chunk
    finally:
        stream.close()
