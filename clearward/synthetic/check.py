"""Does a generated sample keep the product's contract? Judged on the files before they go out.

A sample that fails is a fault of the spec, not of the data: nothing is handed out, and the budget
stays spent.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from clearward.errors import ProtectionError
from clearward.synthetic.contract import Column, TableContract


def check_sample(
    connection: duckdb.DuckDBPyConnection, folder: Path, contracts: Mapping[str, TableContract]
) -> None:
    """Raise ProtectionError unless every table has its columns, types, keys, links and values."""
    for entity, contract in contracts.items():
        path = str(folder / f"{contract.table}.parquet").replace("'", "''")
        connection.execute(f"CREATE VIEW made_{entity} AS FROM read_parquet('{path}')")
    broken: dict[str, int] = {}
    for entity, contract in contracts.items():
        seen = connection.execute(f"DESCRIBE made_{entity}").fetchall()
        if {str(n): str(t) for n, t, *_ in seen} != contract.schema:
            broken[f"{entity}: columns"] = 1
            continue
        broken |= _broken(connection, contract)
    if broken:
        shown = ", ".join(f"{rule} ({n})" for rule, n in sorted(broken.items())[:5])
        raise ProtectionError(
            "The generated sample breaks the product's contract.",
            seen=f"{len(broken)} rules: {shown}",
            do="correct [synthetic] in the product spec; the budget of this sample is spent",
        )


def _broken(connection: duckdb.DuckDBPyConnection, contract: TableContract) -> dict[str, int]:
    """Rule -> rows that break it; only rules that are broken."""
    entity = contract.entity
    rules = {
        f"{entity}.{column.name}: {what}": condition
        for column in contract.columns
        for what, condition in _conditions(entity, column).items()
    }
    counted = ", ".join(f"count(*) FILTER (NOT coalesce({sql}, true))" for sql in rules.values())
    counts = connection.execute(f"SELECT {counted} FROM made_{entity}").fetchone() or ()
    found = {rule: n for rule, n in zip(rules, counts, strict=True) if n}
    key = ", ".join(contract.key)
    twice = connection.execute(
        f"SELECT count(*) FROM (SELECT 1 FROM made_{entity} GROUP BY {key} HAVING count(*) > 1)"
    ).fetchone()
    return found | ({f"{entity}: key": twice[0]} if twice and twice[0] else {})


def _conditions(entity: str, column: Column) -> dict[str, str]:
    name = f'"{column.name}"'
    found = {}
    if column.is_required or column.name == "patient_key":
        found["empty"] = f"{name} IS NOT NULL"
    if column.values and not column.name.endswith("_year"):
        listed = ", ".join("'" + value.replace("'", "''") + "'" for value in column.values)
        found["not listed"] = f"CAST({name} AS VARCHAR) IN ({listed})"
    if column.low is not None and column.high is not None:
        found["out of range"] = f"{name} BETWEEN {column.low} AND {column.high}"
    if column.name == "patient_key" and entity != "patient":
        found["no such patient"] = f"{name} IN (SELECT patient_key FROM made_patient)"
    if column.name == "encounter_key" and entity != "encounter":
        found["no such encounter"] = f"{name} IN (SELECT encounter_key FROM made_encounter)"
    return found
