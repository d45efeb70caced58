"""Which columns are modelled, over which values, and how a value becomes a code and a code a value.
The values come from the spec and the contract; nothing here reads a row of the product.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from clearward.errors import ConfigError
from clearward.products.synthesis import Banded, Derived, Listed, Rule, Synthesis
from clearward.synthetic.contract import Column, TableContract

ROWS = "rows"
"""Name of the attribute that counts a patient's rows of a table."""
EMPTY = Derived("NULL")
_UNTOLD = ("other", "U", "unspecified")  # categories that stand for any value not listed
_PLACED = frozenset({"hospital_id", "month"})
_BANDS = 6


@dataclass(frozen=True)
class Attribute:
    """A modelled column.

    Attributes:
        entity, column: where it stands.
        rule: its categories or bands.
        has_null: whether emptiness is one more value, the last code.
    """

    entity: str
    column: str
    rule: Listed | Banded
    has_null: bool

    @property
    def name(self) -> str:
        """``<entity>__<column>``: its name in the patient record."""
        return f"{self.entity}__{self.column}"

    @property
    def size(self) -> int:
        """Number of codes."""
        listed = isinstance(self.rule, Listed)
        values = len(self.rule.values) if listed else len(self.rule.edges) - 1  # type: ignore[union-attr]
        return values + self.has_null

    def encode_sql(self, alias: str) -> str:
        """SQL that turns a row of ``alias`` into this attribute's code."""
        plain = f'{alias}."{self.column}"'
        if isinstance(self.rule, Listed):
            return self._listed_sql(plain, self.rule.values)
        source = re.sub(r"\brow\.", f"{alias}.", self.rule.source)
        value = f"({source})" if source else plain
        cases = " ".join(
            f"WHEN v < {edge!r} THEN {code}" for code, edge in enumerate(self.rule.edges[1:-1])
        )
        last = len(self.rule.edges) - 2
        chosen = f"CASE {cases} ELSE {last} END" if cases else "0"
        chosen = chosen.replace("v <", f"CAST({value} AS DOUBLE) <")
        null = self.size - 1 if self.has_null else 0
        return f"CASE WHEN {value} IS NULL THEN {null} ELSE {chosen} END"

    def _listed_sql(self, value: str, values: tuple[str, ...]) -> str:
        listed = ", ".join("'" + v.replace("'", "''") + "'" for v in values)
        place = f"list_position([{listed}], CAST({value} AS VARCHAR)) - 1"
        null = self.size - 1 if self.has_null else self._untold(values)
        return (
            f"CASE WHEN {value} IS NULL THEN {null} ELSE coalesce({place}, "
            f"{self._untold(values)}) END"
        )

    def _untold(self, values: tuple[str, ...]) -> int:
        """Code of a value outside the list."""
        named = next((values.index(name) for name in _UNTOLD if name in values), None)
        if named is not None:
            return named
        return self.size - 1

    def decode(self, codes: NDArray[np.int64], generator: np.random.Generator) -> pa.Array:
        """Values of codes; inside a band every value is equally likely."""
        empty = (codes == self.size - 1) if self.has_null else np.zeros(len(codes), dtype=bool)
        if isinstance(self.rule, Listed):
            values: NDArray[np.object_] = np.array([*self.rule.values, None], dtype=object)
            return pa.array(values[codes].tolist(), pa.string())
        edges = np.asarray(self.rule.edges)
        band = np.minimum(codes, len(edges) - 2)
        if self.rule.decimals is None:
            labels = [f"{low:.0f}-{high - 1:.0f}" for low, high in pairwise(edges)]
            return pa.array(np.array(labels, dtype=object)[band], pa.string(), mask=empty)
        drawn = edges[band] + generator.random(len(codes)) * (edges[band + 1] - edges[band])
        if self.rule.decimals == 0:
            return pa.array(np.floor(drawn).astype(np.int64), pa.int64(), mask=empty)
        return pa.array(np.round(drawn, self.rule.decimals), pa.float64(), mask=empty)


@dataclass(frozen=True)
class TableDesign:
    """How one published table is made.

    Attributes:
        modelled: attributes of its rows.
        derived: column -> SQL, see `products.synthesis.Derived`.
    """

    contract: TableContract
    modelled: tuple[Attribute, ...]
    derived: Mapping[str, str]
    counts: Attribute | None
    distinct: tuple[str, ...]
    keep: str


def design_tables(
    connection: duckdb.DuckDBPyConnection,
    synthesis: Synthesis,
    contracts: Mapping[str, TableContract],
) -> dict[str, TableDesign]:
    """A design per table; ConfigError when a column has no rule and may not be empty."""
    return {
        entity: _design(connection, synthesis, contract) for entity, contract in contracts.items()
    }


def _design(
    connection: duckdb.DuckDBPyConnection, synthesis: Synthesis, contract: TableContract
) -> TableDesign:
    entity, rules = contract.entity, synthesis.tables[contract.entity]
    known = {column.name: column for column in contract.columns}
    unknown = sorted(n for n in rules.columns if not n.startswith("_") and n not in known)
    if unknown:
        raise ConfigError(
            f"The spec has rules for columns that {contract.table} does not publish.",
            seen=", ".join(unknown),
            do="remove or rename them in [synthetic]",
        )
    modelled, derived = [], {}
    for name, rule in _rules(contract, rules.columns).items():
        if isinstance(rule, Derived):
            derived[name] = rule.sql
            continue
        resolved = _resolve(connection, rule) if isinstance(rule, Listed) else rule
        modelled.append(
            Attribute(entity, name, resolved, _has_null(name, known.get(name), resolved))
        )
    events = not contract.is_of_patients and "patient_key" in known
    edges = tuple(float(edge) for edge in rules.counts)
    counts = Attribute(entity, ROWS, Banded(edges), False) if events else None
    return TableDesign(contract, tuple(modelled), derived, counts, rules.distinct, rules.keep)


def _rules(contract: TableContract, stated: Mapping[str, Rule]) -> dict[str, Rule]:
    """A rule per column that is not placed by the generator, and per helper column."""
    rules = {name: rule for name, rule in stated.items() if name.startswith("_")}
    for column in contract.columns:
        is_linked = column.name == "day" and contract.entity != "encounter"
        if column.name.endswith("_key") or column.name in _PLACED or is_linked:
            continue
        rules[column.name] = stated.get(column.name) or _default(contract, column)
    return rules


def _default(contract: TableContract, column: Column) -> Rule:
    if column.values:
        return Listed(column.values)
    if column.type == "BOOLEAN":
        return Listed(("false", "true"))
    if column.low is not None and column.high is not None:
        edges = tuple(float(e) for e in np.linspace(column.low, column.high, _BANDS + 1))
        return Banded(edges, 0 if column.type in {"INTEGER", "BIGINT"} else 2)
    if not column.is_required:
        return EMPTY
    raise ConfigError(
        f"Column {contract.table}.{column.name} has no rule for its synthetic sample.",
        expected="a list, edges or SQL, because it may not be empty",
        do="add it to [synthetic] of the product spec",
    )


def _resolve(connection: duckdb.DuckDBPyConnection, rule: Listed) -> Listed:
    if not rule.query:
        return rule
    values = sorted(str(row[0]) for row in connection.execute(rule.query).fetchall())
    if not values:
        raise ConfigError("A query of [synthetic] names no category.", do="correct the query")
    return replace(rule, values=tuple(values))


def _has_null(name: str, column: Column | None, rule: Listed | Banded) -> bool:
    """Emptiness is a value of its own unless the contract or another category rules it out."""
    if rule.is_required or (column is not None and column.is_required):
        return False
    if isinstance(rule, Listed) and "U" in rule.values:
        return False
    return not name.startswith("is_")
