"""The candidate's folder on disk: data, documents and their hashes. What the documents say belongs
to `documents`, what machines read to `standards`.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clearward.releases import standards
from clearward.releases.documents import Told, write_documents
from clearward.releases.manifest import SUMS_NAME, FileEntry, sums_text
from clearward.releases.tables import TableFile
from clearward.warehouse import hash_file


def write_bundle(folder: Path, told: Told, *, data_docs: Path) -> tuple[FileEntry, ...]:
    """Fill the folder with data, documents and ``SHA256SUMS.txt``; returns what it holds."""
    entries = [_data_file(folder, table) for table in told.tables]
    write_documents(folder, told, docs=data_docs if data_docs.is_dir() else None)
    standards.write(folder, told)
    entries += _entries(folder, known={e.path for e in entries})
    sums = sums_text({e.path: e.sha256 for e in entries})
    (folder / SUMS_NAME).write_text(sums, encoding="utf-8")
    entries += _entries(folder, known={e.path for e in entries})
    return tuple(sorted(entries, key=lambda e: e.path))


def _data_file(folder: Path, table: TableFile) -> FileEntry:
    link_file(table.path, folder / table.published_path)
    return FileEntry(
        path=table.published_path,
        sha256=table.sha256,
        bytes=table.bytes,
        table=table.table,
        rows=table.rows,
        columns=table.schema,
    )


def _entries(folder: Path, *, known: set[str]) -> list[FileEntry]:
    paths = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    return [
        FileEntry(path=name, sha256=hash_file(path), bytes=path.stat().st_size)
        for name, path in sorted(paths.items())
        if name not in known
    ]


def link_file(source: Path, target: Path) -> None:
    """A second name where the disk allows: partitions are replaced whole, never written into."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Build beside the folder and take its place at the end."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    building = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")
    building.mkdir()
    try:
        yield building
        if folder.exists():
            shutil.rmtree(folder)
        building.rename(folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)
