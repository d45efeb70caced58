"""Write a manifest for a folder that came without one: a public Synthea or FHIR run, or a hospital
that sends bare files. It describes what is there; `verify_extract` still judges it.
"""

from __future__ import annotations

import gzip
import json
import tempfile
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from clearward.errors import ExtractError
from clearward.settings import Settings
from clearward.sources.files import BULK_MANIFEST, plain_name, resource_of
from clearward.sources.manifest import MANIFEST, sha256_of
from clearward.sources.readers import SourceFile, count_records, source_files, stage_tables
from clearward.sources.spec import SourceSystem, load_spec
from clearward.sources.staging import guarded, scratch_folder
from clearward.sources.text import ends_open
from clearward.warehouse import check_hospital, check_month, engine


def pack_extract(
    folder: Path, *, hospital: str, system: str, month: str, kind: str, sequence: int
) -> Path:
    """List every file the system's spec knows, with hash, size and rows; returns the manifest.

    A FHIR folder with ``*.json`` Bundles and no NDJSON (Synthea's form) is converted first: one
    NDJSON file per resource type is written beside them.

    Raises:
        ExtractError: no file the spec knows, or one that cannot be counted.
    """
    spec = load_spec(system)
    check_hospital(hospital)
    check_month(month)
    if not folder.is_dir():
        raise ExtractError(f"There is no folder {folder.name} to pack.")
    if spec.format == "ndjson":
        _unbundle(spec, folder)
    names = [
        path.relative_to(folder).as_posix()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST and not path.name.startswith(".")
    ]
    known = [f for f in source_files(spec, folder, names) if f.role != "unknown"]
    if not known:
        raise ExtractError(
            f"Nothing in {folder.name} is a file of system {system}.",
            seen=f"{len(names)} files",
            expected="the file names of its spec",
            do="name the system the files come from, or their folder",
        )
    document = {
        "clearward_extract": 1,
        "hospital": hospital,
        "system": system,
        "month": month,
        "kind": kind,
        "sequence": sequence,
        "created_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "files": _describe(spec, folder, [file.name for file in known]),
    }
    target = folder / MANIFEST
    target.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return target


def _describe(spec: SourceSystem, folder: Path, names: list[str]) -> list[dict[str, Any]]:
    files = source_files(spec, folder, names)
    with tempfile.TemporaryDirectory(prefix="clearward-") as private:
        home = Path(private)
        settings = Settings(home=home, store="", database="", keyring=home / "none")
        with (
            guarded("counted"),
            scratch_folder(settings) as scratch,
            engine(settings, ordered=True) as connection,
        ):
            staged = stage_tables(connection, spec, files, scratch=scratch)
            return [
                _entry(
                    file,
                    rows=staged.records[file.number]
                    if file.role == "table"
                    else 1
                    if file.role == "bulk_manifest"
                    else count_records(connection, file, scratch),
                )
                for file in files
            ]


def _entry(file: SourceFile, *, rows: int) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": file.name,
        "sha256": sha256_of(file.path),
        "bytes": file.path.stat().st_size,
        "rows": rows,
    }
    # Its rows were just found even; who packs a folder vouches for its being whole.
    if plain_name(file.name).endswith(".csv") and ends_open(file.path, file.shown):
        entry["open_end"] = True
    return entry


def _unbundle(spec: SourceSystem, folder: Path) -> None:
    """Write ``<Resource>.ndjson`` from every Bundle, in file and entry order, ids filled in."""
    paths = [p for p in sorted(folder.rglob("*")) if p.is_file() and not p.name.startswith(".")]
    if any(resource_of(plain_name(path.name)) for path in paths):
        return
    bundles = [
        path
        for path in paths
        if plain_name(path.name).endswith(".json")
        and plain_name(path.name) not in (MANIFEST, BULK_MANIFEST)
    ]
    wanted = {str(table.options["resource"]) for table in spec.tables}
    wanted |= {str(t.options["lookup"]["resource"]) for t in spec.tables if "lookup" in t.options}
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
    try:
        packed = path.suffix.lower() == ".gz"
        content = gzip.decompress(path.read_bytes()) if packed else path.read_bytes()
        document = json.loads(content)
    except (ValueError, OSError, EOFError, zlib.error):
        raise ExtractError(
            f"Bundle {number} of the folder is not JSON.", do="export it again"
        ) from None
    if not isinstance(document, dict):
        return
    entries = document.get("entry", []) if document.get("resourceType") == "Bundle" else []
    for entry in entries if entries else [{"resource": document}]:
        request, resource = entry.get("request") or {}, entry.get("resource") or {}
        if request.get("method") == "DELETE":
            deletion = {"resourceType": "Bundle", "entry": [{"request": request}]}
            yield "deleted", json.dumps(deletion, ensure_ascii=False, separators=(",", ":"))
        elif resource.get("resourceType") in wanted:
            if not resource.get("id") and entry.get("fullUrl"):
                resource["id"] = str(entry["fullUrl"]).rsplit("/", 1)[-1].rsplit(":", 1)[-1]
            yield (
                resource["resourceType"],
                json.dumps(resource, ensure_ascii=False, separators=(",", ":")),
            )
