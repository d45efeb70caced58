"""The course of a patient's first visits, shared with others as far as the bound asks. Add a way of
making courses alike here; what an attacker knows of a course is in the spec (`bounds.Sequence`).

A patient alone with their course loses the kind of these visits first (it becomes ``other``); who
is still alone loses all but the first visit, then that one too. Each step is only taken while more
patients are alone than the bound allows, and only for them.
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from clearward.products.bounds import Sequence
from clearward.products.spec import Product

BLURRED = "other"


def share_courses(
    connection: duckdb.DuckDBPyConnection, product: Product, *, bound: float
) -> Mapping[str, int]:
    """Bring the share of patients alone with their course under ``bound``; cells and rows lost."""
    sequence, key = product.protection.sequence, _key(product)
    patients = connection.execute("SELECT count(*) FROM out_patient").fetchone()
    allowed = int(bound * (patients[0] if patients else 0))
    done = {"cells_of_visit_kind": 0, "rows_of_unshared_courses": 0}
    steps = (
        (
            "cells_of_visit_kind",
            f"UPDATE out_{sequence.table} SET {sequence.kind} = '{BLURRED}'",
            0,
        ),
        ("rows_of_unshared_courses", f"DELETE FROM out_{sequence.table}", 1),
        ("rows_of_unshared_courses", f"DELETE FROM out_{sequence.table}", 0),
    )
    for name, action, spared in steps:
        if _find_alone(connection, sequence, key) <= allowed:
            break
        nth = f"<= {sequence.length}" if name == "cells_of_visit_kind" else f"> {spared}"
        row = connection.execute(
            f"{action} WHERE {key} IN (SELECT {key} FROM course_visit "
            f"WHERE place {nth} AND patient_key IN (SELECT patient_key FROM course_alone))"
        ).fetchone()
        done[name] += int(row[0]) if row else 0
    return done


def _key(product: Product) -> str:
    table = next(t for t in product.tables if t.entity == product.protection.sequence.table)
    return table.key[0]


def _find_alone(connection: duckdb.DuckDBPyConnection, sequence: Sequence, key: str) -> int:
    """Make table ``course_alone``: patients whose course nobody shares; returns how many."""
    day, kind = sequence.order_by, sequence.kind
    band = " + ".join(f"CAST(gap >= {int(edge)} AS INTEGER)" for edge in sequence.gap_days) or "0"
    connection.execute(
        f"CREATE OR REPLACE TABLE course_visit AS SELECT patient_key, {key}, {kind} AS kind, "
        f"row_number() OVER visit AS place, {day} - lag({day}) OVER visit AS gap "
        f"FROM out_{sequence.table} "
        f"WINDOW visit AS (PARTITION BY patient_key ORDER BY {day}, {kind}, {key})"
    )
    connection.execute(
        "CREATE OR REPLACE TABLE course_alone AS SELECT patient_key FROM ("
        "SELECT patient_key, string_agg(concat(kind, ':', CASE WHEN place > 1 THEN "
        f"CAST({band} AS VARCHAR) END), '|' ORDER BY place) AS course FROM course_visit "
        f"WHERE place <= {int(sequence.length)} GROUP BY patient_key) "
        "QUALIFY count(*) OVER (PARTITION BY course) = 1"
    )
    row = connection.execute("SELECT count(*) FROM course_alone").fetchone()
    return int(row[0]) if row else 0
