"""The secrets behind licensees' copies, over all generations of the product key. What is done with
them belongs to `copies` and `recall_lists`.

After a rotation new copies use the new generation, while files that are out keep the names of the
old one: whoever recalls must ask for every generation the keyring still holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from clearward.errors import ConfigError
from clearward.keyring import Keyring, licensee_scope, pseudonym


@dataclass(frozen=True)
class CopyKeys:
    """Secrets of one licensee and product. ``repr`` never shows them."""

    pseudonyms: bytes
    dates: bytes

    def __repr__(self) -> str:
        return "CopyKeys()"


def licensee_keys(keyring: Keyring, product: str, licensee: str) -> CopyKeys:
    """The two secrets that a licensee's copies of a product are made with now."""
    scope = _scope(licensee)
    return CopyKeys(keyring.key("product", product, scope), keyring.key("dates", product, scope))


def product_keys(keyring: Keyring, product: str) -> tuple[bytes, ...]:
    """The keys that patients' pseudonyms of a product were ever made with, newest first."""
    return tuple(_every(keyring, product))


def name_copy(secret: bytes, canonical_sha256: str) -> str:
    """Public name of the copy that a secret makes of a release: 20 hex characters."""
    return pseudonym(secret, "copy", canonical_sha256)


def secret_of_copy(
    keyring: Keyring, product: str, licensee: str, *, copy_id: str, canonical_sha256: str
) -> bytes:
    """The secret that a copy was made with, found by its name in whatever generation it was.

    ConfigError when the keyring holds it no longer: without it nobody can say how the licensee's
    files name a patient.
    """
    for secret in _every(keyring, product, _scope(licensee)):
        if name_copy(secret, canonical_sha256) == copy_id:
            return secret
    raise ConfigError(
        f"The keyring has no key that made copy {copy_id} of {product}.",
        seen="a copy of another keyring, of a lost generation, or under another name of the buyer",
        do="restore the keyring with its earlier generations; the recall waits for it",
    )


def _scope(licensee: str) -> str:
    return licensee_scope(licensee)


def _every(keyring: Keyring, *scope: str) -> Iterator[bytes]:
    """The product key of every generation, narrowed; a keyring that cannot rotate has one."""
    yield keyring.key("product", *scope)
    rotating = cast(Any, keyring)
    newest = rotating.generation("product") if hasattr(keyring, "generation") else 1
    for number in range(newest - 1, 0, -1):
        yield rotating.key("product", *scope, generation=number)
