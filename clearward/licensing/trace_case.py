"""A leaked file laid beside what was published: the keys of all versions, and the table and version
its rows are from. Whose it is belongs to `tracing`, how rows are paired to `marking.leak`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from clearward.keyring import install_hmac
from clearward.licensing.copy_keys import CodeKeys, CopyKeys
from clearward.licensing.copy_tables import fetch_file, primary_key
from clearward.marking.contract import Markable, from_facts
from clearward.marking.leak import (
    Alignment,
    Leak,
    align_by_content,
    align_by_key,
    published_sql,
)
from clearward.releases.manifest import FileEntry, Manifest
from clearward.storage import Storage
from clearward.warehouse import read_parquet_sql

_SURE = 0.99
"""With this share of its rows found in a version, a file is not looked for in older ones."""


@dataclass(frozen=True)
class Suspect:
    """A licensee of a product under the keys of one generation; 0 is the newest."""

    licensee: str
    generation: int
    keys: CopyKeys


@dataclass(frozen=True)
class Case:
    """One file against one product. ``level``: the chance at which a single figure accuses."""

    connection: duckdb.DuckDBPyConnection
    storage: Storage
    scratch: Path
    leak: Leak
    keys: int
    manifests: Sequence[Manifest]
    suspects: Sequence[Suspect]
    code: Sequence[CodeKeys]
    level: float

    def fetch(self, manifest: Manifest, entry: FileEntry) -> Path:
        """A published file, once."""
        path = self.scratch / f"{entry.sha256}.parquet"
        if not path.exists():
            fetch_file(self.storage, manifest, entry, target=path)
        return path


def publish_keys(case: Case, *, patients: bool) -> int:
    """Table ``published_keys`` of all versions; returns how many different ones."""
    files: dict[str, tuple[Path, list[str]]] = {}
    for manifest in case.manifests:
        for entry in (e for e in manifest.files if e.table):
            names = [n for n in entry.columns or {} if n.endswith("_key")]
            names = [n for n in names if (n == "patient_key") is patients]
            if names and (entry.table.endswith("__patient") or not patients):
                files[entry.sha256] = (case.fetch(manifest, entry), names)
    every = " UNION ".join(
        f'SELECT "{name}" AS key FROM {read_parquet_sql([path])} WHERE "{name}" IS NOT NULL'
        for path, names in files.values()
        for name in names
    )
    every = every or "SELECT '' AS key WHERE false"
    case.connection.execute(f"CREATE OR REPLACE TEMP TABLE published_keys AS {every}")
    row = case.connection.execute("SELECT count(*) FROM published_keys").fetchone()
    return int(row[0]) if row else 0


@dataclass(frozen=True)
class Laid:
    """The published table whose rows the file holds; table ``aligned`` has the pairs."""

    manifest: Manifest
    entry: FileEntry
    path: Path
    kinds: dict[str, str]
    key: tuple[str, ...]
    marked: tuple[Markable, ...]
    alignment: Alignment


def lay_beside(case: Case, named: Sequence[Suspect]) -> Laid | None:
    """The version and table that most rows of the file are found in, by key or by content."""
    best: tuple[Manifest, FileEntry] | None = None
    most = 0
    for manifest in case.manifests:
        entry = max(_data(manifest), key=lambda e: _likeness(e, case.leak), default=None)
        if entry is None or not _likeness(entry, case.leak)[0]:
            continue
        laid = _lay(case, manifest, entry, named)
        if laid.alignment.rows > most:
            best, most = (manifest, entry), laid.alignment.rows
        if most >= _SURE * case.leak.rows:
            return laid
    return _lay(case, *best, named) if best else None


def _data(manifest: Manifest) -> list[FileEntry]:
    return [entry for entry in manifest.files if entry.table]


def _likeness(entry: FileEntry, leak: Leak) -> tuple[int, int]:
    """Columns that a table and the file share, then how few others the table has."""
    shared = len(set(entry.columns or {}) & set(leak.columns))
    return shared, -len(entry.columns or {})


def _lay(case: Case, manifest: Manifest, entry: FileEntry, named: Sequence[Suspect]) -> Laid:
    path = case.fetch(manifest, entry)
    relation = published_sql(path)
    described = case.connection.execute(f"DESCRIBE SELECT * FROM {read_parquet_sql([path])}")
    kinds = {str(name): str(kind) for name, kind, *_ in described.fetchall()}
    key = tuple(n for n in primary_key(manifest.product, entry.table) if n in kinds)
    marked = tuple(
        c for c in from_facts(manifest.facts) if c.table == entry.table and c.column in kinds
    )
    alignment = _align(case, relation, kinds, key=key, marked=marked, named=named)
    return Laid(manifest, entry, path, kinds, key, marked, alignment)


def _align(
    case: Case,
    published: str,
    kinds: dict[str, str],
    *,
    key: tuple[str, ...],
    marked: Sequence[Markable],
    named: Sequence[Suspect],
) -> Alignment:
    """By keys or by content, whichever finds more rows: a few keys must not hide the rest."""

    def by_key() -> Alignment:
        return align_by_key(
            case.connection,
            case.leak,
            published,
            columns=kinds,
            key=key[0],
            functions=_functions(case, named),
        )

    keyed = by_key() if named and len(key) == 1 else None
    if keyed and keyed.rows >= _SURE * case.leak.rows:
        return keyed
    found = align_by_content(case.connection, case.leak, published, columns=kinds, marked=marked)
    return by_key() if keyed and keyed.rows > found.rows else found


def _functions(case: Case, named: Sequence[Suspect]) -> list[str]:
    """Keyed functions of those whose names the file holds: they find its rows by their keys."""
    made = [f"rekey_{number}" for number in range(len(named))]
    for function, suspect in zip(made, named, strict=True):
        install_hmac(case.connection, function, suspect.keys.pseudonyms)
    return made
