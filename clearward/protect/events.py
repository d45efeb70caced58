"""The event tables of published patients, bounded: no count of visits and no extreme value
tells what the patient table hides. Add a bound on rows of one patient here; bounds on
values that many patients must share are in `rarecodes`, those on the course of visits in `courses`.

Works on tables ``out_<entity>``, which `tables` makes from published patients only and with
pseudonyms. Counts returned are rows or cells, by what was done to them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import duckdb

from clearward.products.spec import Product, ProductTable
from clearward.protect import courses, rarecodes
from clearward.protect.shape import Shape, read_shape

_ENCOUNTER_KEY = "encounter_key"
_ROUNDS = 6
"""Floors and courses undo each other a little; whether it was enough is the gates' to say."""


def bound_events(
    connection: duckdb.DuckDBPyConnection, product: Product, *, sequence_uniques: float
) -> Mapping[str, int]:
    """Bring all tables under the bounds of the spec; what was done, in rows or cells."""
    shape, k = read_shape(connection, product), product.protection.k
    visits = product.protection.sequence.table
    connection.execute(f"CREATE TABLE all_visits AS SELECT {_ENCOUNTER_KEY} FROM out_{visits}")
    done: Counter[str] = Counter()
    done["rows_outside_the_window"] = _trim_days(connection, shape, k)
    done["rows_over_the_most"] = _cap_rows(connection, shape, product)
    for _ in range(_ROUNDS):
        done.update(rarecodes.floor_values(connection, shape, product))
        changed = courses.share_courses(connection, product, bound=sequence_uniques)
        done.update(changed)
        followed = _follow_visits(connection, shape, product)
        done["rows_of_unpublished_visits"] += followed
        if not followed and not sum(changed.values()):
            break
    done["rows_of_tables_of_few"] = _empty_tables_of_few(connection, shape, k)
    done["cells_cut_to_shared_extremes"] = _cut_extremes(connection, shape, product)
    return dict(sorted(done.items()))


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row and row[0] is not None else 0


def _nth(connection: duckdb.DuckDBPyConnection, query: str, *, order: str, k: int) -> float | None:
    """The k-th value of a query of one column ``v``, None when there are fewer."""
    row = connection.execute(
        f"SELECT v FROM ({query}) WHERE v IS NOT NULL ORDER BY v {order} LIMIT 1 OFFSET {k - 1}"
    ).fetchone()
    return None if row is None else float(row[0])


def _trim_days(connection: duckdb.DuckDBPyConnection, shape: Shape, k: int) -> int:
    """Leave out events before the first or after the last day that k patients reach."""
    dated = [name for name in shape.events if shape.has(name, "day")]
    if not dated:
        return 0
    days = " UNION ALL ".join(f"SELECT patient_key, day FROM out_{name}" for name in dated)
    first = _nth(
        connection, f"SELECT min(day) AS v FROM ({days}) GROUP BY patient_key", order="ASC", k=k
    )
    last = _nth(
        connection, f"SELECT max(day) AS v FROM ({days}) GROUP BY patient_key", order="DESC", k=k
    )
    removed = 0
    for name in dated:
        # Fewer than k patients with any event: none of these days is shared
        outside = "true" if first is None else f"day < {first} OR day > {last}"
        removed += _one(connection, f"DELETE FROM out_{name} WHERE {outside}")
        if shape.has(name, "end_day") and last is not None:
            connection.execute(f"UPDATE out_{name} SET end_day = NULL WHERE end_day > {last}")
    return removed


def _cap_rows(connection: duckdb.DuckDBPyConnection, shape: Shape, product: Product) -> int:
    """Leave out a patient's rows beyond what the k busiest patients share, farthest days first."""
    sequence, k = product.protection.sequence, product.protection.k
    removed = 0
    for table in product.tables:
        if table.entity not in shape.events:
            continue
        counts = f"SELECT count(*) AS v FROM out_{table.entity} GROUP BY patient_key"
        most = int(_nth(connection, counts, order="DESC", k=k) or 0)
        if table.entity == sequence.table:
            most = min(most, sequence.most)
        removed += _keep_nearest(connection, shape, table, most=most)
    return removed + _follow_visits(connection, shape, product)


def _keep_nearest(
    connection: duckdb.DuckDBPyConnection, shape: Shape, table: ProductTable, *, most: int
) -> int:
    near = "abs(day), day, " if shape.has(table.entity, "day") else ""
    key = ", ".join(table.key)
    return _one(
        connection,
        f"DELETE FROM out_{table.entity} WHERE ({key}) IN (SELECT ({key}) FROM "
        f"(SELECT {key}, row_number() OVER (PARTITION BY patient_key ORDER BY {near}{key}) AS nth "
        f"FROM out_{table.entity}) WHERE nth > {most})",
    )


def _follow_visits(connection: duckdb.DuckDBPyConnection, shape: Shape, product: Product) -> int:
    """Leave out the rows of visits that are not published."""
    visits = product.protection.sequence.table
    removed = 0
    for table in product.tables:
        name = table.entity
        if name not in shape.events or name == visits:
            continue
        columns = [_ENCOUNTER_KEY] if shape.has(name, _ENCOUNTER_KEY) else []
        columns += [key for key in table.key if key == "episode_key"]
        for column in columns:
            removed += _one(
                connection,
                f"DELETE FROM out_{name} WHERE {column} IN "
                f"(SELECT {_ENCOUNTER_KEY} FROM all_visits) "
                f"AND {column} NOT IN (SELECT {_ENCOUNTER_KEY} FROM out_{visits})",
            )
    return removed


def _empty_tables_of_few(connection: duckdb.DuckDBPyConnection, shape: Shape, k: int) -> int:
    """Leave out all rows of a table that fewer than k patients have one in: its size alone, which
    every manifest shows, would count them."""
    few = (
        f"DELETE FROM out_{name} WHERE "
        f"(SELECT count(DISTINCT patient_key) FROM out_{name}) < {int(k)}"
        for name in shape.events
    )
    return sum(_one(connection, query) for query in few)


def _cut_extremes(connection: duckdb.DuckDBPyConnection, shape: Shape, product: Product) -> int:
    """Cut the smallest and largest values to ones that k patients reach; days are emptied.

    A column that fewer than k patients have a value in is emptied.
    """
    k, cut = product.protection.k, 0
    for place in product.protection.extremes:
        if not shape.has(place.table, place.column):
            continue
        table, column = f"out_{place.table}", place.column
        ends = [
            _nth(
                connection,
                f"SELECT {of}({column}) AS v FROM {table} GROUP BY patient_key",
                order=order,
                k=k,
            )
            for of, order in (("min", "ASC"), ("max", "DESC"))
        ]
        cut += _cut(connection, table, column, ends=ends)
    return cut


def _cut(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    column: str,
    *,
    ends: list[float | None],
) -> int:
    low, high = ends
    if low is None or high is None or low > high:
        return _one(connection, f"UPDATE {table} SET {column} = NULL WHERE {column} IS NOT NULL")
    below, above = ("NULL", "NULL") if column.endswith("_day") else (str(low), str(high))
    return sum(
        _one(connection, f"UPDATE {table} SET {column} = {value} WHERE {column} {side}")
        for value, side in ((below, f"< {low}"), (above, f"> {high}"))
    )
