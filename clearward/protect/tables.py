"""Product tables in, protected tables out: the SQL of generalising, relabelling and leaving out.
Which levels are used is decided by the solver, not here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from clearward.errors import ProtectionError
from clearward.keyring import install_hmac
from clearward.products.spec import Product
from clearward.protect.attrition import Step, close, publishable
from clearward.protect.hierarchies import UNKNOWN, Hierarchy, build_hierarchy
from clearward.protect.solver import Problem, Solution
from clearward.warehouse import read_parquet_sql, write_parquet

ATTRITION = "attrition"
COUNTS = ("n_in", "n_out", "n_excluded")


def open_tables(
    connection: duckdb.DuckDBPyConnection, sources: Mapping[str, Path], key: bytes
) -> None:
    """Make a view per entity and the keyed function ``keyed(text)``."""
    install_hmac(connection, "keyed", key)
    for entity, path in sources.items():
        connection.execute(f"CREATE VIEW {entity} AS SELECT * FROM {read_parquet_sql([path])}")


def check_tables(connection: duckdb.DuckDBPyConnection, product: Product) -> None:
    """Raise ProtectionError unless every table has the columns protection stands on."""
    for table in product.tables:
        wanted = {"hospital_id", *table.key}
        if table.entity == ATTRITION:
            wanted |= set(COUNTS)
        elif table.entity == "patient":
            wanted |= {qi.column for qi in product.protection.quasi_identifiers}
        else:
            wanted.add("patient_key")
        missing = sorted(wanted - set(_columns(connection, table.entity)))
        if missing:
            raise ProtectionError(
                f"Table {product.table_name(table)} cannot be protected.",
                seen=f"no column {', '.join(missing)}",
                do="correct its mart or the product spec",
            )


def label_hospitals(connection: duckdb.DuckDBPyConnection) -> None:
    """Make table ``hospital`` with the labels H01, H02, … of all hospitals.

    Labels follow the order of keyed hashes, so they say nothing about the names.
    """
    connection.execute(
        "CREATE TABLE hospital AS SELECT hospital_id, 'H' || lpad(CAST(row_number() OVER "
        "(ORDER BY keyed('hospital|' || hospital_id)) AS VARCHAR), 2, '0') AS label "
        f"FROM (SELECT hospital_id FROM patient UNION SELECT hospital_id FROM {ATTRITION})"
    )


def check_patients(connection: duckdb.DuckDBPyConnection, k: int) -> None:
    """Raise ProtectionError unless the patient table has one row for each of k or more patients."""
    rows, patients = _row(connection, "SELECT count(*), count(DISTINCT patient_key) FROM patient")
    if rows != patients:
        raise ProtectionError(
            "The patient table is not one row per patient.",
            seen=f"{rows} rows, {patients} patients",
            expected="as many rows as patients",
            do="correct the patient mart",
        )
    if patients < k:
        raise ProtectionError(
            "The product has fewer patients than k.",
            seen=f"{patients} patients",
            expected=f"at least {k}",
            do="wait for more consents or hospitals; nothing can be published before",
        )


def read_problem(connection: duckdb.DuckDBPyConnection, product: Product) -> Problem:
    """Distinct combinations of the quasi-identifiers with their number of patients."""
    hierarchies = tuple(
        build_hierarchy(qi.ladder, qi.column, _values(connection, qi.column))
        for qi in product.protection.quasi_identifiers
    )
    for hierarchy in hierarchies:
        _make_ladder(connection, hierarchy)
    joins = " ".join(
        f"JOIN ladder_{h.column} ON ladder_{h.column}.value = {_text(h.column)}"
        for h in hierarchies
    )
    codes = ", ".join(f"ladder_{h.column}.code" for h in hierarchies)
    counted = connection.execute(
        f"SELECT {codes}, count(*) AS n FROM patient p {joins} GROUP BY ALL ORDER BY ALL"
    ).fetchnumpy()
    columns = [np.asarray(column, dtype=np.int64) for column in counted.values()]
    bounds = product.protection
    return Problem(
        hierarchies, np.stack(columns[:-1], axis=1), columns[-1], bounds.k, bounds.max_suppressed
    )


def _values(connection: duckdb.DuckDBPyConnection, column: str) -> list[str]:
    query = f"SELECT DISTINCT {_text(column)} FROM patient p ORDER BY 1"
    return [row[0] for row in connection.execute(query).fetchall()]


def _text(column: str) -> str:
    return f"coalesce(CAST(p.{column} AS VARCHAR), '{UNKNOWN}')"


def _make_ladder(connection: duckdb.DuckDBPyConnection, hierarchy: Hierarchy) -> None:
    ladder = {"code": list(range(len(hierarchy.values))), "value": list(hierarchy.values)}
    for level in range(hierarchy.height + 1):
        ladder[f"level_{level}"] = list(hierarchy.labels(level))
    _load(connection, f"ladder_{hierarchy.column}", pa.table(ladder))


def _load(connection: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
    connection.register("incoming", table)
    connection.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM incoming")
    connection.unregister("incoming")


def keep_patients(
    connection: duckdb.DuckDBPyConnection, problem: Problem, solution: Solution
) -> int:
    """Make table ``kept``: patients in classes of at least k with all that replaces their values.

    Columns: patient_key, new_key, new_hospital and new_<quasi-identifier>. Returns how many.
    """
    chosen = list(zip(problem.hierarchies, solution.levels, strict=True))
    labels = ", ".join(f"ladder_{h.column}.level_{n} AS new_{h.column}" for h, n in chosen)
    joins = " ".join(
        f"JOIN ladder_{h.column} ON ladder_{h.column}.value = {_text(h.column)}" for h, _ in chosen
    )
    group = ", ".join(f"new_{h.column}" for h, _ in chosen)
    connection.execute(
        f"""CREATE TABLE kept AS SELECT * FROM (
            SELECT p.patient_key, keyed(p.patient_key) AS new_key, hospital.label AS new_hospital,
                   {labels} FROM patient p JOIN hospital USING (hospital_id) {joins})
            QUALIFY count(*) OVER (PARTITION BY {group}) >= {int(problem.k)}"""
    )
    kept = int(_row(connection, "SELECT count(*) FROM kept")[0])
    if kept != problem.units - solution.suppressed:
        raise ProtectionError(
            "Patients were lost on the way, not suppressed.",
            seen=f"{kept} patients kept",
            expected=f"{problem.units - solution.suppressed}",
            do="look for patients without a hospital in the patient mart",
        )
    return kept


def write_entity(
    connection: duckdb.DuckDBPyConnection,
    entity: str,
    target: Path,
    *,
    key: Sequence[str],
    quasi_identifiers: Sequence[str],
    month: str,
) -> int:
    """Write one table of kept patients with every key, hospital and quasi-identifier replaced.

    ``month`` becomes the release's month on every row: the month an event arrived in would undo
    the date shift.
    """
    columns = _columns(connection, entity)
    replaced = {"patient_key": "kept.new_key", "month": f"'{month}'"}
    # With hospital_id among the quasi-identifiers its label would be generalised like the others.
    replaced["hospital_id"] = "kept.new_hospital"
    replaced |= {name: f"kept.new_{name}" for name in quasi_identifiers if name != "hospital_id"}
    selected = ", ".join(f"{_replacement(name, replaced)} AS {name}" for name in columns)
    query = f"SELECT {selected} FROM {entity} AS source JOIN kept USING (patient_key)"
    order = [*key, *(name for name in columns if name not in key)]
    return write_parquet(connection, query, target, order_by=order)


def _replacement(name: str, replaced: Mapping[str, str]) -> str:
    if name in replaced:
        return replaced[name]
    return f"keyed(source.{name})" if name.endswith("_key") else f"source.{name}"


def write_attrition(
    connection: duckdb.DuckDBPyConnection, target: Path, *, key: Sequence[str], k: int, month: str
) -> int:
    """Write the attrition table closed with the step of protection and safe to publish."""
    columns = _columns(connection, ATTRITION)
    texts = [c for c in columns if c not in {"hospital_id", "month", "step_no", *COUNTS}]
    steps = close(
        _read_steps(connection, texts),
        before=_per_hospital(connection, "patient JOIN hospital USING (hospital_id)", "label"),
        after=_per_hospital(connection, "kept", "new_hospital"),
    )
    rows = [_line(step, month) for step in publishable(steps, k)]
    schema = connection.execute(f"SELECT * FROM {ATTRITION} LIMIT 0").to_arrow_table().schema
    _load(connection, "attrition_out", pa.Table.from_pylist(rows, schema=schema))
    return write_parquet(connection, "SELECT * FROM attrition_out", target, order_by=key)


def _read_steps(connection: duckdb.DuckDBPyConnection, texts: Sequence[str]) -> list[Step]:
    selected = "".join(f", coalesce(CAST({name} AS VARCHAR), '')" for name in texts)
    rows = connection.execute(
        f"SELECT label, step_no, n_in, n_out{selected} FROM {ATTRITION} "
        "JOIN hospital USING (hospital_id)"
    ).fetchall()
    return [
        Step(hospital, number, n_in, n_out, dict(zip(texts, rest, strict=True)))
        for hospital, number, n_in, n_out, *rest in rows
    ]


def _per_hospital(connection: duckdb.DuckDBPyConnection, source: str, label: str) -> dict[str, int]:
    query = f"SELECT {label}, count(*) FROM {source} GROUP BY ALL"
    return dict(connection.execute(query).fetchall())


def _line(step: Step, month: str) -> dict[str, object]:
    counts = zip(COUNTS, (step.n_in, step.n_out, step.excluded), strict=True)
    head = {"hospital_id": step.hospital, "month": month, "step_no": step.number}
    return {**head, **dict(counts), **step.texts}


def _columns(connection: duckdb.DuckDBPyConnection, entity: str) -> list[str]:
    return [str(row[0]) for row in connection.execute(f"DESCRIBE {entity}").fetchall()]


def _row(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[int, ...]:
    row = connection.execute(query).fetchone()
    return tuple(row) if row else ()
