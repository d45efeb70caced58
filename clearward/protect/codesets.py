"""Codes of which a patient has many: which few of them give a patient away, and what to leave out.
Add here what concerns sets of codes; one row per patient belongs to `solver` and `local`.

k^m-anonymity (Terrovitis, Mamoulis, Kalnis, PVLDB 2008): an attacker who knows any m codes of a
patient finds either nobody or at least k patients who have them. Codes are counted as sets:
how often or when a patient had one says nothing here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import duckdb
import pyarrow as pa

from clearward.errors import ConfigError, ProtectionError
from clearward.warehouse import check_name

MOST_KNOWN = 3  # four known codes of every patient would be more sets than a month can count


@dataclass(frozen=True)
class RareSets:
    """Sets of at most m codes that somebody, and fewer than k patients, have.

    Attributes:
        k, m: the bound.
        patients: patients with a code.
        sets: rare sets, by number of codes 1 to m; a set is counted only where no smaller rare
            set lies in it.
        touched: patients who have one.
    """

    k: int
    m: int
    patients: int
    sets: tuple[int, ...]
    touched: int

    @property
    def is_kept(self) -> bool:
        """Whether k^m-anonymity holds; no codes at all prove nothing."""
        return self.patients > 0 and not any(self.sets)


@dataclass(frozen=True)
class Removal:
    """What `plan_removals` leaves out.

    Attributes:
        occurrences: (patient, code) pairs there were.
        removed: how many of them go.
        patients: patients who lose at least one.
        rounds: countings it took.
    """

    occurrences: int
    removed: int
    patients: int
    rounds: int


def rare_sets(
    connection: duckdb.DuckDBPyConnection, source: str, *, unit: str, code: str, k: int, m: int
) -> RareSets:
    """Count the sets of at most m codes that fewer than k patients have.

    Args:
        connection: DuckDB; temporary tables named ``code_*`` are made and dropped.
        source: table or view, checked by the caller.
        unit, code: its columns; a null code is no code.
        k, m: the bound; m is 1 to 3.
    """
    _number(connection, source, unit=unit, code=code, k=k, m=m)
    patients = _one(connection, "SELECT count(DISTINCT unit) FROM code_held")
    counts = [_find_rare(connection, k, size) for size in range(1, m + 1)]
    touched = _one(connection, "SELECT count(DISTINCT unit) FROM code_instance")
    _drop(connection)
    return RareSets(k, m, patients, tuple(counts), touched)


def plan_removals(
    connection: duckdb.DuckDBPyConnection, source: str, *, unit: str, code: str, k: int, m: int
) -> Removal:
    """Make table ``code_removal(unit, code)``: occurrences without which k^m-anonymity holds.

    The least such set is NP-hard to find (it covers the edges of a graph). Greedy: every patient
    with rare sets loses the code that lies in most of them, the rarer of two; then all is counted
    again, because what one patient loses makes sets of others rarer. Every round
    removes something and nothing comes back, so it ends.
    """
    _number(connection, source, unit=unit, code=code, k=k, m=m)
    occurrences = _one(connection, "SELECT count(*) FROM code_held")
    connection.execute("CREATE TEMP TABLE code_out (unit INTEGER, code INTEGER)")
    rounds = 0
    while True:
        rounds += 1
        if not sum(_find_rare(connection, k, size) for size in range(1, m + 1)):
            break
        _cover(connection)
    removed, patients = _two(connection, "SELECT count(*), count(DISTINCT unit) FROM code_out")
    connection.execute(
        "CREATE OR REPLACE TABLE code_removal AS SELECT u.name AS unit, c.name AS code "
        "FROM code_out o JOIN code_unit u ON u.number = o.unit "
        "JOIN code_name c ON c.number = o.code"
    )
    _drop(connection)
    return Removal(occurrences, removed, patients, rounds)


def floor_codes(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    *,
    unit: str,
    code: str,
    k: int,
    parents: Mapping[str, str],
) -> dict[str, str | None]:
    """What every code is published as so that each published code is had by k or more patients.

    A rare code becomes its parent, and that one its own parent; None where even the last is rare:
    the code is left out. Patients are counted anew for every step, as one may have two children.
    """
    names = [
        row[0]
        for row in connection.execute(
            f"SELECT DISTINCT CAST({check_name(code)} AS VARCHAR) FROM {source} "
            f"WHERE {check_name(code)} IS NOT NULL ORDER BY 1"
        ).fetchall()
    ]
    shown: dict[str, str | None] = {name: name for name in names}
    for _ in range(len(names) + len(parents) + 1):
        rare = _rare_shown(connection, source, unit=unit, code=code, k=k, shown=shown)
        if not rare:
            return shown
        shown = {
            name: parents.get(label) if label is not None and label in rare else label
            for name, label in shown.items()
        }
    raise ConfigError("The hierarchy of codes has a circle.", do="correct the parents of the codes")


def _rare_shown(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    *,
    unit: str,
    code: str,
    k: int,
    shown: Mapping[str, str | None],
) -> set[str | None]:
    kept = {name: label for name, label in shown.items() if label is not None}
    table = pa.table(
        {"name": pa.array(kept, pa.string()), "label": pa.array(kept.values(), pa.string())}
    )
    connection.register("code_shown", table)
    rows = connection.execute(
        f"SELECT label FROM {source} JOIN code_shown ON name = CAST({check_name(code)} AS VARCHAR) "
        f"GROUP BY label HAVING count(DISTINCT {check_name(unit)}) < ?",
        [k],
    ).fetchall()
    connection.unregister("code_shown")
    return {row[0] for row in rows}


def _number(
    connection: duckdb.DuckDBPyConnection, source: str, *, unit: str, code: str, k: int, m: int
) -> None:
    """Tables code_unit, code_name and code_held(unit, code): each occurrence once, in numbers."""
    if not 1 <= m <= MOST_KNOWN or k < 1:
        raise ConfigError(
            "Sets of codes cannot be counted for this bound.",
            seen=f"k {k}, m {m}",
            expected=f"k of at least 1, m of 1 to {MOST_KNOWN}",
        )
    unit, code = check_name(unit), check_name(code)
    nameless = f"SELECT count(*) FROM {source} WHERE {unit} IS NULL AND {code} IS NOT NULL"
    if _one(connection, nameless):
        raise ProtectionError(
            "Codes cannot be counted by patient.",
            seen=f"{_one(connection, nameless)} codes without a patient",
            expected="a patient for every code",
            do="correct the mart",
        )
    _drop(connection)
    for table, column in (("code_unit", unit), ("code_name", code)):
        connection.execute(
            f"CREATE TEMP TABLE {table} AS "
            "SELECT name, CAST(row_number() OVER () AS INTEGER) AS number "
            f"FROM (SELECT {column} AS name FROM {source} WHERE {code} IS NOT NULL GROUP BY 1)"
        )
    connection.execute(
        "CREATE TEMP TABLE code_held AS SELECT DISTINCT u.number AS unit, c.number AS code "
        f"FROM {source} s JOIN code_unit u ON u.name = s.{unit} "
        f"JOIN code_name c ON c.name = s.{code}"
    )
    connection.execute("CREATE TEMP TABLE code_instance (unit INTEGER, codes INTEGER[])")


def _find_rare(connection: duckdb.DuckDBPyConnection, k: int, size: int) -> int:
    """Add the instances of rare sets of one size to code_instance; returns how many sets."""
    if size == 1:
        connection.execute("DELETE FROM code_instance")
    # A code that fewer than k have is rare alone: sets with it would be counted twice.
    side = "<" if size == 1 else ">="
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE code_common AS SELECT unit, code FROM code_held "
        f"WHERE code IN (SELECT code FROM code_held GROUP BY code HAVING count(*) {side} {k})"
    )
    names = [f"h{place}" for place in range(size)]
    joins = " ".join(
        f"JOIN code_common {b} ON {b}.unit = h0.unit AND {b}.code > {a}.code"
        for a, b in pairwise(names)
    )
    columns = ", ".join(f"{name}.code AS c{place}" for place, name in enumerate(names))
    keys = ", ".join(f"c{place}" for place in range(size))
    sets = f"SELECT h0.unit AS unit, {columns} FROM code_common h0 {joins}"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE code_rare AS SELECT {keys} FROM ({sets}) s "
        f"{_without_rare_pairs(size)} GROUP BY {keys} HAVING count(*) < {k}"
    )
    connection.execute(
        f"INSERT INTO code_instance SELECT unit, [{keys}] FROM ({sets}) s "
        f"JOIN code_rare USING ({keys})"
    )
    if size == 2:
        connection.execute("CREATE OR REPLACE TEMP TABLE code_pair AS SELECT c0, c1 FROM code_rare")
    return _one(connection, "SELECT count(*) FROM code_rare")


def _without_rare_pairs(size: int) -> str:
    pairs = [("c0", "c1"), ("c0", "c2"), ("c1", "c2")] if size == MOST_KNOWN else []
    return " ".join(
        f"ANTI JOIN code_pair p{number} ON p{number}.c0 = s.{a} AND p{number}.c1 = s.{b}"
        for number, (a, b) in enumerate(pairs)
    )


def _cover(connection: duckdb.DuckDBPyConnection) -> None:
    """Take out, patient by patient, the code in most rare sets until none is left."""
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE code_open AS SELECT unit, row_number() OVER () AS number, "
        "unnest(codes) AS code FROM code_instance"
    )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE code_total AS "
        "SELECT code, count(*) AS total FROM code_held GROUP BY code"
    )
    while _one(connection, "SELECT count(*) FROM code_open"):
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE code_next AS SELECT unit, code FROM code_open "
            "JOIN code_total USING (code) GROUP BY unit, code, total QUALIFY row_number() OVER "
            "(PARTITION BY unit ORDER BY count(*) DESC, total, code) = 1"
        )
        connection.execute("INSERT INTO code_out SELECT unit, code FROM code_next")
        connection.execute(
            "DELETE FROM code_open WHERE number IN (SELECT number FROM code_open "
            "SEMI JOIN code_next USING (unit, code))"
        )
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE code_held AS "
            "SELECT unit, code FROM code_held ANTI JOIN code_next USING (unit, code)"
        )


def _drop(connection: duckdb.DuckDBPyConnection) -> None:
    for name in ("unit", "name", "held", "instance", "common", "rare", "pair", "out", "open",
                 "total", "next"):  # fmt: skip
        connection.execute(f"DROP TABLE IF EXISTS temp.code_{name}")


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def _two(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[int, int]:
    row = connection.execute(query).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)
