"""Where finished samples are kept, and proof that they are unchanged. Making one is `sample`'s."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clearward.errors import StateError
from clearward.settings import Settings
from clearward.state.base import state_engine
from clearward.synthetic.ledger import StoredSample, samples_of

DOCUMENT = "synthetic.json"
Schema = Mapping[str, Mapping[str, str]]
"""Table -> column -> type, as DuckDB names it."""


@dataclass(frozen=True)
class Sample:
    """A finished sample on disk."""

    stored: StoredSample
    folder: Path
    document: Mapping[str, Any]

    @property
    def files(self) -> list[Path]:
        """Every file of it, in the order of their names."""
        return sorted(path for path in self.folder.iterdir() if path.is_file())


def sample_folder(settings: Settings, product: str, ordinal: int) -> Path:
    """``<home>/synthetic/<product>/<ordinal>``."""
    return settings.home / "synthetic" / product / f"{ordinal:03d}"


def hash_folder(folder: Path) -> str:
    """SHA-256 over names and contents of all files."""
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.iterdir() if p.is_file()):
        digest.update(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n".encode())
    return digest.hexdigest()


def find_sample(settings: Settings, product: str, *, schema: Schema) -> Sample | None:
    """The newest sample whose tables and columns the schema still has, or None.

    A column that was added since does not make a sample useless; one that went or changed its type
    does: that is what raises a product's major version.

    Raises:
        StateError: the sample is recorded, but its files are gone or changed.
    """
    for stored in samples_of(state_engine(settings.database), product):
        sample = open_sample(settings, stored)
        if serves(sample.document["schema"], schema):
            return sample
    return None


def open_sample(settings: Settings, stored: StoredSample) -> Sample:
    """Read a sample back; StateError unless its files are those that were recorded."""
    folder = sample_folder(settings, stored.product, stored.ordinal)
    if not folder.is_dir() or hash_folder(folder) != stored.sha256:
        raise StateError(
            f"Sample {stored.ordinal} of {stored.product} is not what was recorded.",
            seen="changed files" if folder.is_dir() else f"no folder {folder}",
            do="restore it from the backup, or make a new one with --fresh, which costs budget",
        )
    document = json.loads((folder / DOCUMENT).read_text(encoding="utf-8"))
    return Sample(stored, folder, document)


def serves(sample: Schema, schema: Schema) -> bool:
    """True when every table and column of the sample is in the schema, with its type."""
    return all(
        schema.get(table, {}).get(column) == kind
        for table, columns in sample.items()
        for column, kind in columns.items()
    )
