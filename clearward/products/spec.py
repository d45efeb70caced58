"""Product specs, as values. Add a key here when a room must decide something per product."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from clearward.errors import ConfigError
from clearward.warehouse import check_name

SPEC_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class QuasiIdentifier:
    """A column an attacker may know, and the ladder it is generalised on (see `protect`).

    ``ladder`` names a hierarchy: ``year_band`` (1, 5, 10, 20, 40 years, all), ``category``
    (value, all) or ``region`` (value, all).
    """

    column: str
    ladder: str


@dataclass(frozen=True)
class Protection:
    """The bounds a release must keep, or it is not published.

    Attributes:
        k: least number of patients that share their quasi-identifiers.
        max_suppressed: largest share of patients that may be left out to reach k, 0–1.
    """

    k: int
    max_suppressed: float
    quasi_identifiers: tuple[QuasiIdentifier, ...]


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
        protection=_protection(document["protection"]),
    )


def _table(entity: str, body: Mapping[str, Any]) -> ProductTable:
    key = tuple(body["key"])
    return ProductTable(check_name(entity), key, body.get("may_be_empty", False))


def _protection(body: Mapping[str, Any]) -> Protection:
    ladders = body["quasi_identifiers"].items()
    return Protection(
        k=body["k"],
        max_suppressed=body["max_suppressed"],
        quasi_identifiers=tuple(QuasiIdentifier(column, ladder) for column, ladder in ladders),
    )
