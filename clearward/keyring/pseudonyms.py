"""Pseudonyms that leave: one per product family, and one per product and licensee.

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
    return pseudonym(_product_key(keyring, product, "", generation), row_key)


def licensee_pseudonym(
    keyring: Keyring, row_key: str, *, product: str, licensee: str, generation: int | None = None
) -> str:
    """The key of a row in one licensee's own copies of a product: 20 hex characters."""
    return pseudonym(_product_key(keyring, product, _named(licensee), generation), row_key)


def install_product_pseudonym(
    connection: duckdb.DuckDBPyConnection,
    keyring: Keyring,
    *,
    product: str,
    generation: int | None = None,
    name: str = "product_pseudonym",
) -> None:
    """Define ``product_pseudonym(row_key)`` in DuckDB, equal to `product_pseudonym`."""
    install_hmac(connection, name, _product_key(keyring, product, "", generation))


def install_licensee_pseudonym(
    connection: duckdb.DuckDBPyConnection,
    keyring: Keyring,
    *,
    product: str,
    licensee: str,
    generation: int | None = None,
    name: str = "licensee_pseudonym",
) -> None:
    """Define ``licensee_pseudonym(row_key)`` in DuckDB, equal to `licensee_pseudonym`."""
    install_hmac(connection, name, _product_key(keyring, product, _named(licensee), generation))


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
        connection: where the query will run; it gets two keyed functions.
        keyring: holds both generations.
        product: product family.
        generations: the earlier and the later generation of the ``product`` key.
        row_keys: SQL of a relation with one column ``row_key``.
        licensee: whose copies, or empty for the published line. A crosswalk goes to that licensee
            and to nobody else.
    """
    for name, generation in zip(("crosswalk_earlier", "crosswalk_later"), generations, strict=True):
        install_hmac(connection, name, _product_key(keyring, product, licensee, generation))
    return (
        "SELECT crosswalk_earlier(row_key) AS earlier, crosswalk_later(row_key) AS later"
        f" FROM ({row_keys})"
    )


def _product_key(keyring: Keyring, product: str, licensee: str, generation: int | None) -> bytes:
    if not product:
        raise ConfigError("A pseudonym needs the product it is for.", do="name the product")
    scope = (product, licensee) if licensee else (product,)
    return keyring.key("product", *scope, generation=generation)


def _named(licensee: str) -> str:
    # An empty licensee would silently be the published line, which every buyer holds.
    if not licensee:
        raise ConfigError("A licensee's pseudonym needs the licensee.", do="name the licensee")
    return licensee
