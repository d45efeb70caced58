"""No release carries text that names somebody: every column of free text is read again, against the
people of the hospitals it came from. A product without such a column passes; none can be published
with one and without this check, because `publish` itself asks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import duckdb

from clearward.errors import GateError
from clearward.products.spec import Product
from clearward.settings import Settings
from clearward.warehouse import Warehouse, engine, read_parquet_sql

# No label of a code is as long, and none has lines.
FREE_TEXT = 200


def require_clean_text(settings: Settings, spec: Product, *, month: str) -> int:
    """Raise GateError if a text of the product's protected tables names anybody; texts read.

    A text is held against the people of the hospital it came from, told by the product zone; one
    that is not found there is held against every hospital's.
    """
    from clearward.notes.audit import count_leaks  # noqa: PLC0415 - half a second of pinyin

    warehouse = Warehouse(settings.warehouse)
    read = leaks = 0
    by_hospital: dict[str, list[str]] = {}
    hospitals = _hospitals(warehouse, month)
    with engine(settings) as connection:
        for text, hospital in _texts(connection, warehouse, spec, month):
            read += 1
            for name in [hospital] if hospital else hospitals or [""]:
                by_hospital.setdefault(name, []).append(text)
    for hospital, texts in sorted(by_hospital.items()):
        leaks += count_leaks(settings, texts, hospital=hospital, month=month)
    if leaks:
        raise GateError(
            f"Text of {spec.name} {month} names people.",
            seen=f"{leaks} of {read} different texts hold an identifier that a hospital knows",
            expected="none",
            do="read the month's notes again and build the product from them",
        )
    return read


def _texts(
    connection: duckdb.DuckDBPyConnection, warehouse: Warehouse, spec: Product, month: str
) -> Iterator[tuple[str, str | None]]:
    """Different free texts and the hospital of each."""
    for table in spec.tables:
        name = spec.table_name(table)
        path = warehouse.partition("protected", name, month=month)
        if path.exists():
            for column in _free_text(connection, path):
                sources = {
                    "text": warehouse.partition("product", name, month=month),
                    "patient": warehouse.partition("product", f"{spec.name}__patient", month=month),
                }
                yield from connection.execute(_sql(connection, path, column, sources)).fetchall()


def _free_text(connection: duckdb.DuckDBPyConnection, path: Path) -> list[str]:
    source = read_parquet_sql([path])
    columns = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    names = [name for name, kind, *_ in columns if kind == "VARCHAR"]
    if not names:
        return []
    tests = ", ".join(
        f'coalesce(bool_or(length("{name}") > {FREE_TEXT} OR contains("{name}", chr(10))), false)'
        for name in names
    )
    found = connection.execute(f"SELECT {tests} FROM {source}").fetchone() or ()
    return [name for name, is_text in zip(names, found, strict=True) if is_text]


def _sql(
    connection: duckdb.DuckDBPyConnection, path: Path, column: str, sources: Mapping[str, Path]
) -> str:
    released = f'SELECT DISTINCT "{column}" AS v FROM {read_parquet_sql([path])}'
    known = "SELECT NULL::VARCHAR AS v, NULL::VARCHAR AS hospital_id WHERE false"
    if all(p.exists() for p in sources.values()):
        text, patient = (read_parquet_sql([p]) for p in (sources["text"], sources["patient"]))
        present = {n for n, *_ in connection.execute(f"DESCRIBE SELECT * FROM {text}").fetchall()}
        if {column, "patient_key"} <= present:
            known = (
                f'SELECT DISTINCT t."{column}" AS v, p.hospital_id FROM {text} t'
                f" JOIN {patient} p ON p.patient_key = t.patient_key"
            )
    return (
        f"SELECT r.v, k.hospital_id FROM ({released}) r LEFT JOIN ({known}) k ON k.v = r.v"
        " WHERE r.v IS NOT NULL"
    )


def _hospitals(warehouse: Warehouse, month: str) -> list[str]:
    """Every hospital with a raw partition up to the month."""
    found = {
        folder.name.partition("=")[2]
        for table in warehouse.tables("raw")
        for folder in (Path(warehouse.root) / "raw" / table).glob("month=*/hospital=*")
        if folder.parent.name.partition("=")[2] <= month
    }
    return sorted(found)
