"""The secrets behind licensees' copies, over all generations of the product key. What is done with
them belongs to `copies`, `recall_lists` and `tracing`.

After a rotation new copies use the new generation, while files that are out keep the names of the
old one: whoever recalls or traces must ask for every generation the keyring still holds.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from clearward.errors import ConfigError
from clearward.keyring import Keyring, licensee_scope, pseudonym
from clearward.licensing.model import Copy

_MADE_AS = {Copy.OWN: "copy", Copy.MARKED: "marked copy"}


@dataclass(frozen=True)
class CopyKeys:
    """Secrets of one licensee and product in one generation. ``repr`` never shows them.

    Attributes:
        pseudonyms, dates: what keys are named and days moved with.
        marks: what the licensee's bits are drawn from.
    """

    pseudonyms: bytes
    dates: bytes
    marks: bytes

    def __repr__(self) -> str:
        return "CopyKeys()"

    @property
    def id(self) -> str:
        """16 hex characters that tell these secrets from any other, and nothing about them."""
        both = hmac.new(self.pseudonyms, self.marks, hashlib.sha256).digest()
        return hmac.new(both, b"copy keys", hashlib.sha256).hexdigest()[:16]


@dataclass(frozen=True)
class CodeKeys:
    """Secrets of a product's marks that all licensees share: where bits stand, how biased they are.

    ``repr`` never shows them.
    """

    places: bytes
    biases: bytes

    def __repr__(self) -> str:
        return "CodeKeys()"


def licensee_keys(keyring: Keyring, product: str, licensee: str) -> CopyKeys:
    """The secrets that a licensee's copies of a product are made with now."""
    return every_licensee_keys(keyring, product, licensee)[0]


def every_licensee_keys(keyring: Keyring, product: str, licensee: str) -> tuple[CopyKeys, ...]:
    """The secrets that a licensee's copies of a product were ever made with, newest first."""
    scope = _scope(licensee)
    dates = keyring.key("dates", product, scope)
    names = _every(keyring, product, scope)
    return tuple(
        CopyKeys(name, dates, marks)
        for name, marks in zip(names, _every(keyring, product, scope, "marks"), strict=True)
    )


def every_code_keys(keyring: Keyring, product: str) -> tuple[CodeKeys, ...]:
    """The secrets of a product's marks, newest first; as many as `every_licensee_keys` gives."""
    # A published pseudonym shows 80 bits of HMAC(product key, row key): no row key has a blank
    places = _every(keyring, product, "marks of all", "places")
    biases = _every(keyring, product, "marks of all", "biases")
    return tuple(CodeKeys(p, b) for p, b in zip(places, biases, strict=True))


def product_keys(keyring: Keyring, product: str) -> tuple[bytes, ...]:
    """The keys that patients' pseudonyms of a product were ever made with, newest first."""
    return tuple(_every(keyring, product))


def name_copy(secret: bytes, canonical_sha256: str, copy: Copy = Copy.OWN) -> str:
    """Public name of the copy that a secret makes of a release: 20 hex characters."""
    return pseudonym(secret, _MADE_AS[copy], canonical_sha256)


def secret_of_copy(
    keyring: Keyring, product: str, licensee: str, *, copy_id: str, canonical_sha256: str
) -> bytes:
    """The secret that a copy was made with, found by its name in whatever generation it was.

    ConfigError when the keyring holds it no longer: without it nobody can say how the licensee's
    files name a patient.
    """
    for secret in _every(keyring, product, _scope(licensee)):
        if copy_id in {name_copy(secret, canonical_sha256, copy) for copy in _MADE_AS}:
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
