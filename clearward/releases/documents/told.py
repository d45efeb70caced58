"""What the documents of a release may tell: one value, gathered before the first is written. Small
counts are masked before they get in here; measuring belongs to the room that owns the figure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from clearward.products.spec import Product
from clearward.releases.documents import columns
from clearward.releases.tables import TableFile


@dataclass(frozen=True)
class Told:
    """Everything the documents may tell.

    Attributes:
        product, tables: what is published, the tables in the spec's order.
        version, month: of the release, as text.
        figures: what the manifest publishes, see `candidate`; small counts already masked.
        gate: the gate's report, small counts masked.
        dbt: dbt's manifest, or empty.
    """

    product: Product
    tables: tuple[TableFile, ...]
    version: str
    month: str
    figures: Mapping[str, Any]
    gate: Mapping[str, Any]
    dbt: Mapping[str, Any]

    @property
    def k(self) -> int:
        """Counts of patients from 1 to k - 1 are masked."""
        return self.product.protection.k

    @cached_property
    def texts(self) -> dict[str, columns.Described]:
        """Table -> what dbt knows of it."""
        return columns.describe(self.dbt, [table.table for table in self.tables])

    @cached_property
    def dictionary(self) -> list[dict[str, Any]]:
        """Rows of the data dictionary, one per column, in the order of the files."""
        return columns.rows(self.product, self.tables, self.texts)
