"""Which file of an extract is what, by its name. What is inside a file belongs to the readers.

File names can hold a patient's name (text exports, bundles), so messages use `shown_name`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from clearward.sources.spec import SourceSystem, Table

CONSENTS, DELETIONS, BULK_MANIFEST = "consents.csv", "deletions.csv", "bulk-manifest.json"
TEXT_READER = "synthea_notes"
ROLES = {
    "table": "rows of one or more tables of the spec",
    "consents": "consent events, read by the consent room",
    "deletions": "rows the hospital takes back, any system",
    "fhir_deleted": "Bundles of DELETE requests",
    "fhir_error": "OperationOutcomes of the export",
    "bulk_manifest": "the Bulk Data export's own manifest",
    "lookup": "resources that others point to",
    "unknown": "nothing we read",
}
_LINES = re.compile(r"\.(ndjson|jsonl)$", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}", re.IGNORECASE)


def plain_name(name: str) -> str:
    """The last part of a name without ``.gz``, in lower case."""
    return PurePosixPath(name).name.casefold().removesuffix(".gz")


def tables_in(system: SourceSystem, name: str) -> tuple[Table, ...]:
    """Tables of the spec that a file of this name feeds; none for an unknown file."""
    return tuple(table for table in system.tables if _feeds(system, table, name))


def _feeds(system: SourceSystem, table: Table, name: str) -> bool:
    plain = plain_name(name)
    if table.options.get("reader") == TEXT_READER:
        folders = [part.casefold() for part in PurePosixPath(name).parts[:-1]]
        return plain.endswith(".txt") and any(f.casefold() in folders for f in table.files)
    if system.format == "ndjson":
        return resource_of(plain) == str(table.options.get("resource", "")).casefold()
    return plain in {file.casefold() for file in table.files}


def resource_of(plain: str) -> str:
    """``observation`` of ``observation.ndjson``, ``observation-1.ndjson``, ``1.observation.000
    .ndjson``; empty when the name is not one resource type and numbers."""
    if not _LINES.search(plain):
        return ""
    words = [w for w in re.split(r"[._\-]", _LINES.sub("", plain)) if w and not w.isdigit()]
    return words[0] if len(words) == 1 else ""


def resources_of(system: SourceSystem) -> set[str]:
    """FHIR resource types that are read: of tables, of what rows refer to, and consents."""
    options = [table.options for table in system.tables]
    named = {str(option["resource"]) for option in options}
    return named | {str(o["lookup"]["resource"]) for o in options if "lookup" in o} | {"Consent"}


def is_lines(name: str) -> bool:
    """Whether a file's name ends as NDJSON does."""
    return bool(_LINES.search(plain_name(name)))


def is_consents(name: str) -> bool:
    """Whether a file of any system holds consents: `consents.csv`, or FHIR Consents as NDJSON."""
    plain = plain_name(name)
    return plain == CONSENTS or resource_of(plain) == "consent"


def role_of(system: SourceSystem, name: str, *, listed: Mapping[str, str] | None = None) -> str:
    """A key of `ROLES`. ``listed`` holds roles a Bulk Data manifest gives to names."""
    plain = plain_name(name)
    if is_consents(name):
        return "consents"
    if plain == DELETIONS:
        return "deletions"
    if system.format == "ndjson":
        role = _bulk_role(system, plain, listed or {})
        if role:
            return role
    return "table" if tables_in(system, name) else "unknown"


def _bulk_role(system: SourceSystem, plain: str, listed: Mapping[str, str]) -> str:
    if plain == BULK_MANIFEST:
        return "bulk_manifest"
    if plain in listed:
        return listed[plain]
    words = re.split(r"[._\-]", _LINES.sub("", plain)) if _LINES.search(plain) else []
    if "deleted" in words:
        return "fhir_deleted"
    if "operationoutcome" in words or "error" in words or "errors" in words:
        return "fhir_error"
    lookups = {
        str(t.options["lookup"]["resource"]).casefold()
        for t in system.tables
        if "lookup" in t.options
    }
    return "lookup" if resource_of(plain) in lookups else ""


def shown_name(system: SourceSystem, name: str) -> str:
    """A name that messages and reports may hold: never one that could be a person's."""
    path = PurePosixPath(name)
    known = role_of(system, name) not in ("unknown",) and not name.casefold().endswith(".txt")
    harmless = path.suffix.casefold() in (".csv", ".ndjson", ".gz") and path.name.isascii()
    if known or (harmless and len(path.name) <= 40 and not _UUID.search(name)):
        return path.name
    return f"a {path.suffix or 'nameless'} file"
