"""Verify a release as a buyer would: signature, and every byte of every file. Needs no database and
no key but the public one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from clearward.errors import ReleaseError
from clearward.releases.manifest import MANIFEST_NAME, Manifest, read_manifest
from clearward.releases.shelf import base_prefix, load_manifest
from clearward.storage import Storage
from clearward.storage.port import CHUNK


@dataclass(frozen=True)
class Verified:
    """A release that holds: what it is, and how much was read."""

    product: str
    version: str
    manifest_sha256: str
    files: int
    bytes: int

    def metadata(self) -> dict[str, int | float | str]:
        """Counts and ids."""
        return dict(self.__dict__)


def verify_release(
    source: Storage | Path,
    public_key: Ed25519PublicKey,
    *,
    product: str = "",
    version: str = "",
) -> Verified:
    """Check a published release in the store, or a downloaded one in a folder.

    Args:
        source: a store, then with ``product`` and ``version``; or a folder with the manifest and
            the files.
        public_key: the publisher's, see `signing.load_public_key`.
        product, version: which release must be found; needed for a store.

    Raises ReleaseError that names the first changed, missing or extra files, or says that the
    signature does not hold.
    """
    if isinstance(source, Path):
        return _verify_folder(source, public_key, product=product, version=version)
    manifest = load_manifest(source, product, version, public_key=public_key)
    prefix = base_prefix(manifest)
    found = [key.removeprefix(prefix) for key in source.list(prefix)]
    return _compare(manifest, found, lambda path: source.open_range(prefix + path))


def _verify_folder(
    folder: Path, public_key: Ed25519PublicKey, *, product: str, version: str
) -> Verified:
    path = folder / MANIFEST_NAME
    if not path.is_file():
        raise ReleaseError(f"There is no {MANIFEST_NAME} in {folder}.", do="download it too")
    manifest = read_manifest(path.read_bytes(), public_key)
    asked = (product or manifest.product, version or str(manifest.version))
    if asked != (manifest.product, str(manifest.version)):
        raise ReleaseError(
            "The folder holds another release.",
            seen=f"{manifest.product} {manifest.version}",
            expected=" ".join(asked),
        )
    names = (p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir())
    found = [name for name in names if name != MANIFEST_NAME]
    return _compare(manifest, found, lambda name: (folder / name).open("rb"))


def _compare(
    manifest: Manifest, found: Iterable[str], open_file: Callable[[str], BinaryIO]
) -> Verified:
    names, wanted = set(found), {entry.path: entry for entry in manifest.files}
    if not wanted:
        raise ReleaseError("The manifest names no file.", do="do not use the release")
    changed = []
    for path in sorted(names & set(wanted)):
        with open_file(path) as stream:
            size, digest = _measure(stream)
        if (size, digest) != (wanted[path].bytes, wanted[path].sha256):
            changed.append(path)
    _refuse(manifest, "changed", changed)
    _refuse(manifest, "missing", sorted(set(wanted) - names))
    _refuse(manifest, "extra", sorted(names - set(wanted)))
    return Verified(
        product=manifest.product,
        version=str(manifest.version),
        manifest_sha256=manifest.sha256,
        files=len(wanted),
        bytes=sum(entry.bytes for entry in manifest.files),
    )


def _measure(stream: BinaryIO) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    while chunk := stream.read(CHUNK):
        digest.update(chunk)
        size += len(chunk)
    return size, digest.hexdigest()


def _refuse(manifest: Manifest, what: str, paths: list[str]) -> None:
    if not paths:
        return
    shown = ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
    raise ReleaseError(
        f"{manifest.product} {manifest.version} has {what} files.",
        seen=f"{len(paths)} {what}: {shown}",
        expected=f"the {len(manifest.files)} files of the signed manifest, and no other",
        do="fetch the release again; if it stays so, tell its publisher",
    )
