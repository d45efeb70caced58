"""What each published column is. Texts come from dbt's manifest, where the columns are described
once, and their Chinese from `texts_zh.toml`; types and filling come from the file itself. How they
are shown belongs to `dictionary`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from clearward.products.counts import is_small
from clearward.products.spec import Product
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
    """What dbt knows of one table: its text, and per column text and meta.

    Attributes:
        made_from: core tables and code lists that the model reads, over any number of models.
        derivation: SHA-256 of the model's SQL as dbt knows it; empty without one.
    """

    description: str
    columns: Mapping[str, Mapping[str, Any]]
    made_from: tuple[str, ...] = ()
    derivation: str = ""


def chinese(text: str) -> str:
    """A dbt text in Chinese; empty where nobody has translated it."""
    return _translations().get(text.strip(), "")


@cache
def _translations() -> Mapping[str, str]:
    path = Path(__file__).with_name("texts_zh.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))


def describe(dbt: Mapping[str, Any], tables: Sequence[str]) -> dict[str, Described]:
    """Table -> texts of the dbt model of the same name; empty texts where there is none."""
    nodes = dbt.get("nodes", {})
    models = {node["name"]: node for node in nodes.values() if node.get("resource_type") == "model"}
    return {table: _described(models.get(table, {}), nodes) for table in tables}


def _described(node: Mapping[str, Any], nodes: Mapping[str, Mapping[str, Any]]) -> Described:
    return Described(
        str(node.get("description", "")),
        node.get("columns", {}),
        _made_from(node, nodes),
        str(node.get("checksum", {}).get("checksum", "")),
    )


def _made_from(node: Mapping[str, Any], nodes: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """Names of the partitioned core models and seeds behind a model, whatever lies between."""
    found, waiting, seen = set(), list(node.get("depends_on", {}).get("nodes", [])), set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        other = nodes.get(name, {})
        is_core = other.get("config", {}).get("materialized") == "partition"
        if is_core or other.get("resource_type") == "seed":
            found.add(str(other["name"]))
        else:
            waiting += other.get("depends_on", {}).get("nodes", [])
    return tuple(sorted(found))


def rows(
    product: Product,
    tables: Sequence[TableFile],
    described: Mapping[str, Described],
    *,
    first_release: Mapping[tuple[str, str], str],
) -> list[dict[str, Any]]:
    """One dict per column, in the order of the files.

    Args:
        product, tables, described: what is published, and dbt's texts of it.
        first_release: (table, column) -> version that had it first.
    """
    quasi = {qi.column for qi in product.protection.quasi_identifiers}
    return [
        _row(
            table,
            column,
            described[table.table],
            quasi=quasi,
            k=product.protection.k,
            first_release=first_release,
        )
        for table in tables
        for column in table.columns
    ]


def _row(
    table: TableFile,
    column: Column,
    described: Described,
    *,
    quasi: set[str],
    k: int,
    first_release: Mapping[tuple[str, str], str],
) -> dict[str, Any]:
    texts = described.columns.get(column.name, {})
    meta = texts.get("meta") or texts.get("config", {}).get("meta", {})
    description = str(texts.get("description", "")).strip()
    return {
        "table": table.table,
        "column": column.name,
        "type": column.type,
        "unit": meta.get("unit") or _unit(column.name),
        "values": _values(meta),
        "null_meaning": _null_meaning(column, meta, is_key=column.name in table.key),
        "key": "key" if column.name in table.key else "",
        "role": _role(column.name, meta, table.entity == "patient" and column.name in quasi),
        "filled_percent": _filled(column, table.rows, k if table.is_of_people else 1),
        "description": description,
        "description_zh": chinese(description),
        "made_from": " | ".join(described.made_from),
        "derivation_sha256": described.derivation,
        "first_release": first_release.get((table.table, column.name), ""),
    }


def _null_meaning(column: Column, meta: Mapping[str, Any], *, is_key: bool) -> str:
    """What an empty cell says; a column without one says nothing."""
    if meta.get("null_meaning"):
        return str(meta["null_meaning"])
    if is_key:
        return "never empty"
    return "not recorded, not applicable, or withheld by protection"


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


def first_releases(
    product: str,
    earlier: Sequence[tuple[str, Mapping[str, Mapping[str, str]]]],
    tables: Sequence[TableFile],
    *,
    version: str,
) -> dict[tuple[str, str], str]:
    """(table, column) -> ``product@version`` that had the column first.

    Args:
        product: its name.
        earlier: version and schema (table -> column -> type) of every release before, oldest first.
        tables, version: of the release itself.
    """
    found = {(t.table, column.name): f"{product}@{version}" for t in tables for column in t.columns}
    for number, schema in reversed(earlier):
        for table, columns in schema.items():
            found.update(
                {(table, c): f"{product}@{number}" for c in columns if (table, c) in found}
            )
    return found
