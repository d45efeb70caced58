"""What a Parquet file says of itself in its footer: columns, rows, least and greatest values. The
protocol's words for it belong to `schema` and `messages`.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from threading import Lock
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from clearward.errors import ReleaseError
from clearward.releases.manifest import FileEntry
from clearward.storage import Storage

_TAIL = 1 << 16
_MOST_KEPT = 1000
_LONGEST = 64  # characters; a longer text is no bound worth sending


@dataclass(frozen=True)
class Footer:
    """One file.

    Attributes:
        columns: in the file's own order.
        least, greatest: column -> bound as a JSON value; only where the file knows it.
        empty: column -> number of nulls.
    """

    rows: int
    columns: tuple[str, ...]
    least: Mapping[str, Any]
    greatest: Mapping[str, Any]
    empty: Mapping[str, int]


class Footers:
    """Reads footers, each once: a file is known by its SHA-256 and never changes."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Footer] = OrderedDict()
        self._lock = Lock()

    def read(self, storage: Storage, key: str, entry: FileEntry) -> Footer:
        """The footer; ReleaseError when the file is no Parquet."""
        with self._lock:
            found = self._kept.get(entry.sha256)
        if found is None:
            found = _read(storage, key, entry)
            with self._lock:
                self._kept[entry.sha256] = found
                while len(self._kept) > _MOST_KEPT:
                    self._kept.popitem(last=False)
        return found


def _read(storage: Storage, key: str, entry: FileEntry) -> Footer:
    try:
        tail = _tail(storage, key, entry.bytes, min(_TAIL, entry.bytes))
        needed = int.from_bytes(tail[-8:-4], "little") + 8
        if len(tail) < needed <= entry.bytes:
            tail = _tail(storage, key, entry.bytes, needed)
        return _footer(pq.read_metadata(pa.BufferReader(tail[-needed:])))
    except (pa.ArrowInvalid, OSError) as error:
        raise ReleaseError(
            f"{entry.path} cannot be shared.", seen=type(error).__name__, do="verify the release"
        ) from None


def _tail(storage: Storage, key: str, size: int, length: int) -> bytes:
    with storage.open_range(key, size - length, length=length) as stream:
        return stream.read()


def _footer(metadata: pq.FileMetaData) -> Footer:
    least: dict[str, Any] = {}
    greatest: dict[str, Any] = {}
    empty: dict[str, int] = {}
    for index in range(metadata.num_columns):
        name = metadata.schema.column(index).path
        chunks = [
            metadata.row_group(group).column(index).statistics
            for group in range(metadata.num_row_groups)
        ]
        if "." in name or any(chunk is None for chunk in chunks):
            continue
        if all(chunk.has_null_count for chunk in chunks):
            empty[name] = sum(chunk.null_count for chunk in chunks)
        bounded = [chunk for chunk in chunks if chunk.num_values]
        if bounded and all(chunk.has_min_max for chunk in bounded):
            low = _bound(min(chunk.min for chunk in bounded))
            high = _bound(max(chunk.max for chunk in bounded))
            if low is not None and high is not None:
                least[name], greatest[name] = low, high
    columns = tuple(metadata.schema.to_arrow_schema().names)
    return Footer(metadata.num_rows, columns, least, greatest, empty)


def _bound(value: Any) -> int | float | str | None:
    """A bound as JSON has it; None for one that would bound nothing or could mislead."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return value if len(value) <= _LONGEST else None
    return value if isinstance(value, int) else None
