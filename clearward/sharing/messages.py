"""The protocol's lines (Delta Sharing protocol, "API Response Format"), in its two response
formats. What a table holds belongs to `tables`; who may have it to `licensing`.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from clearward.sharing.footers import Footer
from clearward.sharing.schema import reader_features, schema_string
from clearward.sharing.versions import Numbered

CAPABILITIES = "delta-sharing-capabilities"
TABLE_VERSION = "Delta-Table-Version"
MEDIA_TYPE = "application/x-ndjson; charset=utf-8"
_PLAIN_PROTOCOL = {"minReaderVersion": 1}
_IDS = uuid.UUID("5b0a2c1e-7f7d-5b63-9d0e-4d1f6c0c7a11")


class Format(StrEnum):
    """How the lines are written."""

    PARQUET = "parquet"
    DELTA = "delta"


@dataclass(frozen=True)
class Capabilities:
    """What a client can read, from its header ``delta-sharing-capabilities``."""

    formats: tuple[str, ...]
    reader_features: frozenset[str]


@dataclass(frozen=True)
class SharedFile:
    """A file of a table at a version, and a link to it.

    Attributes:
        sha256: of its bytes; also its ``id``, so that whoever fetched it can check it.
        expires: Unix milliseconds at which the link ends.
    """

    url: str
    sha256: str
    bytes: int
    version: Numbered
    expires: int
    footer: Footer | None = None


@dataclass(frozen=True)
class TableHead:
    """What a table is at a version: its columns, in order, and how much of it there is."""

    product: str
    table: str
    version: Numbered
    columns: Mapping[str, str]
    order: Sequence[str]
    bytes: int
    files: int


def parse_capabilities(header: str) -> Capabilities:
    """Read ``responseformat=delta,parquet;readerfeatures=…``; without it a client reads parquet."""
    found: dict[str, tuple[str, ...]] = {}
    for part in header.casefold().split(";"):
        name, _, values = part.partition("=")
        found[name.strip()] = tuple(v.strip() for v in values.split(",") if v.strip())
    formats = found.get("responseformat") or (Format.PARQUET.value,)
    return Capabilities(formats, frozenset(found.get("readerfeatures", ())))


def stable_id(*names: str) -> str:
    """A UUID that is the same for the same names, for ever."""
    return str(uuid.uuid5(_IDS, "/".join(names)))


def head_lines(head: TableHead, form: Format) -> list[dict[str, Any]]:
    """The first two lines of every answer about a table."""
    is_delta = form is Format.DELTA
    protocol = {"deltaProtocol": _delta_protocol(head.columns)} if is_delta else _PLAIN_PROTOCOL
    return [{"protocol": protocol}, metadata_line(head, form)]


def metadata_line(head: TableHead, form: Format) -> dict[str, Any]:
    """Columns and size of a table at a version."""
    is_delta = form is Format.DELTA
    metadata: dict[str, Any] = {
        "id": stable_id(head.product, head.table),
        "name": head.table,
        "format": {"provider": "parquet", "options": {}} if is_delta else {"provider": "parquet"},
        "schemaString": schema_string(head.columns, head.order, is_delta=is_delta),
        "partitionColumns": [],
    }
    size = {"version": head.version.number, "size": head.bytes, "numFiles": head.files}
    if not is_delta:
        configuration = {"enableChangeDataFeed": "true"}
        return {"metaData": {**metadata, "configuration": configuration, **size}}
    metadata |= {
        "configuration": {"delta.enableChangeDataFeed": "true"},
        "createdTime": head.version.milliseconds,
    }
    return {"metaData": {"deltaMetadata": metadata, **size}}


def file_line(file: SharedFile, form: Format) -> dict[str, Any]:
    """A file of a snapshot."""
    common = _common(file)
    if form is Format.DELTA:
        return {"file": {**common, "deltaSingleAction": {"add": _add(file)}}}
    return {"file": {**common, "url": file.url, "partitionValues": {}, **_stats(file)}}


def insert_line(file: SharedFile, form: Format) -> dict[str, Any]:
    """A file of the change feed whose rows are all new."""
    if form is Format.DELTA:
        return file_line(file, form)
    return {"add": {**_common(file), "url": file.url, "partitionValues": {}, **_stats(file)}}


def change_line(file: SharedFile, form: Format) -> dict[str, Any]:
    """A file of the change feed whose rows say themselves what happened to them."""
    common = _common(file)
    if form is Format.DELTA:
        action = {"path": file.url, "partitionValues": {}, "size": file.bytes, "dataChange": False}
        return {"file": {**common, "deltaSingleAction": {"cdc": action}}}
    return {"cdf": {**common, "url": file.url, "partitionValues": {}}}


def ndjson(lines: Iterable[Mapping[str, Any]]) -> bytes:
    """One object a line."""
    texts = (json.dumps(line, ensure_ascii=False, separators=(",", ":")) for line in lines)
    return "".join(f"{text}\n" for text in texts).encode()


def _common(file: SharedFile) -> dict[str, Any]:
    return {
        "id": file.sha256,
        "size": file.bytes,
        "version": file.version.number,
        "timestamp": file.version.milliseconds,
        "expirationTimestamp": file.expires,
    }


def _add(file: SharedFile) -> dict[str, Any]:
    return {
        "path": file.url,
        "partitionValues": {},
        "size": file.bytes,
        "modificationTime": file.version.milliseconds,
        "dataChange": True,
        **_stats(file),
    }


def _stats(file: SharedFile) -> dict[str, str]:
    if file.footer is None:
        return {}
    told = {
        "numRecords": file.footer.rows,
        "minValues": file.footer.least,
        "maxValues": file.footer.greatest,
        "nullCount": file.footer.empty,
    }
    return {"stats": json.dumps(told, ensure_ascii=False)}


def _delta_protocol(columns: Mapping[str, str]) -> dict[str, Any]:
    features = reader_features(columns)
    if not features:
        return {"minReaderVersion": 1, "minWriterVersion": 4}
    return {
        "minReaderVersion": 3,
        "minWriterVersion": 7,
        "readerFeatures": list(features),
        "writerFeatures": [*features, "changeDataFeed"],
    }
