"""Keyed functions inside DuckDB, the same as in Python. Which key is used belongs to the caller."""

from __future__ import annotations

import duckdb

_BLOCK = 64


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
