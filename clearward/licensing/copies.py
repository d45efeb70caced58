"""A licensee's own copy of a release, made from the published files alone: every key replaced by
HMAC(product and licensee), rows in the order of the new keys, its own manifest and sums. Serving
it belongs to `service`, waiting for it to `copy_desk`.

Two licensees' copies share no key value, so their rows cannot be joined by key; the values beside
the keys are those of the release, to the bit. A copy is built once per licensee and version, under
``<home>/copies/<copy id>/``, laid out as a store, so that it is verified as a release is. Building
it again gives the same bytes.
"""

from __future__ import annotations

import fcntl
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from clearward.keyring import Keyring
from clearward.licensing.copy_keys import CopyKeys, licensee_keys, name_copy
from clearward.licensing.copy_tables import rewrite_tables
from clearward.licensing.model import Copy, Licence
from clearward.releases import standards
from clearward.releases.manifest import SUMS_NAME, FileEntry, Manifest, read_manifest, sums_text
from clearward.releases.shelf import file_key, find_manifest, manifest_key
from clearward.releases.signing import load_public_key
from clearward.releases.tables import hash_file
from clearward.settings import Settings
from clearward.storage import Storage
from clearward.storage.local import LocalStorage


@dataclass(frozen=True)
class CopyOfRelease:
    """What a licence delivers of one version: a manifest, and the store its files lie in.

    Attributes:
        copy_id: 20 hex characters that say nothing about the licensee; empty when canonical.
        canonical_sha256: of the manifest of the release itself.
    """

    manifest: Manifest
    storage: Storage
    copy: Copy
    copy_id: str
    canonical_sha256: str


def copy_id(keyring: Keyring, canonical: Manifest, licensee: str) -> str:
    """Public name of a licensee's copy; another release, licensee or key is another copy."""
    keys = licensee_keys(keyring, canonical.product, licensee)
    return name_copy(keys.pseudonyms, canonical.sha256)


def canonical_copy(storage: Storage, manifest: Manifest) -> CopyOfRelease:
    """The published files themselves."""
    return CopyOfRelease(manifest, storage, Copy.CANONICAL, "", manifest.sha256)


def find_copy(
    settings: Settings, keyring: Keyring, canonical: Manifest, *, licence: Licence
) -> CopyOfRelease | None:
    """The licensee's own copy if it was built; checked are its signature and what it is made of."""
    name = copy_id(keyring, canonical, licence.licensee)
    store = LocalStorage(_root(settings, name))
    public_key = load_public_key(keyring)
    manifest = find_manifest(store, canonical.product, canonical.version, public_key=public_key)
    made_of = manifest.facts.get("copy", {}).get("of_manifest_sha256") if manifest else None
    if manifest is None or made_of != canonical.sha256:
        return None
    return CopyOfRelease(manifest, store, Copy.OWN, name, canonical.sha256)


def make_copy(
    settings: Settings,
    keyring: Keyring,
    storage: Storage,
    *,
    canonical: Manifest,
    licence: Licence,
) -> CopyOfRelease:
    """Build the licensee's own copy, or return the one that is there; processes take turns.

    Raises:
        ReleaseError: a published file is not what its manifest says, a table cannot be re-keyed,
            or something beside the keys would change.
    """
    name = copy_id(keyring, canonical, licence.licensee)
    with _alone(settings, name):
        found = find_copy(settings, keyring, canonical, licence=licence)
        if found:
            return found
        root = _root(settings, name)
        building = root.with_name(f".{name}.building")
        shutil.rmtree(building, ignore_errors=True)  # of a builder that was killed
        keys = licensee_keys(keyring, canonical.product, licence.licensee)
        made = _Job(canonical, name, keys, building)
        manifest = _build(settings, keyring, storage, job=made)
        shutil.rmtree(root, ignore_errors=True)
        building.rename(root)
    return CopyOfRelease(manifest, LocalStorage(root), Copy.OWN, name, canonical.sha256)


def forget_copy(settings: Settings, name: str) -> None:
    """Remove a built copy from this machine, once its version is no longer handed out."""
    root = _root(settings, name)
    if root.is_dir():
        with _alone(settings, name):
            shutil.rmtree(root, ignore_errors=True)


def _root(settings: Settings, name: str) -> Path:
    return settings.home / "copies" / name


@dataclass(frozen=True)
class _Job:
    canonical: Manifest
    copy_id: str
    keys: CopyKeys
    root: Path


def _build(settings: Settings, keyring: Keyring, storage: Storage, *, job: _Job) -> Manifest:
    scratch = settings.home / "spill" / f"copy-{uuid.uuid4().hex}"
    scratch.mkdir(parents=True)
    target = LocalStorage(job.root)
    try:
        made = rewrite_tables(settings, storage, job.canonical, keys=job.keys, scratch=scratch)
        made = _with_own_addresses(job.canonical, made)
        sums = scratch / SUMS_NAME
        sums.write_text(sums_text({e.path: e.sha256 for e, _ in made}), encoding="utf-8")
        made.append((FileEntry(SUMS_NAME, hash_file(sums), sums.stat().st_size), sums))
        files = tuple(entry for entry, _ in made)
        manifest = _manifest(job, files, base=hash_file(sums)[:16])
        for entry, path in made:
            target.put_file(file_key(manifest, entry), path, sha256=entry.sha256)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    envelope = manifest.signed(keyring)
    target.create(manifest_key(manifest.product, manifest.version), envelope)
    return read_manifest(envelope, load_public_key(keyring))


def _with_own_addresses(
    canonical: Manifest, made: list[tuple[FileEntry, Path]]
) -> list[tuple[FileEntry, Path]]:
    """The documents by which files are fetched name the copy's own files."""
    own = {entry.table: entry for entry, _ in made if entry.table}
    moved = {entry.path: own[entry.table] for entry in canonical.files if entry.table}
    return [
        (_readdressed(entry.path, path, moved), path)
        if entry.path in standards.READDRESSED
        else (entry, path)
        for entry, path in made
    ]


def _readdressed(name: str, path: Path, moved: Mapping[str, FileEntry]) -> FileEntry:
    text = standards.READDRESSED[name](path.read_text(encoding="utf-8"), moved)
    path.write_text(text, encoding="utf-8")
    return FileEntry(name, hash_file(path), path.stat().st_size)


def _manifest(job: _Job, files: tuple[FileEntry, ...], *, base: str) -> Manifest:
    """Everything the release says of itself, over the copy's own files.

    ``content_sha256`` stays the release's: it names what a person approved.
    """
    canonical = job.canonical
    originals = {f.table: f.sha256 for f in canonical.files if f.table}
    copied = {
        "copy_id": job.copy_id,
        "of_manifest_sha256": canonical.sha256,
        "of_tables_sha256": originals,
    }
    facts = {**canonical.facts, "copy": copied}
    return replace(canonical, base=base, files=files, facts=facts, envelope=b"")


@contextmanager
def _alone(settings: Settings, name: str) -> Iterator[None]:
    """One builder per copy, over all processes of a machine; a dead one's lock is freed."""
    locks = settings.home / "copies" / ".locks"
    locks.mkdir(parents=True, exist_ok=True)
    with (locks / name).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
