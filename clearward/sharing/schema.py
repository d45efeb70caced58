"""A published table's columns as Delta's schema (Delta transaction protocol, "Schema Serialization
Format"). Reading them from files belongs to `footers`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from clearward.errors import ReleaseError

TIMESTAMP_WITHOUT_ZONE = "timestamp_ntz"

# DuckDB's name -> Delta's, where the Parquet that DuckDB writes is what Delta asks for
_EXACT = {
    "BOOLEAN": "boolean",
    "TINYINT": "byte",
    "SMALLINT": "short",
    "INTEGER": "integer",
    "BIGINT": "long",
    "FLOAT": "float",
    "DOUBLE": "double",
    "HUGEINT": "double",
    "VARCHAR": "string",
    "DATE": "date",
    "TIMESTAMP": TIMESTAMP_WITHOUT_ZONE,
    "TIMESTAMP WITH TIME ZONE": "timestamp",
    "BLOB": "binary",
}
# Delta has no such type; the next wider one, which only the parquet response format may name
_WIDER = {
    "UTINYINT": "short",
    "USMALLINT": "integer",
    "UINTEGER": "long",
    "UBIGINT": "decimal(20,0)",
    "UUID": "string",
    "TIME": "string",
    "TIMESTAMP_S": TIMESTAMP_WITHOUT_ZONE,
    "TIMESTAMP_MS": TIMESTAMP_WITHOUT_ZONE,
    "TIMESTAMP_NS": TIMESTAMP_WITHOUT_ZONE,
}
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")

Type = str | Mapping[str, object]


def schema_string(columns: Mapping[str, str], order: Sequence[str], *, is_delta: bool) -> str:
    """``schemaString``: the columns of a table in the order of its file.

    The parquet response format knows no timestamp without a zone, and calls it ``timestamp``.
    """
    fields = []
    for name in order:
        kind = delta_type(columns[name])
        if not is_delta and kind == TIMESTAMP_WITHOUT_ZONE:
            kind = "timestamp"
        fields.append({"name": name, "type": kind, "nullable": True, "metadata": {}})
    return json.dumps({"type": "struct", "fields": fields}, ensure_ascii=False)


def delta_type(duckdb_type: str) -> Type:
    """Delta's name of a type; ReleaseError where there is none."""
    name = duckdb_type.strip()
    if name.endswith("[]"):
        element = delta_type(name.removesuffix("[]"))
        return {"type": "array", "elementType": element, "containsNull": True}
    decimal = _DECIMAL.fullmatch(name)
    if decimal:
        return f"decimal({decimal[1]},{decimal[2]})"
    if name.startswith("ENUM("):
        return "string"
    found = _EXACT.get(name) or _WIDER.get(name)
    if found is None:
        raise ReleaseError(
            "A column has a type that Delta Sharing has no name for.",
            seen=name[:40],
            do="give the column a plain type in the product's mart, or use the manifest API",
        )
    return found


def is_delta_ready(columns: Mapping[str, str]) -> bool:
    """Whether every column's Parquet is what a Delta reader expects of the type named for it."""
    return not any(kind.strip().removesuffix("[]") in _WIDER for kind in columns.values())


def reader_features(columns: Mapping[str, str]) -> tuple[str, ...]:
    """Features a Delta reader must know for these columns."""
    plain = (kind.strip().removesuffix("[]") for kind in columns.values())
    return ("timestampNtz",) if "TIMESTAMP" in plain else ()
