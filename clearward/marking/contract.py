"""Which columns may carry a mark: what the data contract says, held against what must never change.
How a mark is made belongs to `embed`.

A column carries marks only where its dbt meta says ``fingerprintable: true`` with the recorded
``decimals`` and the ``clinical_precision`` below which nobody reads the number. A contract that
allows it for anything else is refused: a code, key, category, count, dose, score, outcome, day or
quasi-identifier, whatever a privacy gate measures, and a number whose table also holds its text as
it was sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from clearward.errors import ConfigError
from clearward.products.spec import Product

FACT = "fingerprintable"
LEAST_DIGITS = 10
"""A recorded step is a tenth of the clinical precision at most."""
MOST_DECIMALS = 6
TABLES_WITHOUT_MARKS = frozenset(
    {
        "attrition",  # counts of people
        "patient",  # quasi-identifiers, and what the privacy gates flatten
        "encounter",  # what an attacker knows of visits
        "cohort_summary",  # outcomes and what is derived from other columns
        "outcome",
        "score",
        "stroke_episode",  # scores and outcomes
        "medication",  # doses
        "intervention",
        "procedure",
        "treatment_eye",
        "diagnosis",
        "note_feature",  # read from text, whose hash is published
    }
)
_NAMED_LIKE = re.compile(
    r"(^|_)(key|id|code|dose|score|grade|stage|severity|class|count|seq|no|day|days|year|years|age"
    r"|change|slope|per_year|outcome|rank|confidence|original)(_|$)|^(is|has|n)_"
)
_UNIT_OF_NO_QUANTITY = re.compile(r"(\{[^}]*\}(/.*)?|1|d|wk|mo|a|min|h|s|\[.*\])?")


@dataclass(frozen=True)
class Markable:
    """A column that may carry marks.

    Attributes:
        table, column: ``<product>__<entity>`` and its column.
        decimals: decimals it is recorded with; a mark moves the last of them by one.
        precision: difference below which the number is not read clinically, in the column's unit.
    """

    table: str
    column: str
    decimals: int
    precision: float

    @property
    def scale(self) -> int:
        """Recorded steps in 1 of the column's unit."""
        return int(10**self.decimals)

    @property
    def per_cell(self) -> int:
        """Recorded steps in one clinical precision; even."""
        return round(self.precision * self.scale)


def read_contract(product: Product, dbt: Mapping[str, Any]) -> tuple[Markable, ...]:
    """Every column of a product that its contract opens to marks, by table and column.

    Args:
        product: whose gates must not depend on one.
        dbt: dbt's manifest, see `releases.lineage.read_dbt_manifest`.

    Raises ConfigError for a column that must never change, or an incomplete statement.
    """
    entities = {product.table_name(table): table.entity for table in product.tables}
    models = [n for n in dbt.get("nodes", {}).values() if n.get("name") in entities]
    found = []
    for node in (n for n in models if n.get("resource_type") == "model"):
        columns = node.get("columns", {})
        for name, column in columns.items():
            meta = _meta(column)
            if meta.get(FACT):
                place = f"{entities[node['name']]}.{name}"
                reasons = why_not(product, place, column, siblings=tuple(columns))
                _refuse(f"{node['name']}.{name}", reasons)
                found.append(
                    Markable(node["name"], name, meta["decimals"], meta["clinical_precision"])
                )
    return tuple(sorted(found, key=lambda m: (m.table, m.column)))


def as_facts(columns: Sequence[Markable]) -> dict[str, Any]:
    """What a release's manifest says of them; nothing where there are none."""
    return {FACT: [asdict(column) for column in columns]} if columns else {}


def from_facts(facts: Mapping[str, Any]) -> tuple[Markable, ...]:
    """The columns that a release's manifest opens to marks; none where it is silent."""
    return tuple(Markable(**entry) for entry in facts.get(FACT, []))


def why_not(
    product: Product, place: str, column: Mapping[str, Any], *, siblings: Sequence[str]
) -> tuple[str, ...]:
    """Every reason for which a column must not be marked; empty when it may.

    Args:
        product: its bounds name what the gates depend on.
        place: ``entity.column``.
        column: dbt's entry of the column.
        siblings: all columns of its table.
    """
    entity, name = place.split(".")
    reasons = [
        *(["its table holds what must not change"] if entity in TABLES_WITHOUT_MARKS else []),
        *_of_gates(product, entity, name),
        *_of_kind(name, column),
        *_of_precision(_meta(column)),
    ]
    if any(sibling.endswith("_original") for sibling in siblings):
        reasons.append("its table also holds values as they were sent")
    return tuple(reasons)


def gate_columns(product: Product) -> frozenset[str]:
    """``entity.column`` of everything a privacy gate's figure is made of."""
    bounds = product.protection
    return frozenset(
        {
            *(f"patient.{q.column}" for q in bounds.quasi_identifiers),
            *(f"{s.table}.{s.column}" for s in bounds.sensitive),
            *(f"{c.table}.{c.column}" for c in bounds.code_sets),
            *(f"{e.table}.{e.column}" for e in bounds.extremes),
            f"{bounds.sequence.table}.{bounds.sequence.order_by}",
            f"{bounds.sequence.table}.{bounds.sequence.kind}",
        }
    )


def _of_gates(product: Product, entity: str, name: str) -> Iterator[str]:
    quasi = {q.column for q in product.protection.quasi_identifiers}
    if name in quasi:
        yield "it is a quasi-identifier"
    if f"{entity}.{name}" in gate_columns(product):
        yield "a privacy gate depends on it"


def _of_kind(name: str, column: Mapping[str, Any]) -> Iterator[str]:
    meta = _meta(column)
    if str(column.get("data_type", "")).lower() != "double":
        yield "it is no measured number (double)"
    if meta.get("role") not in {"S", "N"}:
        yield "its role is not that of a value"
    if meta.get("values") or meta.get("accepted_values"):
        yield "it is a category"
    if _NAMED_LIKE.search(name):
        yield "its name is that of a key, code, count, dose, score, outcome or day"
    if _UNIT_OF_NO_QUANTITY.fullmatch(str(meta.get("unit") or "")):
        yield "it has no unit of a measured quantity"


def _of_precision(meta: Mapping[str, Any]) -> Iterator[str]:
    decimals, precision = meta.get("decimals"), meta.get("clinical_precision")
    is_whole = isinstance(decimals, int) and not isinstance(decimals, bool)
    if not is_whole or not 1 <= int(str(decimals)) <= MOST_DECIMALS:
        yield f"decimals are not 1 to {MOST_DECIMALS}"
        return
    if not isinstance(precision, int | float) or isinstance(precision, bool) or precision <= 0:
        yield "clinical_precision is not stated"
        return
    steps = precision * 10 ** int(str(decimals))
    if abs(steps - round(steps)) > 1e-9 or round(steps) % 2 or round(steps) < LEAST_DIGITS:
        yield f"clinical_precision is not an even number of at least {LEAST_DIGITS} recorded steps"


def _refuse(column: str, reasons: Sequence[str]) -> None:
    if reasons:
        raise ConfigError(
            f"The contract opens {column} to marks, which it must not.",
            seen="; ".join(reasons),
            expected="an over-precise measured number that nothing else depends on",
            do="remove fingerprintable from its dbt YAML",
        )


def _meta(column: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = column.get("meta") or column.get("config", {}).get("meta", {})
    return found
