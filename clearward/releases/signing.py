"""Signatures over manifests: DSSE v1 envelopes, Ed25519 (RFC 8032). What is signed belongs to
`manifest`.

DSSE signs the payload's type together with its bytes, so no canonical JSON is needed and a
signature over one kind of document is none over another (secure-systems-lab/dsse, protocol 1.0).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from clearward.errors import ReleaseError
from clearward.keyring import Keyring

PAYLOAD_TYPE = "application/vnd.in-toto+json"


def private_key(keyring: Keyring) -> Ed25519PrivateKey:
    """The key that signs manifests."""
    return Ed25519PrivateKey.from_private_bytes(keyring.key("signing"))


def public_pem(keyring: Keyring) -> bytes:
    """The public key as published: PEM, SubjectPublicKeyInfo."""
    key = private_key(keyring).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def private_keys(keyring: Keyring) -> list[Ed25519PrivateKey]:
    """Every generation's signing key, oldest first."""
    return [
        Ed25519PrivateKey.from_private_bytes(keyring.key("signing", generation=number + 1))
        for number in range(keyring.generation("signing"))
    ]


def public_pems(keyring: Keyring) -> list[tuple[bytes, str]]:
    """PEM and `key_id` of every generation's public key, oldest first."""
    publics = [key.public_key() for key in private_keys(keyring)]
    form = Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    return [(public.public_bytes(*form), key_id(public)) for public in publics]


def key_id(public_key: Ed25519PublicKey) -> str:
    """SHA-256 of the raw public key, 64 hex characters: what a buyer compares by telephone."""
    raw = public_key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()


def load_public_key(source: Path | bytes | Keyring) -> Ed25519PublicKey:
    """Read a public key from PEM, from a file, or as the other half of a keyring's own key."""
    if isinstance(source, Keyring):
        return private_key(source).public_key()
    try:
        key = load_pem_public_key(source if isinstance(source, bytes) else source.read_bytes())
    except (ValueError, OSError) as error:
        raise ReleaseError(
            "The public key cannot be read.",
            expected="an Ed25519 key in PEM",
            do="take keys/clearward-ed25519.pub from the store, and compare its fingerprint",
        ) from error
    if not isinstance(key, Ed25519PublicKey):
        raise ReleaseError("The public key is of another kind.", expected="Ed25519")
    return key


def sign(payload: bytes, keyring: Keyring) -> bytes:
    """The envelope's bytes; the same payload and key give the same bytes."""
    return sign_with(payload, private_key(keyring))


def sign_with(payload: bytes, *keys: Ed25519PrivateKey, kind: str = PAYLOAD_TYPE) -> bytes:
    """The same with keys that are not the publisher's newest: a licensee signs with their own.

    ``kind`` is signed with the payload: a signature over one kind is none over another.
    """
    envelope = {
        "payloadType": kind,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [
            {
                "keyid": key_id(key.public_key()),
                "sig": base64.b64encode(key.sign(_pae(payload, kind))).decode(),
            }
            for key in keys
        ],
    }
    return json.dumps(envelope, indent=1).encode() + b"\n"


def open_envelope(
    envelope: bytes, public_key: Ed25519PublicKey | None, *, kind: str = PAYLOAD_TYPE
) -> bytes:
    """The payload, once a signature of this key holds; unverified where no key is given.

    A signature's ``keyid`` is a hint and proves nothing (DSSE protocol, 1.0): every signature is
    tried. ReleaseError when the envelope is damaged or no signature holds.
    """
    try:
        document = json.loads(envelope)
        payload = _decoded(document["payload"])
        seen = document["payloadType"]
        signatures = [_decoded(each["sig"]) for each in document["signatures"]]
    except (ValueError, KeyError, TypeError) as error:
        raise ReleaseError(
            "The manifest is damaged.", expected="a DSSE envelope", do="fetch it again"
        ) from error
    if seen != kind:
        raise ReleaseError("The manifest is of another type.", expected=kind)
    if public_key and not _any_holds(public_key, signatures, payload, kind=kind):
        raise ReleaseError(
            "The manifest's signature does not hold.",
            seen=f"{len(signatures)} signatures, none by this key",
            expected=f"one by key {key_id(public_key)[:16]}…",
            do="do not use the release; compare the key's fingerprint with its publisher",
        )
    return payload


def _decoded(text: str) -> bytes:
    """Base64 in either alphabet, as DSSE allows; ValueError for anything else."""
    if not isinstance(text, str):
        raise ValueError("no base64")
    return binascii.a2b_base64(text.translate(_URL_SAFE).encode("ascii"), strict_mode=True)


_URL_SAFE = str.maketrans("-_", "+/")


def _any_holds(
    public_key: Ed25519PublicKey, signatures: Sequence[bytes], payload: bytes, *, kind: str
) -> bool:
    return any(_holds(public_key, each, _pae(payload, kind)) for each in signatures)


def _holds(public_key: Ed25519PublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        public_key.verify(signature, signed)
    except InvalidSignature:
        return False
    return True


def _pae(payload: bytes, kind: str) -> bytes:
    """Pre-authentication encoding of DSSE v1; lengths are of bytes."""
    name = kind.encode()
    return b"DSSEv1 %d %b %d %b" % (len(name), name, len(payload), payload)
