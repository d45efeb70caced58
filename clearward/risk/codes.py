"""Sets of codes that point at few patients. Add a measure of set-valued columns here; which codes
are left out to keep to it is protection's work.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from clearward.risk.sources import check_columns, one, quoted


@dataclass(frozen=True)
class CodeSets:
    """k^m-anonymity of one column of codes (Terrovitis et al. 2008).

    Attributes:
        codes: different codes.
        rare: codes held by fewer than k patients.
        combinations: sets of 2 to m codes held together by fewer than k patients, each code of
            which k or more hold: the rest is counted there.
        patients: patients who hold such a code or combination.
    """

    codes: int
    rare: int
    combinations: int
    patients: int


def measure_codes(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    column: str,
    *,
    unit: str,
    k: int,
    m: int,
) -> CodeSets:
    """Count codes and sets of up to ``m`` codes that 1 to k - 1 patients share.

    An empty table has no code and no violation: whether it may be empty is another check.
    """
    check_columns(connection, source, [unit, column])
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE risk_held AS
            SELECT DISTINCT unit, dense_rank() OVER (ORDER BY code) AS code FROM (
                SELECT {quoted(unit)} AS unit, {quoted(column)} AS code FROM {source}
                WHERE {quoted(column)} IS NOT NULL)"""
    )
    codes = one(connection, "SELECT count(DISTINCT code) FROM risk_held")[0]
    connection.execute("CREATE OR REPLACE TEMP TABLE risk_exposed (unit VARCHAR)")
    rare = _count_rare(connection, 1, k)
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE risk_held AS SELECT * FROM risk_held
            QUALIFY count(*) OVER (PARTITION BY code) >= {int(k)}"""
    )
    combined = sum(_count_rare(connection, length, k) for length in range(2, m + 1))
    patients = one(connection, "SELECT count(DISTINCT unit) FROM risk_exposed")[0]
    return CodeSets(int(codes), rare, combined, int(patients))


def _count_rare(connection: duckdb.DuckDBPyConnection, length: int, k: int) -> int:
    """Sets of ``length`` codes below k; notes who holds one."""
    names = [f"h{i}.code" for i in range(length)]
    joins = " ".join(
        f"JOIN risk_held h{i} ON h{i}.unit = h0.unit AND h{i}.code > h{i - 1}.code"
        for i in range(1, length)
    )
    key = ", ".join(f"{name} AS c{i}" for i, name in enumerate(names))
    codes = ", ".join(f"c{i}" for i in range(length))
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE risk_few AS
            SELECT {key}, count(*) AS n FROM risk_held h0 {joins} GROUP BY {codes}
            HAVING count(*) < {int(k)}"""
    )
    same = " AND ".join(f"{name} = f.c{i}" for i, name in enumerate(names))
    connection.execute(
        f"""INSERT INTO risk_exposed SELECT DISTINCT CAST(h0.unit AS VARCHAR)
            FROM risk_held h0 {joins} JOIN risk_few f ON {same}"""
    )
    return int(one(connection, "SELECT count(*) FROM risk_few")[0])
