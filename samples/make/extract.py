"""Writes an extract folder with its manifest. Contents come from elsewhere; this knows bytes."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

GZIP_ABOVE = 60_000
# The contract names these; a reader looks for exactly them.
NEVER_GZIPPED = {"consents.csv", "deletions.csv", "bulk-manifest.json"}
MONTHS = ("2024-03", "2024-04", "2024-05")
CUT = {"2024-03": "2024-04-01", "2024-04": "2024-05-01", "2024-05": "2024-06-01"}


@dataclass(frozen=True)
class Part:
    """One file of an extract: its name, its bytes as stored and how many records it holds."""

    name: str
    content: bytes
    rows: int


def csv_part(name: str, frame: pd.DataFrame, *, encoding: str = "utf-8", eol: str = "\n") -> Part:
    """A frame of text as CSV; gzipped under ``<name>.gz`` when it is large."""
    text = frame.to_csv(index=False, lineterminator=eol)
    return packed(name, text.encode(encoding), rows=len(frame))


def ndjson_part(name: str, resources: Iterable[dict[str, Any]]) -> Part:
    """One JSON document per line."""
    lines = [json.dumps(r, ensure_ascii=False, separators=(",", ":")) for r in resources]
    return packed(name, "".join(f"{line}\n" for line in lines).encode(), rows=len(lines))


def packed(name: str, content: bytes, *, rows: int) -> Part:
    """Store as it is, or gzipped without name or time when larger than `GZIP_ABOVE`."""
    if len(content) <= GZIP_ABOVE or name in NEVER_GZIPPED:
        return Part(name, content, rows)
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, compresslevel=9, mtime=0) as file:
        file.write(content)
    return Part(f"{name}.gz", buffer.getvalue(), rows)


def unpacked(path: Path) -> bytes:
    """The bytes a hospital wrote, whether stored gzipped or not."""
    content = path.read_bytes()
    return gzip.decompress(content) if path.suffix == ".gz" else content


def write_extract(
    folder: Path,
    parts: Iterable[Part],
    *,
    hospital: str,
    system: str,
    month: str,
    kind: str,
    sequence: int,
) -> None:
    """Write the files and ``manifest.json`` into an emptied folder."""
    shutil.rmtree(folder, ignore_errors=True)
    ordered = sorted(parts, key=lambda part: part.name)
    for part in ordered:
        target = folder / part.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(part.content)
    manifest = {
        "clearward_extract": 1,
        "hospital": hospital,
        "system": system,
        "month": month,
        "kind": kind,
        "sequence": sequence,
        "created_at": f"{CUT[month][:8]}02T04:00:00Z",
        "files": [_entry(part) for part in ordered],
    }
    text = json.dumps(manifest, ensure_ascii=False, indent=1) + "\n"
    (folder / "manifest.json").write_text(text, encoding="utf-8")


def _entry(part: Part) -> dict[str, Any]:
    digest = hashlib.sha256(part.content).hexdigest()
    return {"name": part.name, "sha256": digest, "bytes": len(part.content), "rows": part.rows}
