"""Which key signed when: every generation of the signing key with the time it was in use, signed by
all of them. A buyer who knows one key finds the later ones by it, and a manifest dated after its
key was retired is refused. Rotation itself belongs to `keyring.rotation`.

A key that somebody else has proves nothing any more, and neither does a list it signed: after a
compromise the new key's fingerprint is told by another way.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import pairwise

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from clearward.errors import ReleaseError
from clearward.keyring import Keyring
from clearward.releases.manifest import Manifest, read_manifest
from clearward.releases.shelf import PUBLIC_KEY
from clearward.releases.signing import (
    key_id,
    load_public_key,
    open_envelope,
    private_keys,
    public_pem,
    public_pems,
    sign_with,
)
from clearward.storage import KeyExistsError, Storage

NAME = "keys/keys.json"
KIND = "application/vnd.clearward.keys+json"


@dataclass(frozen=True)
class ListedKey:
    """A signing key and the time in which it signed, UTC, ISO 8601.

    Attributes:
        key_id: SHA-256 of the raw public key.
        public: PEM.
        since: when it was made; empty for a first key whose time nobody noted.
        until: when its successor was made; empty for the key in use.
    """

    key_id: str
    public: str
    since: str
    until: str

    def covers(self, moment: str) -> bool:
        """True when the key was in use at a time, given in the same form."""
        return self.since[:19] <= moment[:19] and (not self.until or moment[:19] < self.until[:19])


def key_list(keyring: Keyring) -> bytes:
    """The signed list of a keyring's signing keys; the same keyring gives the same bytes."""
    pems = public_pems(keyring)
    made = [*keyring.made.get("signing", ("",) * len(pems))]
    ends = [*made[1:], ""]
    keys = [
        ListedKey(name, pem.decode(), since, until)
        for (pem, name), since, until in zip(pems, made, ends, strict=True)
    ]
    text = json.dumps({"keys": [asdict(key) for key in keys]}, indent=1)
    return sign_with(text.encode(), *private_keys(keyring), kind=KIND)


def publish_keys(storage: Storage, keyring: Keyring) -> None:
    """Put the public key and the list of keys into a store; ReleaseError for a store of another."""
    pem = public_pem(keyring)
    try:
        storage.create(PUBLIC_KEY, pem)
    except KeyExistsError as error:
        if storage.get_bytes(PUBLIC_KEY) != pem:
            raise ReleaseError(
                "The store's releases are signed by another key.",
                seen=f"another {PUBLIC_KEY}",
                expected="the public half of this keyring's signing key",
                do="use the keyring that published here, or publish to another store",
            ) from error
    with suppress(KeyExistsError):
        storage.create(NAME, key_list(keyring))


def read_key_list(envelope: bytes, known: Ed25519PublicKey) -> tuple[ListedKey, ...]:
    """The keys of a list, oldest first, once every one of them and the known one signed it.

    Raises ReleaseError: a signature is missing, the known key is not listed, or the times in which
    keys were used overlap or leave a gap.
    """
    payload = open_envelope(envelope, known, kind=KIND)
    try:
        keys = tuple(ListedKey(**entry) for entry in json.loads(payload)["keys"])
        publics = [load_public_key(key.public.encode()) for key in keys]
        _check_list(keys, publics, known)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ReleaseError(
            "The list of signing keys cannot be trusted.",
            seen=str(error) if type(error) is ValueError else type(error).__name__,
            expected="each key once, one after the other in time, the known one among them",
            do="ask the publisher, and compare fingerprints",
        ) from error
    for public in publics:
        open_envelope(envelope, public, kind=KIND)
    return keys


def _check_list(
    keys: Sequence[ListedKey], publics: Sequence[Ed25519PublicKey], known: Ed25519PublicKey
) -> None:
    if [key.key_id for key in keys] != [key_id(public) for public in publics]:
        raise ValueError("a key under another key's id")
    if key_id(known) not in {key.key_id for key in keys}:
        raise ValueError("a list without the known key")
    in_order = all(
        earlier.until and earlier.until == later.since and earlier.since <= earlier.until
        for earlier, later in pairwise(keys)
    )
    if not in_order or keys[-1].until or len({key.key_id for key in keys}) != len(keys):
        raise ValueError("times that overlap, leave a gap or end")


def read_manifest_in_time(envelope: bytes, keys: Sequence[ListedKey]) -> Manifest:
    """A manifest signed by one of the keys, at a time at which that key was in use.

    Raises ReleaseError otherwise: also for a manifest that a retired key signed later.
    """
    unverified = read_manifest(envelope, None)
    for key in keys:
        if key.covers(unverified.published_at):
            return read_manifest(envelope, load_public_key(key.public.encode()))
    raise ReleaseError(
        "No key was in use when the manifest says it was signed.",
        seen=unverified.published_at,
        expected=f"a time of one of {len(keys)} keys",
        do="do not use the release; ask its publisher",
    )
