"""Pseudonyms that leave: one per product family, and what narrows them to a licensee's copies.
The copies themselves are made in `licensing.copies`.

Every pseudonym comes from a row-level key (`patient_key`, `encounter_key` …), never from a
natural id. Two scopes share no key, so two products, or two licensees' copies of one product, hold
no column they can be joined on; who holds the keyring can cross from one to the other.
"""

from __future__ import annotations

import duckdb

from clearward.errors import ConfigError
from clearward.keyring.engine import install_hmac
from clearward.keyring.keys import Keyring, pseudonym


def product_pseudonym(
    keyring: Keyring, row_key: str, *, product: str, generation: int | None = None
) -> str:
    """The key of a row in everything published of a product: 20 hex characters."""
    return pseudonym(_product_key(keyring, product, generation), row_key)


def licensee_scope(licensee: str) -> str:
    """What narrows a key to one licensee's copies; a copy's keys are HMAC over published ones.

    It is led by a word, so that no licensee's name can be a message that published pseudonyms,
    which are made with the same product key, have shown the HMAC of.
    """
    # An empty licensee would silently be somebody whose copies anybody could ask for.
    if not licensee:
        raise ConfigError("A licensee's pseudonym needs the licensee.", do="name the licensee")
    return f"licensee|{licensee}"


def install_product_pseudonym(
    connection: duckdb.DuckDBPyConnection,
    keyring: Keyring,
    *,
    product: str,
    generation: int | None = None,
    name: str = "product_pseudonym",
) -> None:
    """Define ``product_pseudonym(row_key)`` in DuckDB, equal to `product_pseudonym`."""
    install_hmac(connection, name, _product_key(keyring, product, generation))


def crosswalk_sql(
    connection: duckdb.DuckDBPyConnection,
    keyring: Keyring,
    *,
    product: str,
    generations: tuple[int, int],
    row_keys: str,
    licensee: str = "",
) -> str:
    """A query of ``earlier, later``: pseudonyms of two generations of the same rows.

    Args:
        connection: where the query will run; it gets the keyed functions.
        keyring: holds both generations.
        product: product family.
        generations: the earlier and the later generation of the ``product`` key.
        row_keys: SQL of a relation with one column ``row_key``.
        licensee: whose copies, or empty for the published line. A crosswalk goes to that licensee
            and to nobody else.
    """
    names = []
    for name, generation in zip(("earlier", "later"), generations, strict=True):
        published = f"crosswalk_{name}"
        install_hmac(connection, published, _product_key(keyring, product, generation))
        made = f"{published}(row_key)"
        if licensee:
            key = keyring.key("product", product, licensee_scope(licensee), generation=generation)
            install_hmac(connection, f"{published}_copy", key)
            made = f"{published}_copy({made})"
        names.append(f"{made} AS {name}")
    return f"SELECT {', '.join(names)} FROM ({row_keys})"


def _product_key(keyring: Keyring, product: str, generation: int | None) -> bytes:
    if not product:
        raise ConfigError("A pseudonym needs the product it is for.", do="name the product")
    return keyring.key("product", product, generation=generation)
