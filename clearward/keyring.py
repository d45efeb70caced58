"""The secret keys: made once, kept in one file, never printed. Add a key purpose to PURPOSES.

Keys leave this module only as bytes for an HMAC or a signature. They are never written to the
warehouse, the state database, a log or git.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

import duckdb

from clearward.errors import ConfigError

PURPOSES = {
    "row": "stable keys of rows and patients inside the hospital-facing zones",
    "dates": "the date shift of each patient",
    "product": "the pseudonyms of each product family",
    "surrogate": "replacement names in scrubbed text",
    "links": "signatures of expiring download links",
    "signing": "Ed25519 seed that signs manifests",
}
KEY_BYTES = 32
_BLOCK = 64


@dataclass(frozen=True)
class Keyring:
    """All keys by purpose. ``repr`` never shows one."""

    path: Path
    _keys: dict[str, bytes]

    def __repr__(self) -> str:
        return f"Keyring({self.path}, {len(self._keys)} keys)"

    def key(self, purpose: str, *scope: str) -> bytes:
        """32 bytes for a purpose, narrowed by scope (product, licensee …) through HMAC-SHA256."""
        if purpose not in self._keys:
            raise ConfigError(
                f"The keyring has no key for {purpose!r}.",
                expected=", ".join(sorted(PURPOSES)),
                do="run `clearward init`, which adds missing keys and changes none",
            )
        key = self._keys[purpose]
        for part in scope:
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return key


def init_keyring(path: Path) -> Keyring:
    """Create the file with mode 0600, or add purposes it lacks; an existing key never changes."""
    keys = load_keyring(path)._keys if path.exists() else {}
    missing = {name: secrets.token_bytes(KEY_BYTES) for name in PURPOSES if name not in keys}
    if missing:
        _write(path, {**keys, **missing})
    return load_keyring(path)


def load_keyring(path: Path) -> Keyring:
    """Read the keyring; refuses a file that others can read."""
    if not path.exists():
        raise ConfigError(f"There is no keyring at {path}.", do="run `clearward init`")
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise ConfigError(
            f"The keyring {path} can be read by others.",
            seen=f"mode {mode:04o}",
            expected="mode 0600",
            do=f"chmod 600 {path}, and replace the keys if it was exposed",
        )
    try:
        document = json.loads(path.read_text())
        keys = {name: base64.b64decode(text) for name, text in document["keys"].items()}
    except (ValueError, KeyError, AttributeError) as error:
        raise ConfigError(
            f"The keyring {path} is damaged.", do="restore it from its backup"
        ) from error
    return Keyring(path, keys)


def _write(path: Path, keys: dict[str, bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    encoded = {name: base64.b64encode(key).decode() for name, key in sorted(keys.items())}
    partial = path.with_suffix(".partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"version": 1, "keys": encoded}, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def pseudonym(key: bytes, *parts: str) -> str:
    """20 hex characters of HMAC-SHA256 (RFC 2104) over the parts joined by ``|``."""
    return hmac.new(key, "|".join(parts).encode(), hashlib.sha256).hexdigest()[:20]


def install_hmac(connection: duckdb.DuckDBPyConnection, name: str, key: bytes) -> None:
    """Define ``<name>(text)`` in DuckDB: the same 20 hex characters as `pseudonym`, pushed down.

    The key goes in as a bound parameter of a session variable, so no SQL text, plan or error
    message ever holds it. NULL in, NULL out.
    """
    block = key.ljust(_BLOCK, b"\0")
    connection.execute(f"SET VARIABLE {name}_inner = ?", [bytes(b ^ 0x36 for b in block)])
    connection.execute(f"SET VARIABLE {name}_outer = ?", [bytes(b ^ 0x5C for b in block)])
    connection.execute(
        f"CREATE OR REPLACE TEMP MACRO {name}(message) AS left(sha256(getvariable('{name}_outer')"
        f" || unhex(sha256(getvariable('{name}_inner') || encode(message)))), 20)"
    )
