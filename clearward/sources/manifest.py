"""The manifest of an extract and its form on disk. What the files themselves hold belongs to
`extract` (verify) and `readers`; nothing here opens a data file except to hash it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import BaseModel, Field, ValidationError, field_validator

from clearward.errors import ConfigError, ExtractError
from clearward.sources.spec import source_systems
from clearward.warehouse import check_hospital, check_month

MANIFEST = "manifest.json"
KNOWN_CHANGES = {
    "deletes": "a full extract may drop more rows than the usual share",
    "moved": "a full extract may rewrite more of a closed month than the usual share",
    "system": "the hospital moved to another source system",
}


class ManifestFile(BaseModel):
    """One file as the hospital declared it; ``open_end`` says that a CSV whose last line has no
    line break is whole all the same. Only who sees the file at its source can know that."""

    name: str = Field(min_length=1, max_length=400)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    bytes: int = Field(ge=0)
    rows: int = Field(ge=0)
    open_end: bool = False

    @field_validator("name")
    @classmethod
    def _inside(cls, name: str) -> str:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name:
            raise ValueError("a file name leaves the folder")
        return path.as_posix()


class Manifest(BaseModel):
    """``manifest.json``, version 1; keys it does not know are ignored."""

    clearward_extract: Literal[1]
    hospital: str
    system: str
    month: str
    kind: Literal["full", "delta"]
    sequence: int = Field(ge=1)
    created_at: str = ""
    known_changes: list[str] = Field(default_factory=list)
    files: list[ManifestFile] = Field(min_length=1)

    @field_validator("hospital", "month", "system")
    @classmethod
    def _named(cls, text: str, info: object) -> str:
        field = getattr(info, "field_name", "")
        try:
            if field == "system":
                if text not in source_systems():
                    raise ValueError("an unknown source system")
            else:
                {"hospital": check_hospital, "month": check_month}[field](text)
            if field == "month" and text > f"{datetime.now(UTC):%Y-%m}":
                raise ValueError("a month that has not begun: no other could follow it")
        except ConfigError as error:
            raise ValueError(f"not a {field}") from error
        return text

    @field_validator("known_changes")
    @classmethod
    def _known(cls, changes: list[str]) -> list[str]:
        if set(changes) - set(KNOWN_CHANGES):
            raise ValueError(f"known_changes may hold {sorted(KNOWN_CHANGES)}")
        return changes

    @field_validator("files")
    @classmethod
    def _once(cls, files: list[ManifestFile]) -> list[ManifestFile]:
        if len({file.name for file in files}) != len(files):
            raise ValueError("a file name is listed twice")
        return files


def read_manifest(folder: Path) -> tuple[Manifest, str]:
    """The manifest of a folder and the SHA-256 of its bytes; raises ExtractError."""
    path = folder / MANIFEST
    if not path.is_file():
        raise ExtractError(
            f"The extract {folder.name} has no {MANIFEST}.",
            do="send it again with its manifest, or make one with `pack_extract`",
        )
    content = path.read_bytes()
    try:
        return Manifest.model_validate(json.loads(content)), hashlib.sha256(content).hexdigest()
    except ValidationError as error:
        places = "; ".join(
            f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}"
            for item in error.errors(include_input=False, include_url=False)[:5]
        )
    except ValueError:
        places = "not JSON in UTF-8"
    raise ExtractError(
        f"The manifest of {folder.name} cannot be understood.",
        seen=places,
        expected="the form of docs/reference/rooms.md, version 1",
        do="correct the manifest and send it again",
    )


def fingerprint(manifest: Manifest, declared: Mapping[str, str]) -> str:
    """SHA-256 of what the extract holds, whatever its manifest's own bytes: the same files packed
    twice are the same extract, read by the same words of the hospital (``declared``)."""
    parts = [manifest.hospital, manifest.system, manifest.month, manifest.kind]
    parts.append(str(manifest.sequence))
    parts += sorted(f"{file.name}={file.sha256}" for file in manifest.files)
    files = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    if not declared:
        return files
    words = "\n".join(sorted(f"{word}={name}" for word, name in declared.items()))
    return f"{files}-{hashlib.sha256(words.encode()).hexdigest()}"
