"""Links to the files of a release, good for a short time and for one licence. Who may have them is
decided by `policies`; serving them belongs to `service`.

A link to a directory store is signed with HMAC-SHA256 over everything that matters; a bucket signs
its own. Either way a link is a secret: it is never logged.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
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


def release_links(
    storage: Storage,
    keyring: Keyring,
    manifest: Manifest,
    *,
    bearer: Bearer,
    base_url: str,
    now: datetime,
    seconds: int = LINK_SECONDS,
) -> dict[str, object]:
    """Everything a buyer needs to fetch and verify a release.

    Returns ``{product, version, expires_at, manifest_sha256, files}`` with ``{path, url, sha256,
    bytes}`` per file; the manifest itself is the first one. S3 presigns for seven days at most.
    """
    # Nobody's link outlives their licence
    until = min(now + timedelta(seconds=seconds), bearer.licence.valid_until)
    entries = [_manifest_entry(manifest), *manifest.files]
    links = []
    for entry in entries:
        url = _link(
            storage,
            keyring,
            manifest,
            entry=entry,
            bearer=bearer,
            base_url=base_url,
            now=now,
            until=until,
        )
        links.append({"path": entry.path, "url": url, "sha256": entry.sha256, "bytes": entry.bytes})
    return {
        "product": manifest.product,
        "version": str(manifest.version),
        "expires_at": until.isoformat(timespec="seconds"),
        "manifest_sha256": manifest.sha256,
        "files": links,
    }


def links_lead_to(told: Mapping[str, object], base_url: str) -> bool:
    """True when the links come back to the delivery service, False when a bucket serves them."""
    files = told["files"]
    assert isinstance(files, list)  # noqa: S101 - made by `release_links`
    return all(file["url"].startswith(f"{base_url}/files/") for file in files)


def find_file(manifest: Manifest, path: str) -> tuple[str, FileEntry] | None:
    """Key and entry of a file that a buyer may ask for; None when the release has no such file."""
    if path == MANIFEST_NAME:
        return manifest_key(manifest.product, manifest.version), _manifest_entry(manifest)
    entry = manifest.file(path)
    return (file_key(manifest, entry), entry) if entry else None


def _manifest_entry(manifest: Manifest) -> FileEntry:
    return FileEntry(MANIFEST_NAME, manifest.sha256, len(manifest.envelope))


def _link(
    storage: Storage,
    keyring: Keyring,
    manifest: Manifest,
    *,
    entry: FileEntry,
    bearer: Bearer,
    base_url: str,
    now: datetime,
    until: datetime,
) -> str:
    found = find_file(manifest, entry.path)
    key = found[0] if found else ""
    seconds = max(1, int((until - now).total_seconds()))
    name = entry.path.rsplit("/", 1)[-1]
    presigned = storage.presign(key, expires=seconds, filename=name)
    if presigned is not None:
        return presigned
    claim = LinkClaim(
        product=manifest.product,
        version=str(manifest.version),
        path=entry.path,
        token_id=bearer.token_id,
        expires=int(until.timestamp()),
    )
    signature = sign_claim(keyring, claim)
    query = urlencode({"t": claim.token_id, "e": claim.expires, "s": signature})
    return f"{base_url}/files/{claim.product}/{claim.version}/{quote(claim.path)}?{query}"
