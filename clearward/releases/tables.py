"""The protected files of one product and month: their bytes, rows and columns. What changed in
them since the last release belongs to `changes`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from clearward.errors import ReleaseError
from clearward.products.spec import Product
from clearward.settings import Settings
from clearward.warehouse import Warehouse, engine, hash_file, read_parquet_sql


@dataclass(frozen=True)
class Column:
    """A published column: DuckDB's name of its type, and how many of its cells are empty."""

    name: str
    type: str
    nulls: int


@dataclass(frozen=True)
class TableFile:
    """One table of a release, which is one Parquet file.

    Attributes:
        entity: name without the product, as in its spec.
        table: ``<product>__<entity>``.
        key: primary key columns.
    """

    entity: str
    table: str
    key: tuple[str, ...]
    path: Path
    sha256: str
    bytes: int
    rows: int
    columns: tuple[Column, ...]

    @property
    def published_path(self) -> str:
        """Where the file is inside a release: named by content, so no other can take its place."""
        return f"data/{self.table}/part-{self.sha256}.parquet"

    @property
    def is_of_people(self) -> bool:
        """True where a row is about a person, so that a small number of rows is masked."""
        return self.entity != "attrition"

    @property
    def schema(self) -> dict[str, str]:
        """Column -> type."""
        return {column.name: column.type for column in self.columns}


def read_tables(settings: Settings, product: Product, *, month: str) -> tuple[TableFile, ...]:
    """Measure every protected table of the product; ReleaseError when one is missing or empty."""
    warehouse = Warehouse(settings.warehouse)
    paths = {
        table.entity: warehouse.partition("protected", product.table_name(table), month=month)
        for table in product.tables
    }
    missing = sorted(entity for entity, path in paths.items() if not path.is_file())
    if missing:
        raise ReleaseError(
            f"Product {product.name} of {month} is not protected yet.",
            seen=f"no table for {', '.join(missing)}",
            expected=f"{len(paths)} tables",
            do="run protection of that product and month",
        )
    with engine(settings) as connection:
        found = tuple(
            _measure(connection, table.entity, product, key=table.key, path=paths[table.entity])
            for table in product.tables
        )
    empty = {t.entity for t in found if not t.rows}
    refused = sorted(t.entity for t in product.tables if t.entity in empty and not t.may_be_empty)
    if refused:
        raise ReleaseError(
            f"Product {product.name} of {month} has empty tables.",
            seen=f"no row in {', '.join(refused)}",
            expected="rows in every table whose spec does not say may_be_empty",
            do="find which step lost them; attrition tells where",
        )
    return found


def _measure(
    connection: duckdb.DuckDBPyConnection,
    entity: str,
    product: Product,
    *,
    key: tuple[str, ...],
    path: Path,
) -> TableFile:
    source = read_parquet_sql([path])
    try:
        types = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
        counts = ", ".join(f"count({_quoted(name)})" for name, *_ in types)
        rows, *filled = _first(connection, f"SELECT count(*), {counts} FROM {source}")
    except duckdb.Error as error:
        raise ReleaseError(
            f"Table {product.name}__{entity} cannot be read.",
            seen=type(error).__name__,
            do="run protection of that product and month again",
        ) from None
    columns = tuple(
        Column(str(name), str(kind), rows - count)
        for (name, kind, *_), count in zip(types, filled, strict=True)
    )
    return TableFile(
        entity=entity,
        table=f"{product.name}__{entity}",
        key=key,
        path=path,
        sha256=hash_file(path),
        bytes=path.stat().st_size,
        rows=rows,
        columns=columns,
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _first(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[int, ...]:
    row = connection.execute(query).fetchone()
    if row is None:  # an aggregate always has a row
        raise ReleaseError("The engine returned no counts.", do="report this")
    return row


def content_hash(tables: Sequence[TableFile]) -> str:
    """SHA-256 over the bytes and the columns of all tables: what a person approves."""
    content: Mapping[str, object] = {
        table.table: {"sha256": table.sha256, "schema": table.schema} for table in tables
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
