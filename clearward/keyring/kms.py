"""Envelope encryption with a key management service that speaks the AWS KMS API.

``aws-kms://<key id, ARN or alias/name>[?endpoint=<URL>&region=<name>]``: the service makes a data
key and keeps the only key that opens it; the data key encrypts the keyring with AES-256-GCM
(NIST SP 800-38D) and is forgotten. Credentials are the SDK's own business.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from clearward.errors import ConfigError

# Bound into the data key by the service: a data key of another use cannot open a keyring.
CONTEXT = {"clearward": "keyring"}
_NONCE = 12
_DEFAULT_REGION = "us-east-1"


def seal(payload: bytes, url: str) -> dict[str, Any]:
    """Encrypt under a fresh data key; the mapping holds no secret."""
    client, key_id = _client(url)
    with _Refusals():
        made = client.generate_data_key(KeyId=key_id, KeySpec="AES_256", EncryptionContext=CONTEXT)
    nonce = os.urandom(_NONCE)
    sealed = AESGCM(made["Plaintext"]).encrypt(nonce, payload, None)
    return {
        "data_key": base64.b64encode(made["CiphertextBlob"]).decode(),
        "sealed": base64.b64encode(nonce + sealed).decode(),
    }


def unseal(document: Mapping[str, Any], url: str) -> bytes:
    """Have the service open the data key, then decrypt."""
    client, key_id = _client(url)
    blob = base64.b64decode(document["data_key"], validate=True)
    with _Refusals():
        opened = client.decrypt(CiphertextBlob=blob, KeyId=key_id, EncryptionContext=CONTEXT)
    sealed = base64.b64decode(document["sealed"], validate=True)
    try:
        return AESGCM(opened["Plaintext"]).decrypt(sealed[:_NONCE], sealed[_NONCE:], None)
    except InvalidTag:
        raise ConfigError(
            "The keyring was changed after it was sealed.", do="restore it from its backup"
        ) from None


def _client(url: str) -> tuple[Any, str]:
    parts = urlsplit(url)
    key_id = f"{parts.netloc}{parts.path}"
    options = {name: values[0] for name, values in parse_qs(parts.query).items()}
    unknown = set(options) - {"endpoint", "region"}
    if not key_id or unknown:
        raise ConfigError(
            "The address of the key management service is not understood.",
            seen=f"key id {key_id!r}, unknown {sorted(unknown)}",
            expected="aws-kms://<key id>?endpoint=<URL>&region=<name>",
        )
    session = boto3.session.Session()
    client = session.client(
        "kms",
        endpoint_url=options.get("endpoint"),
        region_name=options.get("region") or session.region_name or _DEFAULT_REGION,
        config=Config(connect_timeout=5, read_timeout=20, retries={"max_attempts": 3}),
    )
    return client, key_id


class _Refusals:
    """Turns the SDK's errors into one of ours; they hold codes only."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, ClientError):
            seen = str(error.response.get("Error", {}).get("Code", "refused"))
        elif isinstance(error, BotoCoreError):
            seen = type(error).__name__
        else:
            return
        raise ConfigError(
            "The key management service did not open the keyring.",
            seen=seen,
            do="check the key id, the endpoint, the credentials and the key's policy",
        ) from None
