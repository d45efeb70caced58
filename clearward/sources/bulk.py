"""The manifest of a FHIR Bulk Data export (HL7 FHIR Bulk Data Access 2.0): the one place that reads
it. What its files hold belongs to `readers_fhir`; our own manifest to `manifest`.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clearward.errors import ExtractError
from clearward.sources.files import BULK_MANIFEST, plain_name
from clearward.sources.text import blocks

_MAX_OBJECT = 64_000_000
_CONSENT = re.compile(rb'"resourceType"\s*:\s*"Consent"')
ROLES = {"deleted": "fhir_deleted", "error": "fhir_error"}


@dataclass(frozen=True)
class Listed:
    """A file as the export lists it; ``count`` is -1 where the server does not tell it."""

    kind: str
    name: str
    resource: str
    count: int


@dataclass(frozen=True)
class BulkManifest:
    """What a Bulk Data manifest says.

    Attributes:
        transaction_time: the server's time of the export; empty when untold.
        listed: files of its ``output``, ``deleted`` and ``error`` lists. An empty or absent list
            says nothing: servers return one without looking.
    """

    transaction_time: str = ""
    listed: tuple[Listed, ...] = ()

    @property
    def roles(self) -> Mapping[str, str]:
        """Plain name -> role of the files of deletions and of errors."""
        return {file.name: ROLES[file.kind] for file in self.listed if file.kind in ROLES}

    @property
    def types(self) -> Mapping[str, str]:
        """Plain name -> resource type of the files of the output."""
        return {file.name: file.resource for file in self.listed if file.kind == "output"}


def read_bulk_manifest(folder: Path) -> BulkManifest:
    """The manifest among a folder's own files, ``.gz`` or plain; one that says nothing without."""
    paths = [path for path in folder.glob("*") if plain_name(path.name) == BULK_MANIFEST]
    if not paths:
        return BulkManifest()
    path = min(paths)
    try:
        content = path.read_bytes()
        packed = path.suffix.lower() == ".gz"
        document = json.loads(gzip.decompress(content) if packed else content)
        listed = [
            _listed(item, kind) for kind in ("output", *ROLES) for item in document.get(kind) or []
        ]
        return BulkManifest(str(document.get("transactionTime") or ""), tuple(listed))
    except (ValueError, KeyError, TypeError, AttributeError, OSError, EOFError):
        raise ExtractError(
            f"{BULK_MANIFEST} is not a Bulk Data manifest.",
            expected="JSON with output, deleted and error lists of {type, url}",
            do="send the export's own manifest, or leave it out",
        ) from None


def _listed(item: Mapping[str, Any], kind: str) -> Listed:
    name = plain_name(str(item["url"]).split("?")[0])
    return Listed(kind, name, str(item.get("type", "")), int(item.get("count", -1)))


def check_sent(bulk: BulkManifest, sent: Sequence[tuple[str, int]], *, read: set[str]) -> None:
    """Refuse an extract that lacks a part of its own export: what is missing may be a deletion.

    Args:
        bulk: the export's manifest.
        sent: resource type, or role, of every file of the extract, and its records.
        read: resource types that we read; others need not be sent.

    Raises:
        ExtractError: a list names files of a type, and none or others were sent.
    """
    groups: dict[str, list[int]] = {}
    for file in bulk.listed:
        if file.kind == "deleted" or (file.kind == "output" and file.resource in read):
            key = ROLES["deleted"] if file.kind == "deleted" else file.resource
            groups.setdefault(key, []).append(file.count)
    for key, counts in groups.items():
        found = [rows for kind, rows in sent if kind == key]
        is_told = -1 not in counts
        if sum(found) != sum(counts) if is_told else not found:
            what = "deletions" if key == ROLES["deleted"] else f"{key} resources"
            told = f" with {sum(counts)} records" if is_told else ""
            raise ExtractError(
                f"The extract lacks {what} that its {BULK_MANIFEST} lists.",
                seen=f"{len(found)} files with {sum(found)} records",
                expected=f"{len(counts)} files{told}",
                do="send every file of the export, whole",
            )


def first_resource(path: Path) -> str:
    """The resource type that the first line of an NDJSON file names; empty when it names none."""
    packed = path.suffix.lower() == ".gz"
    try:
        with gzip.open(path) if packed else path.open("rb") as file:
            found = json.loads(file.readline(_MAX_OBJECT).decode("utf-8-sig"))
    except (ValueError, OSError, EOFError, zlib.error):
        return ""
    kind = found.get("resourceType") if isinstance(found, dict) else None
    return kind if isinstance(kind, str) and kind.isalpha() else ""


def holds_consents(path: Path, shown: str) -> bool:
    """Whether any line of a file says that it is a Consent, whatever the others are."""
    tail = b""
    for block in blocks(path, shown):
        if _CONSENT.search(tail + block):
            return True
        tail = block[-64:]
    return False
