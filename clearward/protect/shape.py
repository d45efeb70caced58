"""Which tables and columns a product has, as far as protection must know. Add a question about the
form of tables here; nothing is changed here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from clearward.products.spec import Product

ATTRITION = "attrition"
COUNTS = ("n_in", "n_out", "n_excluded")


@dataclass(frozen=True)
class Shape:
    """Columns of every table about people, with their DuckDB types.

    Attributes:
        columns: entity -> column -> type.
        events: entities that may have many rows per patient.
    """

    columns: Mapping[str, Mapping[str, str]]
    events: tuple[str, ...]

    def has(self, entity: str, column: str) -> bool:
        """True when the table has the column."""
        return column in self.columns.get(entity, {})

    def texts(self, entity: str) -> tuple[str, ...]:
        """Columns of text."""
        return tuple(c for c, kind in self.columns[entity].items() if kind == "VARCHAR")


def columns_of(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    """Column -> type, in the table's order."""
    found = connection.execute(f"DESCRIBE {table}").fetchall()
    return {str(row[0]): str(row[1]) for row in found}


def read_shape(connection: duckdb.DuckDBPyConnection, product: Product) -> Shape:
    """Look at the tables ``out_<entity>``."""
    about_people = [table for table in product.tables if table.entity != ATTRITION]
    return Shape(
        columns={t.entity: columns_of(connection, f"out_{t.entity}") for t in about_people},
        events=tuple(t.entity for t in about_people if "patient_key" not in t.key),
    )
