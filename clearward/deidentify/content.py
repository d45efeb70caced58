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
_LONG = f"regexp_full_match(p, '[0-9]{{{CHECKED_DIGITS},18}}')"
_KNOWN = (
    f"({is_identifier_sql('p')} OR p IN (SELECT v FROM known) OR p IN (SELECT v FROM known_here))"
)


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
    columns = [
        column
        for column in table.columns
        if column.treatment == "keep" and column.type == "text" and column.name in found
    ]
    if not columns:
        return {}
    _meet_own(connection, table, source=source, found=found)
    judged = {}
    for column in _suspected(connection, columns, source):
        one = domain(column.domain)
        _collect(connection, column, source)
        _judge(connection, one)
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


def _meet_own(
    connection: duckdb.DuckDBPyConnection, table: Table, *, source: Path, found: Mapping[str, str]
) -> None:
    """Table ``known_here(v)``: what the file's own columns name a person or a row by."""
    rows = read_parquet_sql([source])
    names = [f'"{column.name}"' for column in identifying(table) if column.name in found]
    parts = [f"SELECT DISTINCT {plain_sql(name)} AS v FROM {rows}" for name in names]
    query = " UNION ALL ".join(parts) or "SELECT NULL::VARCHAR AS v"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE known_here AS SELECT v FROM ({query}) WHERE v IS NOT NULL"
    )


def _suspected(
    connection: duckdb.DuckDBPyConnection, columns: list[Column], source: Path
) -> list[Column]:
    """Columns with anything to judge, found in one query: most have nothing, and judging takes a
    dozen."""
    answers = connection.execute(
        " UNION ALL ".join(_suspicion_sql(n, column, source) for n, column in enumerate(columns))
    ).fetchall()
    return [
        columns[n] for n, odd, rows, numbers in sorted(answers) if odd or _is_counted(rows, numbers)
    ]


def _suspicion_sql(number: int, column: Column, source: Path) -> str:
    """A row of ``number``, values that would be judged, rows, and values that are short numbers."""
    one = domain(column.domain)
    known = f"{_suspects(one)} AND {_KNOWN}"
    longs = f"OR {_LONG}" if one.name == "code" else ""
    return (
        f"SELECT {number}, count(*) FILTER (NOT {_fits(one)} OR ({known}) {longs}),"
        f" coalesce(sum(n), 0), count(*) FILTER (regexp_full_match(p, '{_SHORT_NUMBERS}'))"
        f" FROM ({_values_sql(column, source)})"
    )


def _values_sql(column: Column, source: Path) -> str:
    """Each value of a column, its plain form, rows and patients."""
    value = f'"{column.name}"'
    return (
        f"SELECT {value} AS v, {plain_sql(value)} AS p, count(*) AS n,"
        f" count(DISTINCT patient_key) AS patients"
        f" FROM {read_parquet_sql([source])} WHERE {value} IS NOT NULL GROUP BY ALL"
    )


def _fits(one: Domain) -> str:
    return "p IN (SELECT v FROM known_label)" if one.labels else fits_sql(one, "p")


def _suspects(one: Domain) -> str:
    """SQL for the values that may be known as somebody's. A closed list or a known label is what it
    is, whoever bears the same word as a name."""
    return f"NOT {_fits(one)}" if one.labels or not one.forms else "true"


def _collect(connection: duckdb.DuckDBPyConnection, column: Column, source: Path) -> None:
    """Table ``judged``: a column's values, and what is found out about each."""
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE judged AS SELECT *, false AS fits, false AS known"
        f" FROM ({_values_sql(column, source)})"
    )


def _judge(connection: duckdb.DuckDBPyConnection, one: Domain) -> None:
    connection.execute(f"UPDATE judged SET fits = {_fits(one)}")
    connection.execute(f"UPDATE judged SET known = true WHERE {_suspects(one)} AND {_KNOWN}")
    if one.name == "code":
        _check_digits(connection)
    connection.execute("UPDATE judged SET fits = false WHERE known")


def _check_digits(connection: duckdb.DuckDBPyConnection) -> None:
    rows = connection.execute(f"SELECT p FROM judged WHERE fits AND {_LONG}").fetchall()
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
    if is_personal or _is_counted(rows, numbers) or known >= KNOWN_VALUES:
        raise DeidentifyError(
            f"Column {column.name} of {table.name} does not hold what its spec says;"
            " the month was refused.",
            seen=f"{odd} different values outside the domain {column.domain!r} for {patients}"
            f" patients, {known} of them known identifiers, {numbers} short numbers in {rows} rows",
            expected="few values, shared by many patients",
            do="look for a renamed, swapped or shifted column in the hospital's file; words of the"
            " hospital's own go into domains.toml or the home's labels/ folder",
        )


def _is_counted(rows: int, numbers: int) -> bool:
    return rows >= COUNTED_ROWS and numbers >= COUNTED_SHARE * rows


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
