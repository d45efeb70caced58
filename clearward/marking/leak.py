"""A file that turned up somewhere, laid beside the release it may come from: its keys, and which of
its rows is which published row. Whose it is belongs to `names`, `days` and `marks`.

Nothing here looks at a licensee's secret, so what is found is the same whoever is suspected.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from clearward.errors import ReleaseError
from clearward.marking.contract import Markable
from clearward.marking.embed import cell_sql
from clearward.warehouse import read_parquet_sql, sql_path

KEY_FORM = "[0-9a-f]{20}"
_LEAST_FOUND = 0.5
"""A column of which fewer values are the release's was altered and names no row."""
_COMPARED = 1000
_FLOATS = ("DOUBLE", "FLOAT")


@dataclass(frozen=True)
class Leak:
    """The file as table ``leak``, with ``leak_row`` as its row number.

    Attributes:
        columns: name, lower case -> type.
        rows: how many.
    """

    columns: Mapping[str, str]
    rows: int


@dataclass(frozen=True)
class Alignment:
    """Table ``aligned``: pairs of a row of the file and a published row.

    Its columns are ``leak_row``, ``was_<name>`` for the published values and ``is_<name>`` for the
    file's, the latter in the published type.

    Attributes:
        columns: names of the shared columns.
        used: those that told which row is which.
        rows: pairs.
    """

    columns: tuple[str, ...]
    used: tuple[str, ...]
    rows: int


def open_leak(connection: duckdb.DuckDBPyConnection, path: Path) -> Leak:
    """Read a Parquet or CSV file, whatever it is called, into table ``leak``.

    ReleaseError when it is neither, or has no row.
    """
    try:
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE leak_as_it_is AS "
            f"SELECT *, row_number() OVER () AS leak_row FROM {_source(path)}"
        )
        described = connection.execute("DESCRIBE leak_as_it_is").fetchall()
        names = {str(name): str(name).strip().lower() for name, *_ in described}
        chosen = {lower: name for name, lower in reversed(names.items())}
        listed = ", ".join(f"{_quoted(name)} AS {_quoted(low)}" for low, name in chosen.items())
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE leak AS SELECT {listed} FROM leak_as_it_is"
        )
        connection.execute("DROP TABLE leak_as_it_is")
    except (duckdb.Error, OSError, EOFError, UnicodeError) as error:
        raise ReleaseError(
            "The file cannot be read.",
            seen=type(error).__name__,
            expected="Parquet, or CSV with a header, plain or gzipped",
            do="export it in one of these forms",
        ) from None
    kinds = {names[str(name)]: str(kind) for name, kind, *_ in described if name != "leak_row"}
    rows = _one(connection, "SELECT count(*) FROM leak")
    if not rows or not kinds:
        raise ReleaseError("The file has no rows.", do="give a file with at least one row")
    return Leak(kinds, rows)


def _source(path: Path) -> str:
    with path.open("rb") as file:
        beginning = file.read(4)
    if beginning == b"PAR1":
        return read_parquet_sql([path])
    if beginning[:2] == b"\x1f\x8b":
        with gzip.open(path, "rb") as packed:
            packed.read(1)
        return _csv(path, ", compression = 'gzip'")
    return _csv(path, ", compression = 'none'")


def _csv(path: Path, more: str) -> str:
    return f"read_csv('{sql_path(path)}', all_varchar = true, header = true{more})"


def read_keys(connection: duckdb.DuckDBPyConnection, leak: Leak) -> int:
    """Table ``leak_keys (name, key, leak_row)`` of everything in the form of a pseudonym.

    Found by its form, so a renamed key column is one still. Returns how many different ones.
    """
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE leak_keys (name VARCHAR, key VARCHAR, leak_row BIGINT)"
    )
    for name in (n for n, kind in leak.columns.items() if kind == "VARCHAR"):
        key = f"lower(trim({_quoted(name)}))"
        connection.execute(
            f"INSERT INTO leak_keys SELECT ?, {key}, leak_row FROM leak"
            f" WHERE regexp_full_match({key}, '{KEY_FORM}')",
            [name],
        )
    return _one(connection, "SELECT count(DISTINCT key) FROM leak_keys")


def align_by_content(
    connection: duckdb.DuckDBPyConnection,
    leak: Leak,
    published: str,
    *,
    columns: Mapping[str, str],
    marked: Sequence[Markable],
) -> Alignment:
    """Pair rows that hold the same values, where only one row of either side holds them.

    Args:
        connection, leak: the file.
        published: relation of the published table.
        columns: its column -> type.
        marked: its columns that carry marks; they are compared as rounded clinically.
    """
    shared = _shared(leak, columns)
    values = {name: _values(name, columns, marked) for name in shared if not _moves(name, columns)}
    used = [name for name, pair in values.items() if _is_found(connection, pair, published)]
    if not used:
        return _pair(connection, shared, columns, published=published, by=None, used=())
    sides = [
        ", ".join(f"{values[name][side]} AS v{i}" for i, name in enumerate(used)) for side in (0, 1)
    ]
    given = ", ".join(f"v{i}" for i in range(len(used)))
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE leak_rows AS "
        + _lonely(f"SELECT leak_row AS place, {sides[0]} FROM leak", given)
    )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE published_rows AS "
        + _lonely(f"SELECT file_row_number AS place, {sides[1]} FROM {published}", given)
    )
    same = " AND ".join(f"a.v{i} IS NOT DISTINCT FROM b.v{i}" for i in range(len(used)))
    by = (
        "SELECT a.place AS leak_row, b.place AS published_row"
        f" FROM leak_rows a JOIN published_rows b ON {same}"
    )
    return _pair(connection, shared, columns, published=published, by=by, used=used)


def align_by_key(
    connection: duckdb.DuckDBPyConnection,
    leak: Leak,
    published: str,
    *,
    columns: Mapping[str, str],
    key: str,
    functions: Sequence[str],
) -> Alignment:
    """Pair rows whose key is the published one under one of these keyed functions of DuckDB."""
    shared = _shared(leak, columns)
    if key not in shared:
        return _pair(connection, shared, columns, published=published, by=None, used=())
    every = " UNION ALL ".join(
        f"SELECT {function}({key}) AS key, file_row_number FROM {published}"
        for function in functions
    )
    by = (
        "SELECT l.leak_row, max(p.file_row_number) AS published_row"
        f" FROM leak l JOIN ({every}) p ON p.key = lower(trim(l.{key})) GROUP BY l.leak_row"
    )
    return _pair(connection, shared, columns, published=published, by=by, used=[key])


def _pair(
    connection: duckdb.DuckDBPyConnection,
    shared: Sequence[str],
    columns: Mapping[str, str],
    *,
    published: str,
    by: str | None,
    used: Sequence[str],
) -> Alignment:
    was = ", ".join(f"p.{_quoted(name)} AS {_quoted('was_' + name)}" for name in columns)
    now = "".join(
        f", TRY_CAST(l.{_quoted(name)} AS {columns[name]}) AS {_quoted('is_' + name)}"
        for name in shared
    )
    by = by or "SELECT 0::BIGINT AS leak_row, 0::BIGINT AS published_row WHERE false"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE aligned AS SELECT l.leak_row, {was}{now} FROM ({by}) b"
        f" JOIN leak l ON l.leak_row = b.leak_row"
        f" JOIN {published} p ON p.file_row_number = b.published_row"
    )
    return Alignment(tuple(shared), tuple(used), _one(connection, "SELECT count(*) FROM aligned"))


def published_sql(path: Path) -> str:
    """Relation of a published file with ``file_row_number``."""
    return f"read_parquet('{sql_path(path)}', file_row_number = true)"


def _shared(leak: Leak, columns: Mapping[str, str]) -> list[str]:
    return [name for name in columns if name in leak.columns]


def _moves(name: str, columns: Mapping[str, str]) -> bool:
    """Keys and calendar days are not the published ones in a licensee's copy."""
    return name.endswith("_key") or columns[name].startswith(("DATE", "TIMESTAMP"))


def _values(name: str, columns: Mapping[str, str], marked: Sequence[Markable]) -> tuple[str, str]:
    """The value of a column in the file and in the release, in a form that a copy keeps."""
    sides = (f"TRY_CAST({_quoted(name)} AS {columns[name]})", _quoted(name))
    column = next((m for m in marked if m.column == name), None)
    if column:
        return cell_sql(column, sides[0]), cell_sql(column, sides[1])
    if columns[name] in _FLOATS:  # a file that went through another tool keeps 12 digits at least
        return f"printf('%.12g', {sides[0]})", f"printf('%.12g', {sides[1]})"
    return sides


def _is_found(
    connection: duckdb.DuckDBPyConnection, values: tuple[str, str], published: str
) -> bool:
    """Whether most values of a column are values that the release has in it."""
    row = connection.execute(
        f"SELECT count(*), count(p.v) FROM (SELECT DISTINCT {values[0]} AS v FROM leak"
        f" WHERE {values[0]} IS NOT NULL LIMIT {_COMPARED}) l"
        f" LEFT JOIN (SELECT DISTINCT {values[1]} AS v FROM {published}) p ON p.v = l.v"
    ).fetchone()
    wanted, found = row or (0, 0)
    return bool(wanted) and found >= _LEAST_FOUND * wanted


def _lonely(rows: str, names: str) -> str:
    """Only the rows whose values no other row holds."""
    first = f"SELECT any_value(place) AS place, {names} FROM ({rows})"
    return f"{first} GROUP BY {names} HAVING count(*) = 1"


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row and row[0] is not None else 0


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
