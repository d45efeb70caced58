"""Patients who can be told by the course of their visits. Add a measure of event order here; how
many visits are published is protection's decision.
"""

from __future__ import annotations

from collections.abc import Sequence as Names
from dataclasses import dataclass

import duckdb

from clearward.products.bounds import Sequence
from clearward.risk.sources import check_columns, one, quoted


@dataclass(frozen=True)
class Sequences:
    """How far the first visits tell patients apart.

    Attributes:
        patients: patients with a visit, at most all of the release.
        unique: share of all patients whose first visits nobody shares, 0–1.
        unique_with_class: the same for an attacker who also knows the quasi-identifiers.
        unique_to_the_day: the same for one who knows every gap to the day and nothing else: no
            gate asks for it, so that a reader sees what the bands leave out.
        most: visits of the patient with the most.
    """

    patients: int
    unique: float
    unique_with_class: float
    unique_to_the_day: float
    most: int


def measure_sequences(
    connection: duckdb.DuckDBPyConnection,
    visits: str,
    sequence: Sequence,
    *,
    patients: str,
    quasi_identifiers: Names[str],
    unit: str = "patient_key",
) -> Sequences:
    """Share of patients who are alone with their first visits: kind, and the banded gap before it.

    ``visits`` and ``patients`` are table expressions; an attacker is taken to know the first
    ``sequence.length`` visits in the order of the day, and in which band each gap lies. A patient
    without a visit is not unique by visits.
    """
    day, kind, key = quoted(sequence.order_by), quoted(sequence.kind), quoted(unit)
    check_columns(connection, visits, [sequence.order_by, sequence.kind, unit])
    check_columns(connection, patients, [unit, *quasi_identifiers])
    band = " + ".join(f"CAST(gap >= {int(edge)} AS INTEGER)" for edge in sequence.gap_days) or "0"
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE risk_course AS
            SELECT {key} AS unit, string_agg(step, '|' ORDER BY place) AS course,
                   string_agg(day_step, '|' ORDER BY place) AS day_course, max(held) AS held
            FROM (SELECT {key}, place, held, concat(CAST({kind} AS VARCHAR), ':',
                         CASE WHEN place > 1 THEN CAST({band} AS VARCHAR) END) AS step,
                         concat(CAST({kind} AS VARCHAR), ':', gap) AS day_step
                  FROM (SELECT {key}, {kind},
                               row_number() OVER visit AS place,
                               count(*) OVER (PARTITION BY {key}) AS held,
                               {day} - lag({day}) OVER visit AS gap
                        FROM {visits}
                        WINDOW visit AS (PARTITION BY {key} ORDER BY {day}, {kind}))
                  WHERE place <= {int(sequence.length)})
            GROUP BY {key}"""
    )
    known = "".join(f", p.{quoted(name)}" for name in quasi_identifiers)
    total, seen, alone, alone_known, alone_by_day, most = one(
        connection,
        f"""SELECT count(*), count(course), count(*) FILTER (course IS NOT NULL AND together = 1),
                   count(*) FILTER (course IS NOT NULL AND within = 1),
                   count(*) FILTER (course IS NOT NULL AND by_day = 1), max(held)
            FROM (SELECT course, held, count(*) OVER (PARTITION BY course) AS together,
                         count(*) OVER (PARTITION BY day_course) AS by_day,
                         count(*) OVER (PARTITION BY course{known}) AS within
                  FROM {patients} p LEFT JOIN risk_course ON unit = p.{key})""",
    )
    share = max(int(total), 1)
    shares = (alone / share, alone_known / share, alone_by_day / share)
    return Sequences(int(seen), *shares, int(most))
