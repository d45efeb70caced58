"""What the store holds: which releases there are and where their objects lie. Reading only;
putting something there belongs to `publish`.

Keys: ``<product>/<version>/manifest.dsse.json`` (a release exists when this does),
``<product>/<version>/<base>/<path>``, ``<product>/latest.json``, ``keys/clearward-ed25519.pub``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from clearward.errors import ReleaseError
from clearward.products.spec import product_names
from clearward.releases.manifest import MANIFEST_NAME, FileEntry, Manifest, read_manifest
from clearward.releases.version import Version, parse_version
from clearward.storage import KeyMissingError, Storage

PUBLIC_KEY = "keys/clearward-ed25519.pub"
RETIRED_NAME = "retired.json"


@dataclass(frozen=True)
class Release:
    """A published release, as its manifest names it."""

    product: str
    version: str
    month: str
    content_sha256: str
    manifest_sha256: str
    published_at: str
    change: str
    files: int
    rows: int
    bytes: int
    is_retired: bool = False

    def metadata(self) -> dict[str, int | float | str]:
        """Everything, flat."""
        return dict(self.__dict__)


def manifest_key(product: str, version: Version | str) -> str:
    """Where the manifest lies; writing it is what makes a release exist."""
    return f"{product}/{version}/{MANIFEST_NAME}"


def file_key(manifest: Manifest, entry: FileEntry) -> str:
    """Where a file of a release lies."""
    return f"{base_prefix(manifest)}{entry.path}"


def base_prefix(manifest: Manifest) -> str:
    """Prefix of all files of a release."""
    return f"{manifest.product}/{manifest.version}/{manifest.base}/"


def find_manifest(
    storage: Storage,
    product: str,
    version: Version | str,
    *,
    public_key: Ed25519PublicKey | None = None,
) -> Manifest | None:
    """Read a published manifest, None if there is none; ReleaseError if its signature fails."""
    try:
        envelope = storage.get_bytes(manifest_key(product, parse_version(str(version))))
    except KeyMissingError:
        return None
    manifest = read_manifest(envelope, public_key)
    if (manifest.product, str(manifest.version)) != (product, str(version)):
        raise ReleaseError(
            f"The manifest of {product} {version} speaks of another release.",
            seen=f"{manifest.product} {manifest.version}",
            do="verify the store; someone has moved files in it",
        )
    return manifest


def load_manifest(
    storage: Storage,
    product: str,
    version: Version | str,
    *,
    public_key: Ed25519PublicKey | None = None,
) -> Manifest:
    """The same, but ReleaseError when there is none."""
    manifest = find_manifest(storage, product, version, public_key=public_key)
    if manifest is None:
        raise ReleaseError(f"There is no release {version} of {product}.", do="list the releases")
    return manifest


def versions(storage: Storage, product: str) -> list[Version]:
    """Published versions of a product, oldest first."""
    found = []
    for key in storage.list(f"{product}/"):
        parts = key.split("/")
        if len(parts) == 3 and parts[2] == MANIFEST_NAME:
            found.append(parse_version(parts[1]))
    return sorted(found)


def patient_hashes(
    storage: Storage, product: str, *, public_key: Ed25519PublicKey | None
) -> tuple[str, ...]:
    """SHA-256 of every published patient file, oldest version first, withdrawn ones included.

    Whoever received a version keeps it: withdrawing it does not take it out of their hands.
    """
    found = []
    for version in versions(storage, product):
        manifest = load_manifest(storage, product, version, public_key=public_key)
        table = f"{product}__patient"
        found += [entry.sha256 for entry in manifest.files if entry.table == table]
    return tuple(found)


def last_manifest(
    storage: Storage, product: str, *, public_key: Ed25519PublicKey
) -> Manifest | None:
    """The newest published release of a product, its signature checked; None when there is none."""
    found = versions(storage, product)
    if not found:
        return None
    return load_manifest(storage, product, found[-1], public_key=public_key)


def is_retired(storage: Storage, product: str, version: Version | str) -> bool:
    """True when the release was withdrawn from delivery."""
    try:
        storage.get_bytes(f"{product}/{version}/{RETIRED_NAME}")
    except KeyMissingError:
        return False
    return True


def list_releases(storage: Storage, product: str | None = None) -> tuple[Release, ...]:
    """All published releases, by product and version."""
    names = (product,) if product else product_names()
    return tuple(
        show_release(storage, name, version)
        for name in names
        for version in versions(storage, name)
    )


def show_release(storage: Storage, product: str, version: Version | str) -> Release:
    """One published release; ReleaseError when there is none."""
    manifest = load_manifest(storage, product, version)
    return as_release(manifest, is_retired=is_retired(storage, product, version))


def as_release(manifest: Manifest, *, is_retired: bool = False) -> Release:
    """A manifest in short."""
    return Release(
        product=manifest.product,
        version=str(manifest.version),
        month=manifest.month,
        content_sha256=manifest.content_sha256,
        manifest_sha256=manifest.sha256,
        published_at=manifest.published_at,
        change=manifest.change,
        files=len(manifest.files),
        rows=sum(f.rows or 0 for f in manifest.files),
        bytes=sum(f.bytes for f in manifest.files),
        is_retired=is_retired,
    )


def latest_version(storage: Storage, product: str) -> str | None:
    """What ``latest.json`` names; None when nothing was published."""
    try:
        return str(json.loads(storage.get_bytes(f"{product}/latest.json"))["version"])
    except KeyMissingError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise ReleaseError(
            f"latest.json of {product} is damaged.", do="publish again; it is rewritten"
        ) from error
