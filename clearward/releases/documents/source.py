"""What is counted in the warehouse for the documents: the patients a product was taken from, how
many rows the maps know, when visits arrive. Aggregates only, of patients whose consent is in force,
rounded up to multiples of k, so that nobody can be counted by subtracting a release or a month.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import duckdb

from clearward.errors import ReleaseError
from clearward.products.counts import rounded
from clearward.products.spec import Product
from clearward.protect.hierarchies import UNKNOWN, build_hierarchy
from clearward.settings import Settings
from clearward.sources.spec import Table, load_spec, source_systems
from clearward.warehouse import Warehouse, engine, read_parquet_sql

MOST_CODES = 20
"""Unmapped codes that are listed of each kind."""
MONTHS_BACK = 12
_KINDS = {
    "diagnosis": ("int_condition_occurrence", "source_code", "source_code_system", "concept"),
    "medication": ("int_drug_exposure", "source_code", "source_code_system", "ingredient"),
    "procedure": ("int_procedure_occurrence", "source_code", "source_code_system", "concept"),
    "measurement": ("int_measurement", "source_code", "source_code_system", "concept"),
    "note": ("int_note_nlp", "attribute", "'attribute'", "concept"),
}


@dataclass(frozen=True)
class Coverage:
    """Rows of one kind and code system that a map knows, and that none does; rounded."""

    kind: str
    system: str
    mapped: int
    unmapped: int


@dataclass(frozen=True)
class Unmapped:
    """A code that no map knows and k patients or more have; rows rounded."""

    kind: str
    system: str
    code: str
    rows: int


@dataclass(frozen=True)
class Arrived:
    """Visits of a calendar month that had come with the extracts up to a month; rounded.

    Attributes:
        rows: of that arrival month alone; None under k patients.
        so_far: of that and all earlier arrival months; None until one of them had k patients.
    """

    event_month: str
    arrival_month: str
    rows: int | None
    so_far: int | None


@dataclass(frozen=True)
class Source:
    """Figures of the source; each is empty where its tables are not there.

    Attributes:
        patients: quasi-identifier -> generalised value -> patients, rounded.
        total: patients in all, rounded.
    """

    patients: Mapping[str, Mapping[str, int]]
    total: int
    coverage: tuple[Coverage, ...]
    unmapped: tuple[Unmapped, ...]
    arrivals: tuple[Arrived, ...]


def measure_source(
    settings: Settings, product: Product, *, month: str, levels: Mapping[str, int]
) -> Source:
    """Count what a product of a month was taken from.

    Args:
        settings, product, month: where, whose purposes count, and up to when.
        levels: quasi-identifier -> level on its ladder as published; one that is not here was not
            generalised alike for everybody and is not compared.
    """
    warehouse, k = Warehouse(settings.warehouse), product.protection.k
    subjects = warehouse.history("deidentified", "subject", upto=month)
    subjects = [path for path in subjects if f"month={month}" in path.parts]
    if not subjects:
        return Source({}, 0, (), (), ())
    with engine(settings) as connection:
        connection.execute("SET threads = 1")
        try:
            _make_subjects(connection, subjects, product.purposes)
            patients, total = _patients(connection, warehouse, product, month=month, levels=levels)
            coverage, unmapped = _maps(connection, warehouse, month=month, k=k)
            arrivals = _arrivals(connection, warehouse, month=month, k=k)
        except duckdb.Error as error:
            raise ReleaseError(
                f"The source of {product.name} {month} cannot be counted for the documents.",
                seen=type(error).__name__,
                do="run dbt of that month again",
            ) from None
    return Source(patients, total, coverage, unmapped, arrivals)


def _make_subjects(
    connection: duckdb.DuckDBPyConnection, paths: list[Path], purposes: tuple[str, ...]
) -> None:
    """Make table ``subjects``: who permits every purpose of the product at the end of the month."""
    marks = ", ".join("?" for _ in purposes)
    connection.execute(
        "CREATE TABLE subjects AS SELECT hospital_id, patient_key FROM "
        f"{read_parquet_sql(paths)} WHERE purpose IN ({marks}) GROUP BY ALL "
        "HAVING count(DISTINCT purpose) = ?",
        [*purposes, len(set(purposes))],
    )


def _patients(
    connection: duckdb.DuckDBPyConnection,
    warehouse: Warehouse,
    product: Product,
    *,
    month: str,
    levels: Mapping[str, int],
) -> tuple[dict[str, dict[str, int]], int]:
    paths = warehouse.history("core", "int_person", upto=month)
    if not paths:
        return {}, 0
    k = product.protection.k
    found: dict[str, dict[str, int]] = {}
    connection.execute(
        "CREATE TABLE people AS SELECT arg_max(op, month) AS op, arg_max(sex, month) AS sex, "
        "arg_max(birth_year, month) AS birth_year, arg_max(region_l1, month) AS region_l1 "
        f"FROM {read_parquet_sql(paths)} JOIN subjects USING (hospital_id, patient_key) "
        "GROUP BY hospital_id, patient_key"
    )
    connection.execute("DELETE FROM people WHERE op = 'D'")
    ladders = {qi.column: qi.ladder for qi in product.protection.quasi_identifiers}
    for column in ("sex", "birth_year", "region_l1"):
        if column not in ladders or column not in levels:
            continue
        rows = connection.execute(
            f"SELECT coalesce(CAST({column} AS VARCHAR), '{UNKNOWN}'), count(*) FROM people "
            "GROUP BY 1"
        ).fetchall()
        found[column] = _generalised(dict(rows), ladders[column], column, level=levels[column], k=k)
    total = connection.execute("SELECT count(*) FROM people").fetchone()
    return found, rounded(total[0] if total else 0, k)


def _generalised(
    counts: Mapping[str, int], ladder: str, column: str, *, level: int, k: int
) -> dict[str, int]:
    hierarchy = build_hierarchy(ladder, column, counts)
    labels = dict(zip(hierarchy.values, hierarchy.labels(level), strict=True))
    found: dict[str, int] = {}
    for value, count in counts.items():
        found[labels[value]] = found.get(labels[value], 0) + count
    return {label: rounded(count, k) for label, count in sorted(found.items())}


def _maps(
    connection: duckdb.DuckDBPyConnection, warehouse: Warehouse, *, month: str, k: int
) -> tuple[tuple[Coverage, ...], tuple[Unmapped, ...]]:
    coverage: list[Coverage] = []
    unmapped: list[Unmapped] = []
    for kind, (table, code, system, concept) in _KINDS.items():
        paths = warehouse.history("core", table, upto=month)
        if not paths:
            continue
        rows = connection.execute(
            f"SELECT coalesce({system}, ''), {code}, {concept} IS NOT NULL, count(*), "
            f"count(DISTINCT patient_key) FROM {read_parquet_sql(paths)} "
            f"SEMI JOIN subjects USING (hospital_id, patient_key) WHERE op <> 'D' "
            f"AND {code} IS NOT NULL GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2"
        ).fetchall()
        sums: dict[str, list[int]] = {}
        for name, _, is_mapped, n, _ in rows:
            sums.setdefault(name, [0, 0])[not is_mapped] += n
        coverage += [
            Coverage(kind, name, rounded(a, k), rounded(b, k))
            for name, (a, b) in sorted(sums.items())
        ]
        many = [row for row in rows if not row[2] and row[4] >= k][:MOST_CODES]
        unmapped += [Unmapped(kind, name, value, rounded(n, k)) for name, value, _, n, _ in many]
    return tuple(coverage), tuple(unmapped)


def _visits() -> list[tuple[str, str]]:
    """Cleared table and column of every system's visits: the table that gives encounters their key,
    and its first date."""
    found = []
    for system in source_systems():
        spec = load_spec(system)
        for table in spec.tables:
            dated = next((c.name for c in table.columns if c.treatment == "shift"), None)
            if dated and _is_of_visits(table):
                found.append((spec.warehouse_name(table), dated))
    return found


def _is_of_visits(table: Table) -> bool:
    return any(c.of == table.name and c.output == "encounter_key" for c in table.columns)


def _arrivals(
    connection: duckdb.DuckDBPyConnection, warehouse: Warehouse, *, month: str, k: int
) -> tuple[Arrived, ...]:
    """Counted on real dates, where they still are: a shifted date says nothing of a delay. What
    leaves is a number of visits per month, of k patients or more."""
    parts = [
        f"SELECT strftime({column}, '%Y-%m') AS event, month, hospital_id, patient_key "
        f"FROM {read_parquet_sql(paths)} WHERE op = 'I'"
        for table, column in _visits()
        if (paths := warehouse.history("cleared", table, upto=month))
    ]
    if not parts:
        return ()
    rows = connection.execute(
        "SELECT event, month, count(*), count(DISTINCT patient_key) "
        f"FROM ({' UNION ALL '.join(parts)}) "
        "SEMI JOIN subjects USING (hospital_id, patient_key) WHERE event <= month "
        "AND event > strftime(CAST(? || '-01' AS DATE) - to_months(?), '%Y-%m') "
        "GROUP BY 1, 2 ORDER BY 1, 2",
        [month, MONTHS_BACK],
    ).fetchall()
    return tuple(_so_far(rows, k))


def _so_far(rows: list[tuple[str, str, int, int]], k: int) -> Iterator[Arrived]:
    for event, group in groupby(rows, key=lambda row: row[0]):
        in_all, most = 0, 0
        for _, arrival, n, people in group:
            in_all, most = in_all + n, max(most, people)
            one = rounded(n, k) if people >= k else None
            yield Arrived(event, arrival, one, rounded(in_all, k) if most >= k else None)
