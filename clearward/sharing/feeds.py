"""The change data feed of a table between two versions of one licensee's own copy: made on demand,
kept beside the copy of the newer version, deleted with it. What a feed says belongs to
`releases.feed`; waiting for it to `licensing.copy_desk`.

A feed is named by what it is made of, ``data/<table>/changes-from-<version>.parquet``, and holds
the keys of the licensee's own copies only.
"""

from __future__ import annotations

import re
import shutil
import uuid
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from clearward.errors import ConfigError, StorageBusyError
from clearward.licensing.copies import (
    CopyOfRelease,
    canonical_copy,
    canonical_folder,
    find_copy,
    forget_copy,
    make_copy,
)
from clearward.licensing.copy_desk import CopyDesk
from clearward.licensing.model import Copy, Licence
from clearward.products.spec import load_product
from clearward.releases.feed import write_feed
from clearward.releases.manifest import FileEntry, Manifest
from clearward.releases.shelf import file_key
from clearward.settings import Settings
from clearward.storage.local import LocalStorage
from clearward.storage.port import CHUNK
from clearward.warehouse import hash_file

_PATH = re.compile(r"data/([a-z][a-z0-9_]*)/changes-from-(\d+\.\d+\.\d+)\.parquet")


@dataclass(frozen=True)
class Feed:
    """A feed that is there: where it lies, and what it is to a buyer."""

    storage: LocalStorage
    key: str
    entry: FileEntry


def feed_path(table: str, base: str) -> str:
    """The name of the feed from version ``base``, inside the newer release."""
    return f"data/{table}/changes-from-{base}.parquet"


def find_feed(settings: Settings, copy: CopyOfRelease, path: str) -> Feed | None:
    """The feed of that name if it was made for this copy."""
    if not _PATH.fullmatch(path):
        return None
    storage = LocalStorage(_root(settings, copy))
    key = f"{copy.manifest.product}/{copy.manifest.version}/feeds/{path}"
    place = storage.root / key
    if not place.is_file():
        return None
    known = place.stat()
    return Feed(storage, key, FileEntry(path, _hash(place, known.st_mtime_ns), known.st_size))


def make_feed(
    desk: CopyDesk, licence: Licence, *, newer: CopyOfRelease, older: Manifest, table: str
) -> Feed:
    """Make the feed of a table from an older version to a newer copy, both as the licence delivers
    them, or return the one that is there. A copy made for the comparison alone does not stay.

    ReleaseError when a file is not what its manifest says, or the key names no single row.
    """
    if licence.copy is Copy.CANONICAL:
        return _make(desk.settings, newer, canonical_copy(desk.storage, older), table=table)
    known = find_copy(desk.settings, desk.keyring, older, licence=licence)
    old = known or make_copy(
        desk.settings, desk.keyring, desk.storage, canonical=older, licence=licence
    )
    try:
        return _make(desk.settings, newer, old, table=table)
    finally:
        if known is None:
            forget_copy(desk.settings, old.copy_id)


def _make(settings: Settings, newer: CopyOfRelease, older: CopyOfRelease, *, table: str) -> Feed:
    path = feed_path(table, str(older.manifest.version))
    found = find_feed(settings, newer, path)
    if found:
        return found
    target = _root(settings, newer) / (
        f"{newer.manifest.product}/{newer.manifest.version}/feeds/{path}"
    )
    scratch = settings.home / "spill" / f"feed-{uuid.uuid4().hex}"
    scratch.mkdir(parents=True)
    try:
        old, new = (_fetch(copy, table, scratch / name) for copy, name in _sides(older, newer))
        made = scratch / "feed.parquet"
        key = _key(newer.manifest.product, table)
        write_feed(old, new, key=key, out=made, commit_version=None, settings=settings)
        target.parent.mkdir(parents=True, exist_ok=True)
        made.replace(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    feed = find_feed(settings, newer, path)
    if feed is None:
        raise StorageBusyError("The change feed was taken away again.", do="ask again")
    return feed


@lru_cache(1000)
def _hash(place: Path, modified: int) -> str:
    return hash_file(place)


def _sides(older: CopyOfRelease, newer: CopyOfRelease) -> tuple[tuple[CopyOfRelease, str], ...]:
    return ((older, "old"), (newer, "new"))


def _fetch(copy: CopyOfRelease, table: str, folder: Path) -> list[Path]:
    folder.mkdir()
    files = []
    for number, entry in enumerate(f for f in copy.manifest.files if f.table == table):
        target = folder / f"{number}.parquet"
        with (
            copy.storage.open_range(file_key(copy.manifest, entry)) as stream,
            target.open("xb") as file,
        ):
            while chunk := stream.read(CHUNK):
                file.write(chunk)
        files.append(target)
    return files


def _key(product: str, table: str) -> tuple[str, ...]:
    spec = load_product(product)
    for entry in spec.tables:
        if spec.table_name(entry) == table:
            return entry.key
    raise ConfigError(f"{product} has no table {table}.", do="list the product's tables")


def _root(settings: Settings, copy: CopyOfRelease) -> Path:
    """The copy's own folder; for canonical files, which have none, one by version."""
    manifest = copy.manifest
    name = copy.copy_id or canonical_folder(manifest.product, str(manifest.version))
    return settings.home / "copies" / name
