"""Links to the files of a release, good for a short time and for one licence. Who may have them is
decided by `policies`; serving them belongs to `service`.

A link to a directory store is signed with HMAC-SHA256 over everything that matters; a bucket signs
its own. Either way a link is a secret: it is never logged.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from clearward.keyring import Keyring
from clearward.licensing.registry import Bearer
from clearward.releases.manifest import MANIFEST_NAME, FileEntry, Manifest
from clearward.releases.shelf import file_key, manifest_key
from clearward.storage import Storage

LINK_SECONDS = 3600


@dataclass(frozen=True)
class LinkClaim:
    """What a signed link says: which file, under which token, until when (Unix seconds)."""

    product: str
    version: str
    path: str
    token_id: str
    expires: int


def sign_claim(keyring: Keyring, claim: LinkClaim) -> str:
    """64 hex characters; fields are joined by a byte none of them can hold."""
    parts = (claim.product, claim.version, claim.path, claim.token_id, str(claim.expires))
    message = "\0".join(parts).encode()
    return hmac.new(keyring.key("links"), message, hashlib.sha256).hexdigest()


def may_follow(keyring: Keyring, claim: LinkClaim, *, signature: str, now: datetime) -> bool:
    """True while the signature holds and the link has not expired; compares in constant time."""
    genuine = hmac.compare_digest(sign_claim(keyring, claim).encode(), signature.encode())
    return genuine and now.timestamp() < claim.expires


@dataclass(frozen=True)
class Linker:
    """Makes links for one bearer, all good until the same moment.

    Attributes:
        base_url: where buyers reach the service.
        now: UTC.
        seconds: how long a link is good; nobody's outlives their licence. S3 presigns for seven
            days at most.
    """

    keyring: Keyring
    bearer: Bearer
    base_url: str
    now: datetime
    seconds: int = LINK_SECONDS

    @property
    def until(self) -> datetime:
        """First moment at which the links are no longer good."""
        return min(self.now + timedelta(seconds=self.seconds), self.bearer.licence.valid_until)

    def link(self, storage: Storage, manifest: Manifest, entry: FileEntry) -> str:
        """A link to a file of a release: the bucket's own, or one of the service."""
        found = find_file(manifest, entry.path)
        if found:
            seconds = max(1, int((self.until - self.now).total_seconds()))
            name = entry.path.rsplit("/", 1)[-1]
            presigned = storage.presign(found[0], expires=seconds, filename=name)
            if presigned is not None:
                return presigned
        return self.own_link(manifest.product, str(manifest.version), entry.path)

    def own_link(self, product: str, version: str, path: str) -> str:
        """A link that the service itself serves."""
        expires = int(self.until.timestamp())
        claim = LinkClaim(product, version, path, self.bearer.token_id, expires)
        signature = sign_claim(self.keyring, claim)
        # Delta readers fetch as a plain link only what has a parameter like `sp`, "permits reading"
        query = urlencode({"t": claim.token_id, "e": claim.expires, "sp": "r", "s": signature})
        return f"{self.base_url}/files/{product}/{version}/{quote(path)}?{query}"

    def is_own(self, url: str) -> bool:
        """True when a link comes back to the service, False when a bucket serves it."""
        return url.startswith(f"{self.base_url}/files/")


def release_links(linker: Linker, storage: Storage, manifest: Manifest) -> dict[str, Any]:
    """Everything a buyer needs to fetch and verify a release.

    Returns ``{product, version, expires_at, manifest_sha256, files}`` with ``{path, url, sha256,
    bytes}`` per file; the manifest itself is the first one.
    """
    entries = [_manifest_entry(manifest), *manifest.files]
    links = [
        {
            "path": entry.path,
            "url": linker.link(storage, manifest, entry),
            "sha256": entry.sha256,
            "bytes": entry.bytes,
        }
        for entry in entries
    ]
    return {
        "product": manifest.product,
        "version": str(manifest.version),
        "expires_at": linker.until.isoformat(timespec="seconds"),
        "manifest_sha256": manifest.sha256,
        "files": links,
    }


def find_file(manifest: Manifest, path: str) -> tuple[str, FileEntry] | None:
    """Key and entry of a file that a buyer may ask for; None when the release has no such file."""
    if path == MANIFEST_NAME:
        return manifest_key(manifest.product, manifest.version), _manifest_entry(manifest)
    entry = manifest.file(path)
    return (file_key(manifest, entry), entry) if entry else None


def _manifest_entry(manifest: Manifest) -> FileEntry:
    return FileEntry(MANIFEST_NAME, manifest.sha256, len(manifest.envelope))
