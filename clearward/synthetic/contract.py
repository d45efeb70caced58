"""What the sample must look like: columns and types of the release, and the values that the dbt
contract and the release suites allow. None of it comes from rows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

import clearward
from clearward.errors import ConfigError, ProtectionError
from clearward.products.spec import Product
from clearward.warehouse import Warehouse, read_parquet_sql

_ROOT = Path(clearward.__file__).parents[1]
SEEDS = _ROOT / "dbt_project" / "seeds"
SUITES = _ROOT / "expectations" / "release"
MANIFEST = _ROOT / "dbt_project" / "target" / "manifest.json"


@dataclass(frozen=True)
class Column:
    """A published column.

    Attributes:
        type: DuckDB's name of its type in the release.
        values: all it may hold, or empty when its contract lists none.
        low, high: bounds of the release suite, or None.
        is_required: whether it may not be empty.
    """

    name: str
    type: str
    values: tuple[str, ...]
    low: float | None
    high: float | None
    is_required: bool


@dataclass(frozen=True)
class TableContract:
    """Columns of one published table, in order."""

    entity: str
    table: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def schema(self) -> dict[str, str]:
        """Column -> type."""
        return {column.name: column.type for column in self.columns}

    @property
    def is_of_patients(self) -> bool:
        """One row per patient."""
        return self.key == ("patient_key",)

    @property
    def own_key(self) -> str:
        """The pseudonym that names a row of events."""
        return next(name for name in self.key if name.endswith("_key"))


def read_contracts(
    connection: duckdb.DuckDBPyConnection, product: Product, warehouse: Warehouse, *, month: str
) -> dict[str, TableContract]:
    """Contract of every table; its columns and types are those of the protected files.

    Raises:
        ProtectionError: the product is not protected for that month.
        ConfigError: dbt's manifest or a suite is missing or of another kind.
    """
    nodes = _models()
    found = {}
    for table in product.tables:
        name = product.table_name(table)
        path = warehouse.partition("protected", name, month=month)
        if not path.is_file():
            raise ProtectionError(
                f"Product {product.name} of {month} is not protected yet.",
                seen=f"no table {name}",
                do="run protection of that product and month",
            )
        source = read_parquet_sql([path])
        rows = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
        told, suite = nodes.get(name, {}), _suite(name)
        columns = tuple(_column(str(n), str(t), told, suite=suite) for n, t, *_ in rows)
        found[table.entity] = TableContract(table.entity, name, table.key, columns)
    return found


def _column(
    name: str, kind: str, told: Mapping[str, Any], *, suite: Mapping[str, Mapping[str, Any]]
) -> Column:
    values = told.get(name, {}).get("meta", {}).get("values", ())
    bounds = suite["bounds"].get(name, {})
    return Column(
        name=name,
        type=kind,
        values=tuple(str(value) for value in values),
        low=bounds.get("min_value"),
        high=bounds.get("max_value"),
        is_required=name in suite["required"],
    )


def _models() -> dict[str, Mapping[str, Any]]:
    if not MANIFEST.is_file():
        raise ConfigError("dbt's manifest is missing.", do="run `make manifest`")
    nodes = json.loads(MANIFEST.read_text(encoding="utf-8"))["nodes"].values()
    return {str(node["name"]): node["columns"] for node in nodes if "columns" in node}


def _suite(table: str) -> dict[str, Mapping[str, Any]]:
    path = SUITES / f"{table}.json"
    if not path.is_file():
        raise ConfigError(f"Table {table} has no release suite.", do=f"write {path.name}")
    given = json.loads(path.read_text(encoding="utf-8"))["expectations"]
    bounds = {
        e["kwargs"]["column"]: e["kwargs"]
        for e in given
        if e["type"] == "expect_column_values_to_be_between"
    }
    required = {
        e["kwargs"]["column"]: True
        for e in given
        if e["type"] == "expect_column_values_to_not_be_null"
    }
    return {"bounds": bounds, "required": required}


def open_seeds(connection: duckdb.DuckDBPyConnection) -> None:
    """A view per code list of the dbt project, named as its file."""
    for path in sorted(SEEDS.glob("*.csv")):
        connection.execute(
            f"CREATE VIEW {path.stem} AS SELECT * FROM read_csv({_text(path)}, header = true)"
        )


def _text(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
