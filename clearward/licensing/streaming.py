"""Serving the bytes of one file over HTTP: ranges, entity tags, streams. Whether they may be served
belongs to `service`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import BinaryIO
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from clearward.licensing.ranges import ByteRange, UnsatisfiableError, parse_range
from clearward.releases.manifest import FileEntry
from clearward.storage import Storage
from clearward.storage.port import CHUNK

PRIVATE = {
    "Cache-Control": "private, no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def serve_file(
    request: Request, storage: Storage, key: str, *, entry: FileEntry, request_id: str = ""
) -> Response:
    """200, 206 or 416 with the file's bytes, streamed; nothing is read ahead."""
    etag = f'"{entry.sha256}"'
    headers = {
        **PRIVATE,
        **({"X-Request-Id": request_id} if request_id else {}),
        "Accept-Ranges": "bytes",
        "ETag": etag,
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(_last(entry.path))}",
    }
    wanted = request.headers.get("range")
    if request.headers.get("if-range", etag) != etag:
        wanted = None  # the buyer holds a part of another file
    try:
        part = parse_range(wanted, entry.bytes)
    except UnsatisfiableError:
        return Response(None, 416, {**headers, "Content-Range": f"bytes */{entry.bytes}"})
    status, length = (206, part.length) if part else (200, entry.bytes)
    headers["Content-Length"] = str(length)
    if part:
        last = part.start + part.length - 1
        headers["Content-Range"] = f"bytes {part.start}-{last}/{entry.bytes}"
    kind = "application/octet-stream"
    if request.method == "HEAD" or entry.bytes == 0:
        return Response(None, status, headers, kind)
    return StreamingResponse(_chunks(_open(storage, key, part), length), status, headers, kind)


def refuse(status: int, words: str, headers: Mapping[str, str] | None = None) -> Response:
    """A refusal that says no more than it must."""
    return JSONResponse({"error": words}, status, {**PRIVATE, **(headers or {})})


def _last(path: str) -> str:
    return path.rsplit("/", 1)[-1]


def _open(storage: Storage, key: str, part: ByteRange | None) -> BinaryIO:
    return (
        storage.open_range(key, part.start, length=part.length) if part else storage.open_range(key)
    )


def _chunks(stream: BinaryIO, left: int) -> Iterator[bytes]:
    try:
        while left and (chunk := stream.read(min(CHUNK, left))):
            left -= len(chunk)
            yield chunk
    finally:
        stream.close()
