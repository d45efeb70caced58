"""Values that too few patients share, in tables with many rows per patient. Add a bound on the
values or codes of a patient's rows here.

- A value of a text column held by fewer than k published patients is emptied; a row whose meaning
  it is goes.
- A code held by fewer than k becomes its stem, or ``*`` where that is rare too.
- Of every set of ``m`` codes of one patient that fewer than k share, the rarest is hidden from
  those patients (k^m-anonymity, Terrovitis et al. 2008), and from their other tables: a code
  hidden in one table and shown in another would not be hidden. Concepts are codes of a coarser
  kind and keep to the same; a hidden concept takes its row with it.
Hiding makes other codes rarer, so all of it is repeated until nothing changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import duckdb

from clearward.products.bounds import CodeSet
from clearward.products.spec import Product
from clearward.protect.shape import Shape

HIDDEN = "*"
_CONCEPT = "concept"
_MEANING = frozenset({_CONCEPT, "class", "arm", "type", "modality", "scale", "eye", "attribute"})
"""Without it a row says nothing."""
_FREE = ("_key", "_original", "_version")
_CONSTANT = frozenset({"patient_key", "hospital_id", "month", "code_system", "source"})


def floor_values(
    connection: duckdb.DuckDBPyConnection, shape: Shape, product: Product
) -> Mapping[str, int]:
    """Hide what fewer than k patients share; cells and rows lost."""
    done = dict.fromkeys(("cells_of_rare_values", "rows_of_rare_values", "cells_of_rare_codes"), 0)
    k = product.protection.k
    sets = [place for place in product.protection.code_sets if shape.has(place.table, place.column)]
    connection.execute("CREATE OR REPLACE TABLE hidden_code (patient_key VARCHAR, code VARCHAR)")
    while True:
        cells, rows = _floor_texts(connection, shape, product)
        codes = sum(_floor_codes(connection, shape, place, k) for place in sets)
        for place in (place for place in sets if place.m > 1):
            rows += _share_concepts(connection, shape, place, k)
            codes += _share_codes(connection, shape, place, k)
        codes += _hide_everywhere(connection, shape, sets)
        if cells + rows + codes == 0:
            return done
        done["cells_of_rare_values"] += cells
        done["rows_of_rare_values"] += rows
        done["cells_of_rare_codes"] += codes


def _run(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def _rare(table: str, column: str, k: int) -> str:
    return (
        f"SELECT {column} FROM out_{table} WHERE {column} IS NOT NULL GROUP BY {column} "
        f"HAVING count(DISTINCT patient_key) < {int(k)}"
    )


def _floor_texts(
    connection: duckdb.DuckDBPyConnection, shape: Shape, product: Product
) -> tuple[int, int]:
    """Cells and rows lost to the floor of text columns other than codes."""
    k, cells, rows = product.protection.k, 0, 0
    left = _floored(shape, product)
    rare = _with_rare(connection, left, k)
    while left:
        entity, column = left.pop(0)
        if (entity, column) not in rare:
            continue
        few = f"{column} IN ({_rare(entity, column, k)})"
        if column not in _MEANING:
            cells += _run(connection, f"UPDATE out_{entity} SET {column} = NULL WHERE {few}")
        elif gone := _run(connection, f"DELETE FROM out_{entity} WHERE {few}"):
            rows += gone
            # with rows gone, other values of the same table may have become rare
            rare |= _with_rare(connection, [place for place in left if place[0] == entity], k)
    return cells, rows


def _floored(shape: Shape, product: Product) -> list[tuple[str, str]]:
    """Text columns whose values k patients must share: (table, column), in the tables' order."""
    bounds = product.protection
    codes = {(place.table, place.column) for place in bounds.code_sets}
    known = {qi.column for qi in bounds.quasi_identifiers} | _CONSTANT
    return [
        (entity, column)
        for entity in shape.events
        for column in shape.texts(entity)
        if (entity, column) not in codes and column not in known and not column.endswith(_FREE)
    ]


def _with_rare(
    connection: duckdb.DuckDBPyConnection, places: list[tuple[str, str]], k: int
) -> set[tuple[str, str]]:
    """Which columns hold a value of fewer than k patients, all asked at once: most hold none."""
    if not places:
        return set()
    asked = ", ".join(f"EXISTS ({_rare(entity, column, k)})" for entity, column in places)
    answers = connection.execute(f"SELECT {asked}").fetchone() or ()
    return {place for place, is_rare in zip(places, answers, strict=True) if is_rare}


def _floor_codes(
    connection: duckdb.DuckDBPyConnection, shape: Shape, place: CodeSet, k: int
) -> int:
    """Codes of fewer than k patients become their stem or ``*``; a rare ``*`` takes its row."""
    table, column = place.table, place.column
    few = f"{column} IN ({_rare(table, column, k)})"
    changed = 0
    if shape.has(table, "code_stem") and column == "code":
        changed += _run(
            connection,
            f"UPDATE out_{table} SET code = code_stem, asterisk_code = NULL "
            f"WHERE code <> '{HIDDEN}' AND code <> code_stem AND {few}",
        )
    changed += _run(connection, f"{_hide(shape, place)} WHERE {column} <> '{HIDDEN}' AND {few}")
    changed += _run(connection, f"DELETE FROM out_{table} WHERE {column} = '{HIDDEN}' AND {few}")
    return changed


def _hide(shape: Shape, place: CodeSet) -> str:
    """``UPDATE`` that hides a code and what would tell it."""
    beside = [c for c in ("code_stem", "asterisk_code", "ingredient") if shape.has(place.table, c)]
    emptied = "".join(f", {c} = NULL" for c in beside if place.column == "code")
    return f"UPDATE out_{place.table} SET {place.column} = '{HIDDEN}'{emptied}"


def _share_codes(
    connection: duckdb.DuckDBPyConnection, shape: Shape, place: CodeSet, k: int
) -> int:
    if not _find_unshared(connection, place.table, place.column, m=place.m, k=k):
        return 0
    connection.execute("INSERT INTO hidden_code SELECT * FROM unshared")
    return _run(
        connection,
        f"{_hide(shape, place)} WHERE (patient_key, {place.column}) IN "
        "(SELECT (patient_key, item) FROM unshared)",
    )


def _share_concepts(
    connection: duckdb.DuckDBPyConnection, shape: Shape, place: CodeSet, k: int
) -> int:
    if not shape.has(place.table, _CONCEPT):
        return 0
    if not _find_unshared(connection, place.table, _CONCEPT, m=place.m, k=k):
        return 0
    return _run(
        connection,
        f"DELETE FROM out_{place.table} WHERE (patient_key, {_CONCEPT}) IN "
        "(SELECT (patient_key, item) FROM unshared)",
    )


def _find_unshared(
    connection: duckdb.DuckDBPyConnection, table: str, column: str, *, m: int, k: int
) -> int:
    """Make ``unshared``: for each set of 2 to m codes of fewer than k patients, its rarest code.

    ``*`` is an item like any other, but never the one that is hidden.
    """
    connection.execute(
        f"CREATE OR REPLACE TABLE held AS SELECT patient_key, item, "
        "count(*) OVER (PARTITION BY item) + CASE WHEN item = '*' THEN 1e12 ELSE 0 END AS many "
        f"FROM (SELECT DISTINCT patient_key, {column} AS item FROM out_{table} "
        f"WHERE {column} IS NOT NULL)"
    )
    connection.execute("CREATE OR REPLACE TABLE unshared (patient_key VARCHAR, item VARCHAR)")
    for length in range(2, m + 1):
        names = [f"h{i}" for i in range(length)]
        joins = " ".join(
            f"JOIN held {b} ON {b}.patient_key = h0.patient_key AND {b}.item > {a}.item"
            for a, b in pairwise(names)
        )
        items = ", ".join(f"{name}.item" for name in names)
        rarest = (
            f"arg_min(v, (n, v)) FROM (VALUES {', '.join(f'({h}.item, {h}.many)' for h in names)})"
        )
        connection.execute(
            f"INSERT INTO unshared SELECT DISTINCT patient_key, victim FROM (SELECT "
            f"h0.patient_key, (SELECT {rarest} AS t(v, n)) AS victim "
            f"FROM held h0 {joins} QUALIFY count(*) OVER (PARTITION BY {items}) < {int(k)})"
        )
    return _run(connection, "SELECT count(*) FROM unshared")


def _hide_everywhere(
    connection: duckdb.DuckDBPyConnection, shape: Shape, sets: list[CodeSet]
) -> int:
    """A code hidden in one table is hidden in the patient's other tables."""
    return sum(
        _run(
            connection,
            f"{_hide(shape, place)} WHERE {place.column} <> '{HIDDEN}' AND "
            f"(patient_key, {place.column}) IN (SELECT (patient_key, code) FROM hidden_code)",
        )
        for place in sets
    )
