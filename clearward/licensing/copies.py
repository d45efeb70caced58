"""A licensee's own copy of a release, made from the published files alone: every key replaced by
HMAC(product and licensee), rows in the order of the new keys, its own manifest and sums; on demand
with marks on last digits. Serving it belongs to `service`, waiting for it to `copy_desk`.

Two licensees' copies share no key value, so their rows cannot be joined by key; the values beside
the keys are those of the release, to the bit, but for marked digits. A copy is built once per
licensee and version, under ``<home>/copies/<copy id>/``, laid out as a store, so that it is
verified as a release is. Building it again gives the same bytes.
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from clearward.errors import ReleaseError
from clearward.keyring import Keyring
from clearward.licensing.copy_gates import columns_to_mark, judge_marked
from clearward.licensing.copy_keys import CopyKeys, every_code_keys, licensee_keys, name_copy
from clearward.licensing.copy_tables import Marks, Rewritten, rewrite_tables
from clearward.licensing.model import Copy, Licence
from clearward.marking import tardos
from clearward.releases import standards
from clearward.releases.manifest import SUMS_NAME, FileEntry, Manifest, read_manifest, sums_text
from clearward.releases.shelf import file_key, find_manifest, manifest_key
from clearward.releases.signing import load_public_key
from clearward.settings import Settings
from clearward.storage import Storage
from clearward.storage.local import LocalStorage
from clearward.warehouse import hash_file


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


def copy_id(keyring: Keyring, canonical: Manifest, licensee: str, *, copy: Copy = Copy.OWN) -> str:
    """Public name of a licensee's copy; another release, licensee, kind or key is another copy."""
    keys = licensee_keys(keyring, canonical.product, licensee)
    return name_copy(keys.pseudonyms, canonical.sha256, _kind(copy))


def canonical_copy(storage: Storage, manifest: Manifest) -> CopyOfRelease:
    """The published files themselves."""
    return CopyOfRelease(manifest, storage, Copy.CANONICAL, "", manifest.sha256)


def find_copy(
    settings: Settings, keyring: Keyring, canonical: Manifest, *, licence: Licence
) -> CopyOfRelease | None:
    """The licensee's own copy if it was built whole and is theirs; else None, and it is built.

    Checked are the signature, whose it is, what it was made of, and that every file is there.
    """
    name = copy_id(keyring, canonical, licence.licensee, copy=licence.copy)
    store = LocalStorage(_root(settings, name))
    public_key = load_public_key(keyring)
    try:
        manifest = find_manifest(store, canonical.product, canonical.version, public_key=public_key)
    except ReleaseError:  # damaged, or of another signing key: not a copy that could be handed out
        return None
    told = manifest.facts.get("copy", {}) if manifest else {}
    asked = {"of_manifest_sha256": canonical.sha256, "copy_id": name}
    if manifest is None or {n: told.get(n) for n in asked} != asked:
        return None
    if not all(_is_there(store.root, manifest, entry) for entry in manifest.files):
        return None
    return CopyOfRelease(manifest, store, _kind(licence.copy), name, canonical.sha256)


def _is_there(root: Path, manifest: Manifest, entry: FileEntry) -> bool:
    path = root / file_key(manifest, entry)
    return path.is_file() and path.stat().st_size == entry.bytes


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
            something beside the keys would change, or there is nothing to mark.
        GateError: a marked copy fails a gate.
    """
    name = copy_id(keyring, canonical, licence.licensee, copy=licence.copy)
    with _alone(settings, name):
        found = find_copy(settings, keyring, canonical, licence=licence)
        if found:
            return found
        root = _root(settings, name)
        with _building(root) as (building, scratch):
            made = _Job(
                canonical=canonical,
                copy_id=name,
                keys=licensee_keys(keyring, canonical.product, licence.licensee),
                marks=_marks(keyring, canonical, licence),
                root=building,
                scratch=scratch,
            )
            manifest = _build(settings, keyring, storage, job=made)
            shutil.rmtree(root, ignore_errors=True)
            building.rename(root)
    return CopyOfRelease(manifest, LocalStorage(root), _kind(licence.copy), name, canonical.sha256)


def canonical_folder(product: str, version: str) -> str:
    """The name under which what is made beside canonical files is kept; no copy has such a name."""
    return f"canonical-{product}-{version}"


def forget_copy(settings: Settings, name: str) -> None:
    """Remove a built copy from this machine."""
    with _alone(settings, name):
        shutil.rmtree(_root(settings, name), ignore_errors=True)


def forget_version(settings: Settings, product: str, version: str) -> None:
    """Remove every built copy of a version from this machine, handed out or not, and what was made
    beside its canonical files."""
    beside = canonical_folder(product, version)
    for root in sorted(_copies(settings).glob("*")):
        if root.name == beside or (root / product / version).is_dir():
            forget_copy(settings, root.name)


def _kind(copy: Copy) -> Copy:
    return Copy.MARKED if copy is Copy.MARKED else Copy.OWN


def _copies(settings: Settings) -> Path:
    """Nobody else on the machine looks in: what lies here is licensees'."""
    folder = settings.home / "copies"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _root(settings: Settings, name: str) -> Path:
    return settings.home / "copies" / name


def _marks(keyring: Keyring, canonical: Manifest, licence: Licence) -> Marks | None:
    if licence.copy is not Copy.MARKED:
        return None
    code = every_code_keys(keyring, canonical.product)[0]
    keys = licensee_keys(keyring, canonical.product, licence.licensee)
    word = tardos.codeword(keys.marks, tardos.biases(code.biases))
    return Marks(columns_to_mark(canonical), places=code.places, word=word)


@dataclass(frozen=True)
class _Job:
    canonical: Manifest
    copy_id: str
    keys: CopyKeys
    marks: Marks | None
    root: Path
    scratch: Path


def _build(settings: Settings, keyring: Keyring, storage: Storage, *, job: _Job) -> Manifest:
    target = LocalStorage(job.root)
    rewritten = rewrite_tables(
        settings, storage, job.canonical, keys=job.keys, marks=job.marks, scratch=job.scratch
    )
    judged = _judged(settings, rewritten, job=job)
    made = _with_own_addresses(job.canonical, list(rewritten.files))
    sums = job.scratch / SUMS_NAME
    sums.write_text(sums_text({e.path: e.sha256 for e, _ in made}), encoding="utf-8")
    made.append((FileEntry(SUMS_NAME, hash_file(sums), sums.stat().st_size), sums))
    files = tuple(entry for entry, _ in made)
    manifest = _manifest(job, files, base=hash_file(sums)[:16], judged=judged)
    for entry, path in made:
        target.put_file(file_key(manifest, entry), path, sha256=entry.sha256)
    envelope = manifest.signed(keyring)
    target.create(manifest_key(manifest.product, manifest.version), envelope)
    return read_manifest(envelope, load_public_key(keyring))


def _judged(settings: Settings, rewritten: Rewritten, *, job: _Job) -> dict[str, Any]:
    if job.marks is None:
        return {}
    return judge_marked(
        settings,
        job.canonical,
        {entry.table: path for entry, path in rewritten.files if entry.table},
        preserved=rewritten.preserved,
        cells=rewritten.cells,
        scratch=job.scratch,
    )


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


def _manifest(
    job: _Job, files: tuple[FileEntry, ...], *, base: str, judged: Mapping[str, Any]
) -> Manifest:
    """Everything the release says of itself, over the copy's own files.

    ``content_sha256`` stays the release's: it names what a person approved.
    """
    canonical = job.canonical
    originals = {f.table: f.sha256 for f in canonical.files if f.table}
    copied = {
        "copy_id": job.copy_id,
        "of_manifest_sha256": canonical.sha256,
        "of_tables_sha256": originals,
        **({"marks": dict(judged)} if judged else {}),
    }
    facts = {**canonical.facts, "copy": copied}
    return replace(canonical, base=base, files=files, facts=facts, envelope=b"")


@contextmanager
def _building(root: Path) -> Iterator[tuple[Path, Path]]:
    """Two folders beside a copy's place, emptied before and removed after, whatever happens.

    They carry the copy's name: what a killed builder left is found and removed by the next one.
    """
    folders = (root.with_name(f".{root.name}.building"), root.with_name(f".{root.name}.scratch"))
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    folders[1].mkdir(parents=True)
    try:
        yield folders
    finally:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _alone(settings: Settings, name: str) -> Iterator[None]:
    """One builder per copy, over all processes of a machine; a dead one's lock is freed."""
    locks = _copies(settings) / ".locks"
    locks.mkdir(exist_ok=True)
    with (locks / name).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
