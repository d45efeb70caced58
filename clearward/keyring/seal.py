"""Sealing and opening bytes with the age format (age-encryption.org/v1), or with a KMS.

A seal is a mapping that goes into the file in the clear: the method, what it needs to be opened
again, the sealed bytes in base64. Where the secret comes from belongs to `unlock`.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

import pyrage  # type: ignore[import-untyped]  # ships no stubs

from clearward.errors import ConfigError
from clearward.keyring import unlock

IDENTITY = "AGE-SECRET-KEY-1"
LEAST_PASSPHRASE = 16
METHODS = {
    "age-x25519": "an age identity",
    "age-passphrase": "a passphrase",
    "aws-kms": "a key of a key management service",
}


def seal(payload: bytes, source: str) -> dict[str, Any]:
    """Seal for whoever holds the secret of a source (`unlock.FORMS`)."""
    if source.startswith(unlock.KMS):
        return {"method": "aws-kms", **_kms().seal(payload, source)}
    secret = unlock.read_secret(source)
    if secret.startswith(IDENTITY):
        return seal_to(payload, str(_identity(secret).to_public()))
    if len(secret) < LEAST_PASSPHRASE:
        raise ConfigError(
            "The passphrase for the keyring is too short.",
            seen=f"{len(secret)} characters",
            expected=f"{LEAST_PASSPHRASE} or more, or an age identity",
        )
    return {
        "method": "age-passphrase",
        "sealed": _text(pyrage.passphrase.encrypt(payload, secret)),
    }


def seal_to(payload: bytes, recipient: str) -> dict[str, Any]:
    """Seal for an age public key (``age1…``); its identity need not be on this machine."""
    try:
        public = pyrage.x25519.Recipient.from_str(recipient)
    except pyrage.RecipientError:
        raise ConfigError(
            "Not an age public key.", expected="age1…", do="take the line that `age-keygen` prints"
        ) from None
    sealed = _text(pyrage.encrypt(payload, [public]))
    return {"method": "age-x25519", "recipient": recipient, "sealed": sealed}


def unseal(document: Mapping[str, Any], source: str) -> bytes:
    """The payload; ConfigError when the source's secret is not the one it was sealed for."""
    method = document.get("method")
    if method not in METHODS:
        raise ConfigError("The keyring is sealed in an unknown way.", expected=", ".join(METHODS))
    if (method == "aws-kms") != source.startswith(unlock.KMS):
        raise _wrong(method, "a source of another kind")
    if method == "aws-kms":
        return bytes(_kms().unseal(document, source))
    secret = unlock.read_secret(source)
    if (method == "age-x25519") != secret.startswith(IDENTITY):
        raise _wrong(method, "a secret of another kind")
    sealed = base64.b64decode(document["sealed"], validate=True)
    try:
        if method == "age-x25519":
            return bytes(pyrage.decrypt(sealed, [_identity(secret)]))
        return bytes(pyrage.passphrase.decrypt(sealed, secret))
    except pyrage.DecryptError:
        raise _wrong(method, "another secret, or a changed file") from None


def _kms() -> ModuleType:
    # Its SDK takes a third of a second to load, which most installations need not pay.
    return import_module("clearward.keyring.kms")


def _identity(secret: str) -> pyrage.x25519.Identity:
    try:
        return pyrage.x25519.Identity.from_str(secret)
    except pyrage.IdentityError:
        raise ConfigError("The age identity is damaged.", do="restore it from its copy") from None


def _wrong(method: str, seen: str) -> ConfigError:
    return ConfigError(
        "The keyring cannot be opened.",
        seen=seen,
        expected=f"{METHODS[method]} that it was sealed for",
        do="correct CLEARWARD_KEYRING_UNLOCK, or restore the keyring from its backup",
    )


def _text(sealed: bytes) -> str:
    return base64.b64encode(sealed).decode()
