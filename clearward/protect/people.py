"""The patients of a product as arrays, and back: quasi-identifiers and sensitive values of
everybody who may be published in, labels out. Which labels they get is not decided here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from clearward.errors import ProtectionError
from clearward.products.bounds import Protection, Sensitive
from clearward.products.spec import Product
from clearward.protect.hierarchies import UNKNOWN, Hierarchy, build_hierarchy
from clearward.protect.histograms import Histogram
from clearward.protect.loss import Ints
from clearward.protect.models import Distance, DistinctL, Model, TCloseness
from clearward.protect.problem import Problem
from clearward.protect.sticky import Labels
from clearward.protect.successive import Bools

HOSPITAL = "hospital_id"


@dataclass(frozen=True)
class People:
    """Everybody eligible, ordered by pseudonym.

    Attributes:
        keys: (n,) pseudonyms.
        hierarchies: one per quasi-identifier.
        codes: (n, d) index of each value in its hierarchy's ``values``.
        sensitive: (n, s) sensitive values as numbers in the values' own order.
        order: (n,) secret order, new in every month.
    """

    keys: NDArray[Any]
    hierarchies: tuple[Hierarchy, ...]
    codes: Ints
    sensitive: Ints
    order: Ints


def make_people(connection: duckdb.DuckDBPyConnection) -> None:
    """Make table ``person``: the patient table with its pseudonym and the hospital's label.

    Labels follow keyed hashes, so they say nothing about the names and never change when another
    hospital joins.
    """
    connection.execute(
        "CREATE TABLE hospital AS SELECT hospital_id, 'H' || lpad(CAST(CAST('0x' || "
        "left(keyed('hospital|' || hospital_id), 8) AS BIGINT) % 1000000 AS VARCHAR), 6, '0') "
        "AS label FROM (SELECT hospital_id FROM patient UNION SELECT hospital_id FROM attrition) "
        "WHERE hospital_id IS NOT NULL"
    )
    found = connection.execute("SELECT count(*), count(DISTINCT label) FROM hospital").fetchone()
    if found is None or found[0] != found[1]:
        raise ProtectionError(
            "Two hospitals have the same label.",
            seen=f"{found} hospitals and labels",
            do="give one of them another id, or rotate the product's key",
        )
    connection.execute(
        "CREATE TABLE person AS SELECT keyed(p.patient_key) AS new_key, "
        "p.* REPLACE (hospital.label AS hospital_id) "
        "FROM patient p JOIN hospital USING (hospital_id)"
    )


def read_people(connection: duckdb.DuckDBPyConnection, product: Product, *, month: str) -> People:
    """Read table ``person`` as arrays.

    Raises ProtectionError when a patient has no hospital, or when a table of sensitive columns is
    not one row per patient.
    """
    bounds = product.protection
    hierarchies = tuple(
        build_hierarchy(qi.ladder, qi.column, _values(connection, qi.column))
        for qi in bounds.quasi_identifiers
    )
    for hierarchy in hierarchies:
        _make_ladder(connection, hierarchy)
    codes = [f"ladder_{h.column}.code AS q{i}" for i, h in enumerate(hierarchies)]
    ladders = [
        f"JOIN ladder_{h.column} ON ladder_{h.column}.value = {_text(h.column)}"
        for h in hierarchies
    ]
    ranks = [_rank_sql(connection, place, i) for i, place in enumerate(bounds.sensitive)]
    found: dict[str, Any] = connection.execute(
        f"SELECT p.new_key, {', '.join([*codes, *(column for column, _ in ranks)])}, "
        f"row_number() OVER (ORDER BY keyed('order|{month}|' || p.new_key)) - 1 AS place "
        f"FROM person p {' '.join([*ladders, *(join for _, join in ranks)])} ORDER BY p.new_key"
    ).fetchnumpy()
    return People(
        keys=found["new_key"].astype(str),
        hierarchies=hierarchies,
        codes=_stack(found, "q", len(hierarchies)),
        sensitive=_stack(found, "s", len(bounds.sensitive)),
        order=np.asarray(found["place"], dtype=np.int64),
    )


def _stack(found: dict[str, Any], prefix: str, many: int) -> Ints:
    rows = len(found["place"])
    columns = [np.asarray(found[f"{prefix}{i}"], dtype=np.int64) for i in range(many)]
    return np.stack(columns, axis=1) if columns else np.zeros((rows, 0), dtype=np.int64)


def _rank_sql(
    connection: duckdb.DuckDBPyConnection, place: Sensitive, number: int
) -> tuple[str, str]:
    rows = connection.execute(
        f"SELECT count(*) - count(DISTINCT patient_key) FROM {place.table}"
    ).fetchone()
    if rows is None or rows[0]:
        raise ProtectionError(
            f"Table {place.table} has a sensitive column and is not one row per patient.",
            seen=f"{rows[0] if rows else 'no'} rows too many",
            do="correct its mart, or name another column in [protection.sensitive]",
        )
    column = f"dense_rank() OVER (ORDER BY t{number}.{place.column} NULLS FIRST) - 1 AS s{number}"
    join = f"LEFT JOIN {place.table} t{number} ON t{number}.patient_key = p.patient_key"
    return column, join


def _values(connection: duckdb.DuckDBPyConnection, column: str) -> list[str]:
    query = f"SELECT DISTINCT {_text(column)} FROM person p ORDER BY 1"
    return [row[0] for row in connection.execute(query).fetchall()]


def _text(column: str) -> str:
    return f"coalesce(CAST(p.{column} AS VARCHAR), '{UNKNOWN}')"


def _make_ladder(connection: duckdb.DuckDBPyConnection, hierarchy: Hierarchy) -> None:
    ladder = {"code": list(range(len(hierarchy.values))), "value": list(hierarchy.values)}
    load(connection, f"ladder_{hierarchy.column}", pa.table(ladder))


def load(connection: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
    """Make a table from Arrow."""
    connection.register("incoming", table)
    connection.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM incoming")
    connection.unregister("incoming")


def keep(
    connection: duckdb.DuckDBPyConnection, people: People, labels: Labels, *, present: Bools
) -> int:
    """Make table ``kept``: the published patients with their labels; returns how many.

    Columns: patient_key, new_key, new_<quasi-identifier>, and class_no, equal for equal labels.
    """
    columns = {"new_key": people.keys[present]}
    columns |= {
        f"new_{h.column}": column[present]
        for h, column in zip(people.hierarchies, labels, strict=True)
    }
    load(connection, "labelled", pa.table({n: pa.array(c) for n, c in columns.items()}))
    names = ", ".join(name for name in columns if name != "new_key")
    connection.execute(
        f"CREATE TABLE kept AS SELECT p.patient_key, labelled.*, "
        f"dense_rank() OVER (ORDER BY {names}) AS class_no "
        "FROM labelled JOIN person p USING (new_key)"
    )
    return int(present.sum())


def asked_of(people: People, bounds: Protection) -> Protection:
    """The bounds without l of columns that have one value among everybody eligible.

    No class of such a column can be diverse, and none tells more than being in the data does.
    """
    several = np.ptp(people.sensitive, axis=0) > 0
    sensitive = (
        column if varies else replace(column, distinct_l=1)
        for column, varies in zip(bounds.sensitive, several, strict=True)
    )
    return replace(bounds, sensitive=tuple(sensitive))


def problem_of(people: People, bounds: Protection) -> tuple[Problem, Ints]:
    """The recoding problem of a first release, and (n,) the combination of each patient.

    Classes must have room for those who will leave: k of the problem is ``least_class``.
    """
    codes, combination = np.unique(people.codes, axis=0, return_inverse=True)
    combination = combination.reshape(-1)
    models: list[Model] = []
    histograms = []
    for i, place in enumerate(bounds.sensitive):
        name = f"{place.table}.{place.column}"
        histograms.append(_histogram(name, combination, people.sensitive[:, i]))
        distance: Distance = "ordered" if place.is_ordered else "equal"
        models.append(TCloseness(name, place.t, distance))
        if place.distinct_l > 1:
            models.append(DistinctL(name, place.distinct_l))
    problem = Problem(
        people.hierarchies,
        codes,
        np.bincount(combination),
        bounds.successive.least_class,
        bounds.max_suppressed,
        models=tuple(models),
        sensitive=tuple(histograms),
    )
    return problem, combination


def _histogram(name: str, combination: Ints, codes: Ints) -> Histogram:
    values = int(codes.max(initial=0)) + 1
    cells, counts = np.unique(combination * values + codes, return_counts=True)
    names = tuple(str(i) for i in range(values))
    return Histogram(name, names, cells // values, cells % values, counts)
