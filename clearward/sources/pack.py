"""Write a manifest for a folder that came without one: a public Synthea or FHIR run, or a hospital
that sends bare files. It describes what is there; `verify_extract` still judges it.
"""

from __future__ import annotations

import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clearward.errors import ExtractError
from clearward.settings import Settings
from clearward.sources.bundles import unbundle
from clearward.sources.files import plain_name
from clearward.sources.manifest import MANIFEST
from clearward.sources.readers import SourceFile, count_records, source_files, stage_tables
from clearward.sources.spec import SourceSystem, load_spec
from clearward.sources.staging import guarded, scratch_folder
from clearward.sources.text import ends_open
from clearward.warehouse import check_hospital, check_month, engine, hash_file


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
        unbundle(spec, folder)
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
        "sha256": hash_file(file.path),
        "bytes": file.path.stat().st_size,
        "rows": rows,
    }
    # Its rows were just found even; who packs a folder vouches for its being whole.
    if plain_name(file.name).endswith(".csv") and ends_open(file.path, file.shown):
        entry["open_end"] = True
    return entry
