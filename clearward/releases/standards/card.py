"""What every standard tells about a release, gathered once: tables, columns, their texts, units,
allowed values and filling, as the dbt contract, the release gate's suites and the files have them.
Add a fact here when a second standard needs it; how one writes it belongs to its own module.

Counts from 1 to k-1 are masked here, before a standard sees them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from clearward.products.counts import is_small
from clearward.products.record import Record
from clearward.products.spec import Product
from clearward.quality.borders import EXPECTATIONS
from clearward.quality.suites import load_suite
from clearward.releases.documents.told import Told
from clearward.releases.tables import Column, TableFile

PATIENT = "patient"
MASKED = "masked"
_NOT_NULL = "expect_column_values_to_not_be_null"
_IN_SET = "expect_column_values_to_be_in_set"
_BETWEEN = "expect_column_values_to_be_between"


@dataclass(frozen=True)
class Field:
    """A published column.

    Attributes:
        type: DuckDB's name.
        unit: UCUM, or empty.
        values: all that it may hold; empty where it is open.
        low, high: bounds that the release gate holds it to.
        filled: whole percent of filled cells, "masked", or empty for a table without rows.
        role: PK, QI, S or N as the contract says.
    """

    name: str
    type: str
    description: str
    unit: str
    values: tuple[str, ...]
    low: float | None
    high: float | None
    filled: str
    role: str
    is_key: bool
    is_required: bool


@dataclass(frozen=True)
class Table:
    """A published table; ``rows`` is None where the count is masked.

    Attributes:
        refers: patient_key leads to the product's table of patients.
        checks: the release gate's expectations about it, as their suite holds them.
    """

    name: str
    entity: str
    description: str
    path: str
    sha256: str
    bytes: int
    rows: int | None
    key: tuple[str, ...]
    fields: tuple[Field, ...]
    checks: tuple[Mapping[str, Any], ...]

    def refers(self, field: Field) -> bool:
        """True for the patient's key outside the table of patients."""
        return field.name == "patient_key" and self.entity != PATIENT


@dataclass(frozen=True)
class Card:
    """A release before it is published: no standard may know the time it was written.

    Attributes:
        has_sample: a synthetic sample lies in it.
    """

    product: Product
    version: str
    month: str
    tables: tuple[Table, ...]
    figures: Mapping[str, Any]
    gate: Mapping[str, Any]
    dbt: Mapping[str, Any]
    has_sample: bool

    @property
    def record(self) -> Record:
        """What the product's spec tells catalogues."""
        return self.product.record

    @property
    def k(self) -> int:
        """Counts below it are masked."""
        return self.product.protection.k

    @property
    def iri(self) -> str:
        """Of this version; a URN where the spec names no base."""
        return f"{self.record.base or f'urn:clearward:{self.product.name}:'}{self.version}"


def gather(told: Told, *, has_sample: bool = False) -> Card:
    """The card of a candidate."""
    texts = {(row["table"], row["column"]): row for row in told.dictionary}
    return Card(
        product=told.product,
        version=told.version,
        month=told.month,
        tables=tuple(
            _table(table, texts, description=told.texts[table.table].description, k=told.k)
            for table in told.tables
        ),
        figures=told.figures,
        gate=told.gate,
        dbt=told.dbt,
        has_sample=has_sample,
    )


def _table(
    table: TableFile, texts: Mapping[tuple[str, str], Any], *, description: str, k: int
) -> Table:
    checks = expectations(table.table)
    return Table(
        name=table.table,
        entity=table.entity,
        description=description,
        path=table.published_path,
        sha256=table.sha256,
        bytes=table.bytes,
        rows=None if table.is_of_people and is_small(table.rows, k) else table.rows,
        key=table.key,
        fields=tuple(
            _field(table, column, texts[(table.table, column.name)], checks=checks)
            for column in table.columns
        ),
        checks=checks,
    )


def _field(
    table: TableFile, column: Column, text: Mapping[str, Any], *, checks: Sequence[Any]
) -> Field:
    about = [c for c in checks if c["kwargs"].get("column") == column.name]
    sets = [c["kwargs"]["value_set"] for c in about if c["type"] == _IN_SET]
    bounds: Mapping[str, Any] = next((c["kwargs"] for c in about if c["type"] == _BETWEEN), {})
    told = tuple(v for v in str(text["values"]).split(" | ") if v)
    return Field(
        name=column.name,
        type=column.type,
        description=str(text["description"]),
        unit=str(text["unit"]),
        values=tuple(map(str, sets[0])) if sets else told,
        low=bounds.get("min_value"),
        high=bounds.get("max_value"),
        filled=str(text["filled_percent"]),
        role=str(text["role"]),
        is_key=column.name in table.key,
        is_required=column.name in table.key or any(c["type"] == _NOT_NULL for c in about),
    )


@cache
def expectations(table: str, folder: Path = EXPECTATIONS / "release") -> tuple[Any, ...]:
    """The release gate's expectations about a table; none where it has no suite."""
    path = folder / f"{table}.json"
    return load_suite(path).expectations if path.is_file() else ()
