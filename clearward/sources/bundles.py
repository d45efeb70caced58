"""FHIR Bundles as NDJSON: one resource a line, referred to by type and id. Which of the lines
become rows belongs to the readers; the manifest over them to `pack`.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from clearward.errors import ExtractError
from clearward.sources.files import BULK_MANIFEST, plain_name, resource_of, resources_of
from clearward.sources.manifest import MANIFEST
from clearward.sources.spec import SourceSystem


def unbundle(spec: SourceSystem, folder: Path) -> None:
    """Write ``<Resource>.ndjson`` from every Bundle, in file and entry order, ids filled in.

    A folder that holds NDJSON of its own stays as it is.
    """
    paths = [p for p in sorted(folder.rglob("*")) if p.is_file() and not p.name.startswith(".")]
    if any(resource_of(plain_name(path.name)) for path in paths):
        return
    bundles = [
        path
        for path in paths
        if plain_name(path.name).endswith(".json")
        and plain_name(path.name) not in (MANIFEST, BULK_MANIFEST)
    ]
    wanted = resources_of(spec)
    outputs: dict[str, IO[str]] = {}
    try:
        for number, path in enumerate(bundles, start=1):
            for name, line in _lines(path, number, wanted):
                if name not in outputs:
                    outputs[name] = (folder / f"{name}.ndjson").open("w", encoding="utf-8")
                outputs[name].write(line + "\n")
    finally:
        for file in outputs.values():
            file.close()


def _lines(path: Path, number: int, wanted: set[str]) -> Iterator[tuple[str, str]]:
    entries = _entries(path, number)
    targets = _targets(entries)
    for entry in entries:
        request, resource = entry.get("request") or {}, entry["resource"]
        if request.get("method") == "DELETE":
            yield "deleted", _line({"resourceType": "Bundle", "entry": [{"request": request}]})
        elif resource.get("resourceType") in wanted:
            yield resource["resourceType"], _line(_pointed(resource, targets))


def _entries(path: Path, number: int) -> list[dict[str, Any]]:
    """Entries of a Bundle, or of what is one resource or a list of them; ids filled in."""
    try:
        packed = path.suffix.lower() == ".gz"
        content = gzip.decompress(path.read_bytes()) if packed else path.read_bytes()
        document = json.loads(content)
        is_bundle = isinstance(document, dict) and document.get("resourceType") == "Bundle"
        if is_bundle:
            entries = [dict(entry) for entry in document.get("entry") or []]
        else:
            found = document if isinstance(document, list) else [document]
            entries = [{"resource": item} for item in found if isinstance(item, dict)]
        for entry in entries:
            resource = entry["resource"] = dict(entry.get("resource") or {})
            if entry.get("fullUrl") and not resource.get("id"):
                resource["id"] = str(entry["fullUrl"]).rsplit("/", 1)[-1].rsplit(":", 1)[-1]
    except (ValueError, TypeError, AttributeError, OSError, EOFError, zlib.error):
        raise ExtractError(
            f"JSON file {number} of the folder is no Bundle as FHIR writes it.",
            expected="a Bundle whose entries are objects, or resources",
            do="export it again",
        ) from None
    return entries


def _targets(entries: list[dict[str, Any]]) -> dict[str, str]:
    """How a Bundle's references may name its entries -> ``Type/id``: by the entry's own URL, or by
    an identifier that a transaction searches for."""
    found: dict[str, str] = {}
    for entry in entries:
        resource = entry["resource"]
        kind, ident = str(resource.get("resourceType")), str(resource.get("id"))
        url = str(entry.get("fullUrl") or "")
        if url and not url.endswith(ident):
            found[url] = f"{kind}/{ident}"
        if kind in ("Patient", "Encounter"):
            for name in resource.get("identifier") or []:
                search = f"{kind}?identifier={name.get('system', '')}|{name.get('value', '')}"
                found[search] = f"{kind}/{ident}"
    return found


def _pointed(value: Any, targets: Mapping[str, str]) -> Any:
    """The same JSON, its references by type and id where the Bundle says what they name."""
    if isinstance(value, dict):
        return {
            key: targets.get(item, item)
            if key == "reference" and isinstance(item, str)
            else _pointed(item, targets)
            for key, item in value.items()
        }
    return [_pointed(item, targets) for item in value] if isinstance(value, list) else value


def _line(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
