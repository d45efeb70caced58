"""Keys by purpose and generation, as a value. Add a key purpose to PURPOSES.

How keys are kept on disk belongs to `store`, who may read them to `unlock`.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

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
ID_LENGTH = 16


@dataclass(frozen=True)
class Keyring:
    """All keys by purpose. ``repr`` never shows one.

    Attributes:
        path: the file it came from.
        _keys: purpose -> the current generation's 32 bytes.
        _earlier: purpose -> keys of earlier generations, oldest first; kept for recall.
        made: purpose -> time each generation was made (UTC, ISO 8601), oldest first.
    """

    path: Path
    _keys: dict[str, bytes]
    _earlier: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict)
    made: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Keyring({self.path}, {len(self._keys)} keys)"

    def key(self, purpose: str, *scope: str, generation: int | None = None) -> bytes:
        """32 bytes for a purpose, narrowed by scope (product, licensee …) through HMAC-SHA256.

        Args:
            purpose: one of PURPOSES.
            scope: parts that narrow the key, in order.
            generation: 1 for the first key of the purpose; the current one if omitted.
        """
        if purpose not in self._keys:
            raise ConfigError(
                f"The keyring has no key for {purpose!r}.",
                expected=", ".join(sorted(PURPOSES)),
                do="run `clearward init`, which adds missing keys and changes none",
            )
        key = self._of_generation(purpose, generation)
        for part in scope:
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return key

    def generation(self, purpose: str) -> int:
        """Number of the purpose's current key; 1 until it is rotated for the first time."""
        return len(self._earlier.get(purpose, ())) + 1

    @property
    def id(self) -> str:
        """16 hex characters that tell this installation's keyring from every other one.

        They come from the keys that make row keys and date shifts, so a file that carries another
        row key has another id whatever it claims, and neither key can be found from the id.
        """
        both = hmac.new(self.key("row"), self.key("dates"), hashlib.sha256).digest()
        return hmac.new(both, b"clearward keyring", hashlib.sha256).hexdigest()[:ID_LENGTH]

    def _of_generation(self, purpose: str, generation: int | None) -> bytes:
        every = (*self._earlier.get(purpose, ()), self._keys[purpose])
        if generation is None:
            return every[-1]
        if not 1 <= generation <= len(every):
            raise ConfigError(
                f"The keyring has no such generation of {purpose!r}.",
                seen=str(generation),
                expected=f"1 to {len(every)}",
            )
        return every[generation - 1]


def pseudonym(key: bytes, *parts: str) -> str:
    """20 hex characters of HMAC-SHA256 (RFC 2104) over the parts joined by ``|``."""
    return hmac.digest(key, "|".join(parts).encode(), "sha256").hex()[:20]


def new_key() -> bytes:
    """32 bytes from the operating system's generator."""
    return secrets.token_bytes(KEY_BYTES)


def now() -> str:
    """The time a key is made, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
