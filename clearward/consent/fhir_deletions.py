"""Consents that a FHIR server deleted, as lines: the `deleted` list of a Bulk Data export.

A deletion is the record's last word until it is written anew: it ends what the record said, and
says nothing itself. What a deletion of other resources means belongs to `sources`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from clearward.consent.fhir import texts
from clearward.consent.fhir_codes import record_id
from clearward.consent.lines import LINE_SCHEMA, NUMBERED_SCHEMA, SAYING
from clearward.consent.model import SILENCE
from clearward.consent.purposes import EVERYTHING
from clearward.errors import ConsentError
from clearward.sources.bulk import read_bulk_manifest
from clearward.sources.files import role_of
from clearward.sources.spec import load_spec

_CONSENT = re.compile(r"(?:^|.*/)Consent/([A-Za-z0-9.\-]{1,64})(?:/_history/.*)?")
_ABOUT_CONSENT = re.compile(r"(?:^|/)Consent(?:[/?]|$)")
# Of a deletion only its place in the record counts; the ledger wants a moment all the same.
_UNKNOWN = "1970-01-01T00:00:00Z"


def deletion_files(folder: Path) -> list[Path]:
    """Files of an extract that list what a FHIR server deleted."""
    listed, system = read_bulk_manifest(folder).roles, load_spec("fhir")
    files = sorted(path for path in folder.iterdir() if path.is_file())
    return [p for p in files if role_of(system, p.name, listed=listed) == "fhir_deleted"]


def read_deletions(path: Path) -> pa.Table:
    """Lines of the Consents in a file of deletions: `lines.NUMBERED_SCHEMA`.

    They count from the time the entry or its Bundle states, else from that of the export
    (`transactionTime`). Without any, nobody can tell whether a version came after.

    Raises:
        ConsentError: an entry is about Consents and does not name one.
    """
    told = read_bulk_manifest(path.parent).transaction_time
    rows = [
        _line(name, at or told, number=number)
        for number, text in texts(path)
        for name, at in _deleted(path, number, text)
    ]
    return pa.Table.from_pylist(rows, schema=NUMBERED_SCHEMA)


def _line(name: str, at: str, *, number: int) -> dict[str, Any]:
    return {
        **dict.fromkeys(LINE_SCHEMA.names, ""),
        "purpose": EVERYTHING,
        "decision": SILENCE,
        "decided_at": at or _UNKNOWN,
        "record_id": record_id(name),
        "record_updated_at": at,
        "line_number": number,
        SAYING: number,
    }


def _deleted(path: Path, number: int, text: str) -> Iterator[tuple[str, str]]:
    """Id and moment of each Consent that a line deletes."""
    try:
        document = json.loads(text)
        entries = document.get("entry", [] if "resourceType" in document else [document])
        stated = document.get("timestamp") or (document.get("meta") or {}).get("lastUpdated")
        for entry in entries:
            url = str(entry["request"]["url"])
            if _ABOUT_CONSENT.search(url):
                at = (entry.get("response") or {}).get("lastModified") or stated
                yield _id_in(path, number, url), str(at or "")
    except (ValueError, TypeError, KeyError, AttributeError):
        raise _refused(path, number, "no DELETE request as FHIR writes it") from None


def _id_in(path: Path, number: int, url: str) -> str:
    found = _CONSENT.fullmatch(url)
    if found is None:
        raise _refused(path, number, "a deletion of Consents that names none")
    return found[1]


def _refused(path: Path, number: int, seen: str) -> ConsentError:
    return ConsentError(
        f"{path.name} is refused.",
        seen=f"line {number}: {seen}",
        expected="request.url Consent/id",
        do="correct the file: a deletion must not get lost; nothing of it was taken",
    )
