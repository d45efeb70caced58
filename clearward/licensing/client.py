"""The buyer's side: list, download, verify. It needs a URL, a token and the publisher's public key,
and nothing of the publisher's machine. Plain HTTP is refused except on the own machine.
"""

from __future__ import annotations

import hashlib
import json
import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from clearward.errors import LicenceError, ReleaseError, StorageBusyError
from clearward.licensing.attestation import Attested, sign_attestation
from clearward.licensing.recall_lists import read_recall
from clearward.releases.manifest import FileEntry, read_manifest
from clearward.releases.verify import Verified, verify_release
from clearward.storage import check_key
from clearward.storage.port import CHUNK
from clearward.warehouse import hash_file

_LOCAL = {"127.0.0.1", "localhost", "::1"}
_TIMEOUT = 60
_JSON = "application/json"


@dataclass(frozen=True)
class Client:
    """A buyer's access: where the service is and the token. ``repr`` never shows the token."""

    base_url: str
    token: str

    def __repr__(self) -> str:
        return f"Client({self.base_url})"

    def releases(self) -> list[dict[str, Any]]:
        """Releases that the licence covers."""
        return list(self._get("/v1/releases")["releases"])

    def links(self, product: str, version: str) -> dict[str, Any]:
        """Expiring links to every file of a release."""
        return self._get(f"/v1/releases/{check_key(product)}/{check_key(version)}/links")

    def download(
        self, product: str, version: str, *, folder: Path, public_key: Ed25519PublicKey
    ) -> Verified:
        """Fetch a release into a folder and verify it; unfinished files are taken up again.

        The manifest comes first and its signature is checked before anything else is fetched;
        only paths it names are written.

        Raises:
            LicenceError: the token or the licence does not cover it.
            ReleaseError: signature or content is wrong, see `releases.verify`.
            StorageBusyError: the service is out of reach; call again, it goes on where it stopped.
        """
        told = self.links(product, version)
        urls = {str(file["path"]): str(file["url"]) for file in told["files"]}
        folder.mkdir(parents=True, exist_ok=True)
        manifest_path, *_ = urls
        with _open(urls[manifest_path]) as answer:
            envelope = answer.read()
        manifest = read_manifest(envelope, public_key)
        if (manifest.product, str(manifest.version)) != (product, version):
            raise ReleaseError("The service sent the manifest of another release.")
        for entry in manifest.files:
            if entry.path not in urls:
                raise ReleaseError("The service gave no link to a file.", seen=entry.path)
            _fetch(urls[entry.path], folder / check_key(entry.path), entry)
        (folder / check_key(manifest_path)).write_bytes(envelope)
        return verify_release(folder, public_key, product=product, version=version)

    def recalls(self) -> list[dict[str, Any]]:
        """The recall lists for what was received, without the patients on them."""
        return list(self._get("/v1/recalls")["recalls"])

    def fetch_recall(
        self, list_id: str, *, folder: Path, public_key: Ed25519PublicKey
    ) -> dict[str, Any]:
        """Fetch a recall list, check its signature and keep it for oneself, mode 0600.

        Returns what it asks for: ``product``, ``due_at``, ``recalled`` (version, copy,
        patient_keys). ReleaseError when it is not the publisher's; nothing is kept then.
        """
        document = self._call(f"/v1/recalls/{check_key(list_id)}")
        asked = read_recall(document, public_key)
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / f"{check_key(list_id)}.dsse.json"
        with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:  # noqa: PTH123 - with its mode
            file.write(document)
        return asked

    def attest(
        self,
        list_file: Path,
        *,
        by: str,
        deleted_at: datetime,
        key: Ed25519PrivateKey | None = None,
    ) -> dict[str, Any]:
        """Say that what a fetched list names is deleted; signed, where the licence names a key."""
        document = list_file.read_bytes()
        name = read_recall(document, None)["list_id"]
        said = Attested(name, hashlib.sha256(document).hexdigest(), by, deleted_at)
        body = sign_attestation(said, key) if key else json.dumps(said.fields()).encode()
        answer = self._call(f"/v1/recalls/{check_key(name)}/attestation", body=body)
        return dict(json.loads(answer))

    def _get(self, path: str) -> dict[str, Any]:
        document = json.loads(self._call(path))
        if not isinstance(document, dict):
            raise ReleaseError("The service's answer cannot be understood.", seen=path)
        return document

    def _call(self, path: str, *, body: bytes | None = None) -> bytes:
        url = self.base_url.rstrip("/") + path
        headers = {"Authorization": f"Bearer {self.token}"}
        with _open(url, headers, body=body) as answer:
            return bytes(answer.read())


def _fetch(url: str, target: Path, entry: FileEntry) -> None:
    if target.is_file() and target.stat().st_size == entry.bytes:
        if hash_file(target) == entry.sha256:
            return
        target.unlink()
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.partial")
    if entry.bytes == 0:
        target.touch()
        return
    have = partial.stat().st_size if partial.is_file() else 0
    if have < entry.bytes:
        _receive(url, partial, have=have)
    if partial.stat().st_size != entry.bytes or hash_file(partial) != entry.sha256:
        partial.unlink()
        raise ReleaseError(
            "A file did not arrive as it was signed.",
            seen=entry.path,
            do="download again; if it stays so, tell the publisher",
        )
    partial.replace(target)


def _receive(url: str, partial: Path, *, have: int) -> None:
    with _open(url, {"Range": f"bytes={have}-"} if have else {}) as answer:
        mode = "ab" if have and answer.status == 206 else "wb"
        with partial.open(mode) as file:
            while chunk := answer.read(CHUNK):
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())


def _open(url: str, headers: dict[str, str] | None = None, *, body: bytes | None = None) -> Any:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOCAL):
        raise LicenceError(
            "A token or link must not travel unencrypted.", expected="https", do="use https"
        )
    request = urllib.request.Request(  # noqa: S310 - checked above
        url, data=body, headers={**(headers or {}), **({"Content-Type": _JSON} if body else {})}
    )
    try:
        return urllib.request.urlopen(request, timeout=_TIMEOUT)  # noqa: S310 - checked above
    except urllib.error.HTTPError as error:
        raise _refused(error.code) from None
    except OSError as error:
        raise StorageBusyError(
            "The delivery service is out of reach.",
            seen=type(error).__name__,
            do="check the URL and the network, then try again",
        ) from None


def _refused(status: int) -> LicenceError | StorageBusyError:
    if status >= 500:
        return StorageBusyError("The delivery service is busy.", seen=str(status), do="try again")
    words = {
        400: "The service did not understand, or the attestation is not acceptable.",
        401: "The token is unknown, expired or revoked.",
        403: "The licence is not in force, or the link has expired.",
        404: "The licence covers no such release or list.",
    }
    return LicenceError(
        words.get(status, "The delivery service refused."),
        seen=f"HTTP {status}",
        do="list what the licence covers, or ask the publisher",
    )
