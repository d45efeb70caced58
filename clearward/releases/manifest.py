"""The manifest of a release: an in-toto Statement v1 about every file, and where it came from.
Signing belongs to `signing`; where it is kept to `shelf`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from clearward.errors import ReleaseError
from clearward.keyring import Keyring
from clearward.releases.signing import open_envelope, sign
from clearward.releases.version import Version, parse_version

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:clearward:release:1"
MANIFEST_NAME = "manifest.dsse.json"
SUMS_NAME = "SHA256SUMS.txt"


@dataclass(frozen=True)
class FileEntry:
    """A published file; ``table``, ``rows`` and ``columns`` only for data.

    Attributes:
        path: inside the release.
        columns: column -> type.
    """

    path: str
    sha256: str
    bytes: int
    table: str = ""
    rows: int | None = None
    columns: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Manifest:
    """What is signed. ``envelope`` are the bytes as stored; empty until signed.

    Attributes:
        base: folder inside the version's folder that holds the files: named by their content, so
            two candidates for one version never touch each other's files.
        previous: ``{"version", "manifest_sha256"}`` of the release before, or empty.
        facts: changes, lineage, gate and privacy figures, as JSON values.
    """

    product: str
    version: Version
    month: str
    content_sha256: str
    base: str
    published_at: str
    change: str
    previous: Mapping[str, str]
    files: tuple[FileEntry, ...]
    facts: Mapping[str, Any]
    envelope: bytes = b""

    @property
    def sha256(self) -> str:
        """SHA-256 of the signed envelope."""
        return hashlib.sha256(self.envelope).hexdigest()

    @property
    def schema(self) -> dict[str, dict[str, str]]:
        """Table -> column -> type."""
        return {f.table: dict(f.columns or {}) for f in self.files if f.table}

    def file(self, path: str) -> FileEntry | None:
        """The entry of a path, or None."""
        return next((f for f in self.files if f.path == path), None)

    def signed(self, keyring: Keyring) -> bytes:
        """The envelope over this manifest."""
        return sign(_statement(self), keyring)


def _statement(manifest: Manifest) -> bytes:
    files = sorted(manifest.files, key=lambda f: f.path)
    predicate = {
        "product": manifest.product,
        "version": str(manifest.version),
        "month": manifest.month,
        "content_sha256": manifest.content_sha256,
        "base": manifest.base,
        "published_at": manifest.published_at,
        "change": manifest.change,
        "previous": dict(manifest.previous),
        "files": [{k: v for k, v in asdict(f).items() if v not in (None, "")} for f in files],
        "facts": manifest.facts,
    }
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": f.path, "digest": {"sha256": f.sha256}} for f in files],
        "predicateType": PREDICATE_TYPE,
        "predicate": predicate,
    }
    return json.dumps(statement, indent=1, ensure_ascii=False, sort_keys=True).encode()


def read_manifest(envelope: bytes, public_key: Ed25519PublicKey | None) -> Manifest:
    """Read a manifest; its signature is checked when a key is given. ReleaseError otherwise."""
    payload = open_envelope(envelope, public_key)
    try:
        statement = json.loads(payload)
        if statement["predicateType"] != PREDICATE_TYPE:
            raise ValueError("another kind of statement")
        body = statement["predicate"]
        files = tuple(FileEntry(**entry) for entry in body["files"])
        if {s["name"]: s["digest"]["sha256"] for s in statement["subject"]} != {
            f.path: f.sha256 for f in files
        }:
            raise ValueError("subjects and files differ")
        names = ("product", "month", "content_sha256", "base", "published_at", "change", "facts")
        return Manifest(
            **{name: body[name] for name in names},
            version=parse_version(body["version"]),
            previous=body["previous"],
            files=files,
            envelope=envelope,
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ReleaseError(
            "The manifest cannot be understood.",
            expected=f"an in-toto statement of type {PREDICATE_TYPE}",
            do="update Clearward, or fetch the manifest again",
        ) from error


def sums_text(files: Mapping[str, str]) -> str:
    """``SHA256SUMS.txt`` for ``sha256sum -c``; path -> SHA-256."""
    return "".join(f"{digest}  {path}\n" for path, digest in sorted(files.items()))
