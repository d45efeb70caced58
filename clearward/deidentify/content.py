"""Does a kept column hold what its spec says? Judged on its distinct values, before any row passes.

A value outside its domain, or one that is known to name somebody, is withheld. Where such values
are about as many as the patients, the column holds something else than its header says: a column
was renamed, swapped or filled with identifiers, and the month is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from clearward.deidentify.domains import (
    Domain,
    domain,
    fits_sql,
    is_identifier_sql,
    plain_sql,
)
from clearward.deidentify.known import identifying
from clearward.errors import DeidentifyError
from clearward.sources.spec import Column, Table
from clearward.warehouse import read_parquet_sql

# Patients who share a word that no list knows; fewer, and it may be about one of them.
SHARED = 5
# This many different withheld values, for at least every second patient who has one: personal data.
PERSONAL_VALUES, PERSONAL_SHARE = 10, 0.5
KNOWN_VALUES = 3
# Long digit strings in a code column are SNOMED CT ids, which carry a check digit.
CHECKED_DIGITS = 8
# A column of short numbers, a letter before them or none, nearly every row another one: record
# numbers, not codes.
COUNTED_ROWS, COUNTED_SHARE = 100, 0.9
_CJK = "\u4e00-\u9fff"
_SHORT_NUMBERS = r"[a-z]?[0-9]{4,7}"


@dataclass(frozen=True)
class Judged:
    """What was found in one column.

    Attributes:
        table: temporary table of values that may not leave, one column ``v``; as in the file.
        values: how many different ones.
    """

    table: str
    values: int


def judge_columns(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    *,
    source: Path,
    earlier: list[Path],
    found: Mapping[str, str],
) -> dict[str, Judged]:
    """Column -> what it may not let out; only columns with such values.

    Args:
        connection: holds `known.meet`'s tables and ``known_label(v)``.
        table: the spec.
        source: the cleared partition.
        earlier: cleared partitions of the same table up to this month, this one included.
        found: columns of the partition.

    Raises:
        DeidentifyError: a column holds personal data instead of what the spec says.
    """
    judged = {}
    for column in table.columns:
        if column.treatment == "keep" and column.type == "text" and column.name in found:
            one = domain(column.domain)
            _collect(connection, column, source)
            _judge(connection, table, one, source=source)
            if one.labels or column.domain == "code":
                _forgive_shared(connection, column, one, earlier=earlier)
            _check(connection, table, column)
            name = f"withheld_{column.name}"
            query = "SELECT v FROM judged WHERE NOT fits"
            connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {query}")
            values = _count(connection, f"SELECT count(*) FROM {name}")
            if values:
                judged[column.name] = Judged(name, values)
    return judged


def _collect(connection: duckdb.DuckDBPyConnection, column: Column, source: Path) -> None:
    """Table ``judged``: each value, its plain form, rows and patients."""
    connection.execute(
        f'CREATE OR REPLACE TEMP TABLE judged AS SELECT "{column.name}" AS v,'
        f" {plain_sql(f'{chr(34)}{column.name}{chr(34)}')} AS p, count(*) AS n,"
        f" count(DISTINCT patient_key) AS patients, false AS fits, false AS known"
        f' FROM {read_parquet_sql([source])} WHERE "{column.name}" IS NOT NULL GROUP BY ALL'
    )


def _judge(
    connection: duckdb.DuckDBPyConnection, table: Table, one: Domain, *, source: Path
) -> None:
    fits = "p IN (SELECT v FROM known_label)" if one.labels else fits_sql(one, "p")
    connection.execute(f"UPDATE judged SET fits = {fits}")
    # A closed list or a known label is what it is, whoever bears the same word as a name.
    suspects = "NOT fits" if one.labels or not one.forms else "true"
    connection.execute(
        f"UPDATE judged SET known = true WHERE {suspects} AND ({is_identifier_sql('p')}"
        " OR p IN (SELECT v FROM known))"
    )
    for column in identifying(table):
        ids = f"SELECT {plain_sql(chr(34) + column.name + chr(34))} FROM "
        connection.execute(
            f"UPDATE judged SET known = true WHERE {suspects} AND p IN"
            f' ({ids} (SELECT NULL::VARCHAR AS "{column.name}" WHERE false UNION ALL BY NAME'
            f" SELECT * FROM {read_parquet_sql([source])}))"
        )
    if one.name == "code":
        _check_digits(connection)
    connection.execute("UPDATE judged SET fits = false WHERE known")


def _check_digits(connection: duckdb.DuckDBPyConnection) -> None:
    long = f"regexp_full_match(p, '[0-9]{{{CHECKED_DIGITS},18}}')"
    rows = connection.execute(f"SELECT p FROM judged WHERE fits AND {long}").fetchall()
    wrong = [(p,) for (p,) in rows if not is_sctid(p)]
    if wrong:
        connection.executemany("UPDATE judged SET fits = false WHERE p = ?", wrong)


def _forgive_shared(
    connection: duckdb.DuckDBPyConnection, column: Column, one: Domain, *, earlier: list[Path]
) -> None:
    """Words that several patients share, up to this month, and that hold nobody's name."""
    if not _count(connection, "SELECT count(*) FROM judged WHERE NOT fits AND NOT known"):
        return
    if one.labels:
        _mark_names(connection)
    form = "true" if one.labels else fits_sql(one, "p")
    value = f'"{column.name}"'
    connection.execute(
        f"UPDATE judged SET fits = true WHERE NOT fits AND NOT known AND {form}"
        f" AND v IN (SELECT {value} FROM {read_parquet_sql(earlier)}"
        f" WHERE {value} IN (SELECT v FROM judged WHERE NOT fits AND NOT known)"
        f" GROUP BY {value} HAVING count(DISTINCT patient_key) >= {SHARED})"
    )


def _mark_names(connection: duckdb.DuckDBPyConnection) -> None:
    """A word of it, or two to four Chinese characters in a row, is somebody's name."""
    words = f"string_split_regex(p, '[^a-z{_CJK}]+')"
    pieces = " || ".join(
        f"list_transform(range(1, length(p) + 1), i -> substr(p, i, {size}))" for size in (2, 3, 4)
    )
    connection.execute(
        "UPDATE judged SET known = true WHERE NOT fits AND v IN (SELECT v FROM (SELECT v,"
        f" unnest({words} || {pieces}) AS piece FROM judged WHERE NOT fits)"
        " WHERE piece IN (SELECT v FROM known_name WHERE length(v) >= 4"
        f" OR regexp_full_match(v, '[{_CJK}]{{2,4}}')))"
    )


def _check(connection: duckdb.DuckDBPyConnection, table: Table, column: Column) -> None:
    row = connection.execute(
        "SELECT count(*) FILTER (NOT fits), coalesce(sum(patients) FILTER (NOT fits), 0),"
        " count(*) FILTER (known), coalesce(sum(n), 0),"
        f" count(*) FILTER (regexp_full_match(p, '{_SHORT_NUMBERS}')) FROM judged"
    ).fetchone()
    odd, patients, known, rows, numbers = row or (0, 0, 0, 0, 0)
    is_personal = odd >= PERSONAL_VALUES and odd >= PERSONAL_SHARE * patients
    is_counted = rows >= COUNTED_ROWS and numbers >= COUNTED_SHARE * rows
    if is_personal or is_counted or known >= KNOWN_VALUES:
        raise DeidentifyError(
            f"Column {column.name} of {table.name} does not hold what its spec says;"
            " the month was refused.",
            seen=f"{odd} different values outside the domain {column.domain!r} for {patients}"
            f" patients, {known} of them known identifiers, {numbers} short numbers in {rows} rows",
            expected="few values, shared by many patients",
            do="look for a renamed, swapped or shifted column in the hospital's file; words of the"
            " hospital's own go into domains.toml or the home's labels/ folder",
        )


def is_sctid(text: str) -> bool:
    """Whether a number is a SNOMED CT identifier by its check digit (Verhoeff 1969)."""
    check = 0
    for place, digit in enumerate(reversed(text)):
        check = _DIHEDRAL[check][_PERMUTATION[place % 8][int(digit)]]
    return check == 0


def _count(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def _product(a: int, b: int) -> int:
    """The dihedral group of the pentagon, rotations 0–4 and reflections 5–9."""
    turn, flip = a % 5, a >= 5
    rest = (turn - b % 5) % 5 if flip else (turn + b % 5) % 5
    return rest + 5 * (flip != (b >= 5))


_DIHEDRAL = tuple(tuple(_product(a, b) for b in range(10)) for a in range(10))
_STEP = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
_PERMUTATION = [tuple(range(10))]
while len(_PERMUTATION) < 8:
    _PERMUTATION.append(tuple(_STEP[digit] for digit in _PERMUTATION[-1]))
