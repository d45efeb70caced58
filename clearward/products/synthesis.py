"""What a product's spec says about its evaluation sample: size, privacy budget and how each column
is modelled. Add a key here when the generator must decide something per product; how it generates
belongs to `synthetic`.

Everything here is decided by people, never read from the data: a list of categories or an edge that
came from the data would tell who is in it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from clearward.errors import ConfigError
from clearward.products.spec import SPEC_FOLDER, load_product
from clearward.warehouse import check_name

SHARED = Path(__file__).parent / "shared" / "synthetic.toml"
_KEYS = {
    "patients",
    "epsilon",
    "delta",
    "total_epsilon",
    "patient_share",
    "given",
    "workload",
}
_TABLE_KEYS = {"columns", "counts", "distinct", "keep"}


@dataclass(frozen=True)
class Listed:
    """A column of categories.

    Attributes:
        values: the categories, as text; empty to take those of the contract.
        query: SQL over the dbt seeds that gives them instead, or empty.
        is_required: never empty, even where the contract would allow it.
    """

    values: tuple[str, ...] = ()
    query: str = ""
    is_required: bool = False


@dataclass(frozen=True)
class Banded:
    """A column of numbers.

    Attributes:
        edges: ascending; a value belongs to the band whose lower edge it reaches, values outside to
            the first or last band.
        decimals: digits of a generated value; None publishes the band itself, as ``1940-1959``.
        source: SQL over the table's row that is banded; empty for the column itself.
        is_required: never empty, even where the contract would allow it.
    """

    edges: tuple[float, ...]
    decimals: int | None = 0
    source: str = ""
    is_required: bool = False


@dataclass(frozen=True)
class Derived:
    """A column that costs nothing: SQL over generated columns and the dbt seeds.

    Names: ``row`` the row, ``patient`` the patient record (``patient.<table>__<column>``),
    ``span`` the first and last day of the patient's visits.
    """

    sql: str


Rule = Listed | Banded | Derived


@dataclass(frozen=True)
class TableRules:
    """How one table is generated.

    Attributes:
        columns: column -> rule; a name with a leading underscore is used by others, not published.
        counts: lower edges of the bands that rows per patient are counted in, and the most rows.
        distinct: columns that name a row; of two generated with the same, one is left out.
        keep: SQL condition that a generated row must meet, or empty.
    """

    columns: Mapping[str, Rule]
    counts: tuple[int, ...]
    distinct: tuple[str, ...]
    keep: str


@dataclass(frozen=True)
class Synthesis:
    """The ``[synthetic]`` table of a product.

    Attributes:
        patients: patients in a sample; a round number of ours, not a count of the product.
        epsilon, delta: differential privacy of one sample; one unit is one patient.
        total_epsilon: of all samples of the product ever made, at the same delta.
        patient_share: share of a sample's budget for the record of the patient; the other tables
            share the rest.
        given: ``table.column`` of a one-row table that events depend on.
        workload: groups of patient columns that matter most, each counted five times.
        tables: entity -> rules.
    """

    product: str
    patients: int
    epsilon: float
    delta: float
    total_epsilon: float
    patient_share: float
    given: str
    workload: tuple[tuple[str, ...], ...]
    tables: Mapping[str, TableRules]


@cache
def load_synthesis(product: str) -> Synthesis:
    """Read ``[synthetic]`` of a product over what all products share; ConfigError if unsound."""
    spec = load_product(product)
    text = (SPEC_FOLDER / f"{product}.toml").read_text(encoding="utf-8")
    body = tomllib.loads(text).get("synthetic")
    if not isinstance(body, Mapping):
        raise ConfigError(f"Product {product} says nothing of its sample.", do="add [synthetic]")
    shared = tomllib.loads(SHARED.read_text(encoding="utf-8"))
    given = {**body}
    tables = given.pop("tables", {})
    _check_keys(given, _KEYS, where="[synthetic]", all_of=True)
    entities = [table.entity for table in spec.tables]
    _check_keys(tables, set(entities), where="[synthetic.tables]")
    return _checked(
        Synthesis(
            product=product,
            patients=int(body["patients"]),
            epsilon=float(body["epsilon"]),
            delta=float(body["delta"]),
            total_epsilon=float(body["total_epsilon"]),
            patient_share=float(body["patient_share"]),
            given=str(body["given"]),
            workload=tuple(tuple(group) for group in body["workload"]),
            tables={e: _table(e, shared, tables, product=product) for e in entities},
        )
    )


def _table(
    entity: str, shared: Mapping[str, Any], own: Mapping[str, Any], *, product: str
) -> TableRules:
    bodies = [shared.get("tables", {}).get(entity, {}), own.get(entity, {})]
    for body in bodies:
        _check_keys(body, _TABLE_KEYS, where=f"synthetic table {entity}")
    columns = {**bodies[0].get("columns", {}), **bodies[1].get("columns", {})}
    merged = {**bodies[0], **bodies[1]}
    return TableRules(
        columns={
            check_name(name.removeprefix("_")) and name: _rule(name, rule, product=product)
            for name, rule in columns.items()
        },
        counts=tuple(merged.get("counts", shared["counts"])),
        distinct=tuple(merged.get("distinct", ())),
        keep=str(merged.get("keep", "")),
    )


def _rule(name: str, body: Mapping[str, Any], *, product: str) -> Rule:
    kinds = {
        "list": {"list", "required"},
        "query": {"query", "required"},
        "edges": {"edges", "decimals", "source", "required"},
        "bands": {"bands"},
        "sql": {"sql"},
    }
    kind = next((k for k in kinds if k in body), None)
    if kind is None or set(body) - kinds[kind]:
        raise ConfigError(
            f"The rule of synthetic column {name} cannot be read.",
            seen=", ".join(sorted(body)),
            expected="one of " + ", ".join(kinds),
            do="correct the product spec",
        )
    full = body.get("required", False)
    if kind == "list":
        return Listed(tuple(str(v) for v in body["list"]), is_required=full)
    if kind == "query":
        return Listed(query=body["query"].replace("{product}", product), is_required=full)
    if kind == "sql":
        return Derived(body["sql"].replace("{product}", product))
    if kind == "bands":
        return Banded(_edges(name, body["bands"]), None)
    edges = _edges(name, body["edges"])
    return Banded(edges, body.get("decimals", 0), body.get("source", ""), full)


def _edges(name: str, edges: Sequence[float]) -> tuple[float, ...]:
    ascending = tuple(float(e) for e in edges)
    if len(ascending) < 2 or list(ascending) != sorted(set(ascending)):
        raise ConfigError(
            f"The edges of synthetic column {name} do not ascend.",
            do="correct the product spec",
        )
    return ascending


def _check_keys(
    body: Mapping[str, Any], known: set[str], *, where: str, all_of: bool = False
) -> None:
    unknown = sorted(set(body) - known)
    missing = sorted(known - set(body)) if all_of else []
    if unknown or missing:
        raise ConfigError(
            f"{where} of the product spec is not as expected.",
            seen=f"missing {missing}, unknown {unknown}",
            expected=", ".join(sorted(known)),
            do="correct the product spec",
        )


def _checked(found: Synthesis) -> Synthesis:
    sound = (
        found.patients >= 1
        and 0 < found.epsilon <= found.total_epsilon
        and 0 < found.delta < 0.01
        and 0 < found.patient_share < 1
    )
    if not sound:
        raise ConfigError(
            f"[synthetic] of product {found.product} is out of range.",
            expected="patients >= 1, 0 < epsilon <= total_epsilon, delta < 0.01, "
            "patient_share between 0 and 1",
            do="correct the product spec",
        )
    return found
