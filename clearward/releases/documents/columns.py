"""What each published column is. Texts come from dbt's manifest, where the columns are described
once; types and filling come from the file itself. How they are shown belongs to `dictionary`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clearward.products.spec import Product
from clearward.releases.changes import is_small
from clearward.releases.tables import Column, TableFile

UNITS = {
    "_mmhg": "mm[Hg]",
    "_logmar": "logMAR",
    "_um": "um",
    "_mm3": "mm3",
    "_days": "d",
    "_day": "d",
    "_minutes": "min",
    "_bpm": "/min",
    "_pct": "%",
    "_percent": "%",
    "_years": "a",
}
"""Unit (UCUM where it has one) by the ending of a column's name, when dbt does not tell."""


@dataclass(frozen=True)
class Described:
    """What dbt knows of one table: its text, and per column text and meta."""

    description: str
    columns: Mapping[str, Mapping[str, Any]]


def describe(dbt: Mapping[str, Any], tables: Sequence[str]) -> dict[str, Described]:
    """Table -> texts of the dbt model of the same name; empty texts where there is none."""
    models = {
        node["name"]: node
        for node in dbt.get("nodes", {}).values()
        if node.get("resource_type") == "model"
    }
    return {table: _described(models.get(table, {})) for table in tables}


def _described(node: Mapping[str, Any]) -> Described:
    return Described(str(node.get("description", "")), node.get("columns", {}))


def rows(
    product: Product, tables: Sequence[TableFile], described: Mapping[str, Described]
) -> list[dict[str, Any]]:
    """One dict per column, in the order of the files."""
    quasi = {qi.column for qi in product.protection.quasi_identifiers}
    return [
        _row(table, column, described[table.table], quasi=quasi, k=product.protection.k)
        for table in tables
        for column in table.columns
    ]


def _row(
    table: TableFile, column: Column, described: Described, *, quasi: set[str], k: int
) -> dict[str, Any]:
    texts = described.columns.get(column.name, {})
    meta = texts.get("meta") or texts.get("config", {}).get("meta", {})
    return {
        "table": table.table,
        "column": column.name,
        "type": column.type,
        "unit": meta.get("unit") or _unit(column.name),
        "values": _values(meta),
        "key": "key" if column.name in table.key else "",
        "role": _role(column.name, meta, table.entity == "patient" and column.name in quasi),
        "filled_percent": _filled(column, table.rows, k),
        "description": str(texts.get("description", "")).strip(),
    }


def _unit(name: str) -> str:
    return next((unit for ending, unit in UNITS.items() if name.endswith(ending)), "")


def _values(meta: Mapping[str, Any]) -> str:
    values = meta.get("values") or meta.get("accepted_values") or ""
    return " | ".join(map(str, values)) if isinstance(values, list) else str(values)


def _role(name: str, meta: Mapping[str, Any], is_quasi: bool) -> str:
    if is_quasi:
        return "QI"
    return str(meta.get("role", "")) or ("PK" if name.endswith("_key") else "")


def _filled(column: Column, rows: int, k: int) -> str:
    """Whole percent of filled cells; masked when either side is 1 to k-1 cells."""
    if not rows:
        return ""
    filled = rows - column.nulls
    if is_small(filled, k) or is_small(column.nulls, k):
        return "masked"
    return str(round(100 * filled / rows))
