"""Product specs, as values. Add a key here when a room must decide something per product."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from clearward.errors import ConfigError
from clearward.products.bounds import Gates, Protection, read_gates, read_protection
from clearward.products.record import Record, read_record
from clearward.products.withdrawal import Withdrawal, read_withdrawal
from clearward.warehouse import check_name

SPEC_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class ProductTable:
    """A published table: its entity, primary key and whether it may be empty."""

    entity: str
    key: tuple[str, ...]
    may_be_empty: bool


@dataclass(frozen=True)
class Product:
    """One product: what it holds, for which purposes, within which bounds."""

    name: str
    title: Mapping[str, str]
    description: Mapping[str, str]
    purposes: tuple[str, ...]
    forbidden_purposes: tuple[str, ...]
    tables: tuple[ProductTable, ...]
    protection: Protection
    gates: Gates
    withdrawal: Withdrawal
    record: Record

    def table_name(self, table: ProductTable) -> str:
        """Name on disk, in dbt and for the buyer: ``<product>__<entity>``."""
        return f"{self.name}__{table.entity}"


def product_names() -> tuple[str, ...]:
    """Names of all products that have a spec file."""
    return tuple(sorted(path.stem for path in SPEC_FOLDER.glob("*.toml")))


@cache
def load_product(name: str) -> Product:
    """Read ``<name>.toml``; raises ConfigError when there is none."""
    if name not in product_names():
        raise ConfigError(
            f"Unknown product {name!r}.", expected=", ".join(product_names()), do="name one of them"
        )
    document = tomllib.loads((SPEC_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    return Product(
        name=check_name(document["name"]),
        title=document["title"],
        description=document["description"],
        purposes=tuple(document["purposes"]),
        forbidden_purposes=tuple(document["forbidden_purposes"]),
        tables=tuple(_table(entity, body) for entity, body in document["tables"].items()),
        protection=read_protection(document["protection"]),
        gates=read_gates(document["gates"]),
        withdrawal=read_withdrawal(document.get("withdrawal")),
        record=read_record(document.get("record")),
    )


def _table(entity: str, body: Mapping[str, Any]) -> ProductTable:
    key = tuple(body["key"])
    return ProductTable(check_name(entity), key, body.get("may_be_empty", False))
