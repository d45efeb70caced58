"""Product tables in, protected tables out: the SQL of opening, relabelling and writing. Who is
published is decided in `choice`, what of their events in `events`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from clearward.errors import ProtectionError
from clearward.keyring import install_hmac
from clearward.products.spec import Product
from clearward.protect.attrition import Step, close, publishable
from clearward.protect.people import HOSPITAL, load
from clearward.protect.shape import ATTRITION, COUNTS, columns_of
from clearward.warehouse import read_parquet_sql, write_parquet

_TELLS_TIME = re.compile(r"(^|_)(birth|age|date)(_|$)|^year$|(?<!per)_year$")
_TIME_TYPES = ("DATE", "TIME")


def open_tables(
    connection: duckdb.DuckDBPyConnection, sources: Mapping[str, Path], key: bytes
) -> None:
    """Make a view per entity and the keyed function ``keyed(text)``."""
    install_hmac(connection, "keyed", key)
    for entity, path in sources.items():
        connection.execute(f"CREATE VIEW {entity} AS SELECT * FROM {read_parquet_sql([path])}")


def check_tables(connection: duckdb.DuckDBPyConnection, product: Product) -> None:
    """Raise ProtectionError unless every table has the columns protection stands on, and none that
    would tell what the quasi-identifiers hide: a date, a year, an age.
    """
    identifying = {qi.column for qi in product.protection.quasi_identifiers}
    for table in product.tables:
        wanted = {"hospital_id", *table.key}
        if table.entity == ATTRITION:
            wanted |= set(COUNTS)
        elif table.entity == "patient":
            wanted |= identifying
        else:
            wanted.add("patient_key")
        columns = columns_of(connection, table.entity)
        missing = sorted(wanted - set(columns))
        if missing:
            raise ProtectionError(
                f"Table {product.table_name(table)} cannot be protected.",
                seen=f"no column {', '.join(missing)}",
                do="correct its mart or the product spec",
            )
        _check_times(product.table_name(table), columns, known=identifying)


def _check_times(table: str, columns: Mapping[str, str], *, known: set[str]) -> None:
    telling = [
        name
        for name, kind in columns.items()
        if name not in known and (kind.startswith(_TIME_TYPES) or _TELLS_TIME.search(name))
    ]
    if telling:
        raise ProtectionError(
            f"Table {table} has a column that may tell a date or an age.",
            seen=", ".join(telling),
            expected="days from the index event, and quasi-identifiers of the product spec",
            do="drop it from the mart, name it by its unit, or make it a quasi-identifier",
        )


def check_patients(connection: duckdb.DuckDBPyConnection, k: int) -> None:
    """Raise ProtectionError unless the patient table has one row for each of k or more patients."""
    rows, patients = _row(connection, "SELECT count(*), count(DISTINCT patient_key) FROM patient")
    if rows != patients:
        raise ProtectionError(
            "The patient table is not one row per patient.",
            seen=f"{rows} rows, {patients} patients",
            expected="as many rows as patients",
            do="correct the patient mart",
        )
    if patients < k:
        raise ProtectionError(
            "The product has fewer patients than k.",
            seen=f"{patients} patients",
            expected=f"at least {k}",
            do="wait for more consents or hospitals; nothing can be published before",
        )


def check_all_placed(connection: duckdb.DuckDBPyConnection) -> None:
    """Raise ProtectionError when a patient has no hospital."""
    known = _row(connection, "SELECT count(*) FROM person")[0]
    expected = _row(connection, "SELECT count(*) FROM patient")[0]
    if known != expected:
        raise ProtectionError(
            "Patients were lost on the way, not suppressed.",
            seen=f"{known} patients",
            expected=f"{expected}",
            do="look for patients without a hospital in the patient mart",
        )


def make_outputs(connection: duckdb.DuckDBPyConnection, product: Product, *, month: str) -> None:
    """Make ``out_<entity>``: published patients' rows, every key and quasi-identifier replaced.

    ``month`` becomes the release's month on every row: the month an event arrived in would undo
    the date shift.
    """
    columns = [qi.column for qi in product.protection.quasi_identifiers]
    for table in product.tables:
        if table.entity == ATTRITION:
            continue
        replaced = {"patient_key": "kept.new_key", "month": f"'{month}'"}
        replaced |= {name: f"kept.new_{name}" for name in [*columns, HOSPITAL]}
        selected = ", ".join(
            f"{_replacement(name, replaced)} AS {name}"
            for name in columns_of(connection, table.entity)
        )
        connection.execute(
            f"CREATE TABLE out_{table.entity} AS SELECT {selected} "
            f"FROM {table.entity} AS source JOIN kept USING (patient_key)"
        )


def _replacement(name: str, replaced: Mapping[str, str]) -> str:
    if name in replaced:
        return replaced[name]
    return f"keyed(source.{name})" if name.endswith("_key") else f"source.{name}"


def write_entity(
    connection: duckdb.DuckDBPyConnection, entity: str, target: Path, *, key: Sequence[str]
) -> int:
    """Write one table ``out_<entity>``; returns its rows."""
    columns = columns_of(connection, f"out_{entity}")
    order = [*key, *(name for name in columns if name not in key)]
    return write_parquet(connection, f"SELECT * FROM out_{entity}", target, order_by=order)


def write_attrition(
    connection: duckdb.DuckDBPyConnection,
    target: Path,
    *,
    product: Product,
    month: str,
    is_first: bool,
) -> int:
    """Write the attrition table closed with the steps of protection and safe to publish.

    Needs table ``waiting``, the pseudonyms of eligible patients who were never published.
    """
    columns = columns_of(connection, ATTRITION)
    texts = [c for c in columns if c not in {HOSPITAL, "month", "step_no", *COUNTS}]
    eligible = "person p"
    able = "person p WHERE new_key NOT IN (SELECT new_key FROM waiting)"
    steps = close(
        _read_steps(connection, texts),
        [
            _per_hospital(connection, eligible),
            _per_hospital(connection, able),
            _per_hospital(connection, "person p JOIN kept USING (new_key)"),
        ],
        is_first=is_first,
    )
    k = product.protection.k
    told = publishable(steps, k, is_first=is_first)
    rows = [_line(step, month) for step in told]
    schema = connection.execute(f"SELECT * FROM {ATTRITION} LIMIT 0").to_arrow_table().schema
    load(connection, "attrition_out", pa.Table.from_pylist(rows, schema=schema))
    key = next(table.key for table in product.tables if table.entity == ATTRITION)
    return write_parquet(connection, "SELECT * FROM attrition_out", target, order_by=key)


def _read_steps(connection: duckdb.DuckDBPyConnection, texts: Sequence[str]) -> list[Step]:
    selected = "".join(f", coalesce(CAST({name} AS VARCHAR), '')" for name in texts)
    rows = connection.execute(
        f"SELECT label, step_no, n_in, n_out{selected} FROM {ATTRITION} "
        "JOIN hospital USING (hospital_id)"
    ).fetchall()
    return [
        Step(hospital, number, n_in, n_out, dict(zip(texts, rest, strict=True)))
        for hospital, number, n_in, n_out, *rest in rows
    ]


def _per_hospital(connection: duckdb.DuckDBPyConnection, source: str) -> dict[str, int]:
    query = f"SELECT p.hospital_id, count(*) FROM {source} GROUP BY ALL"
    return dict(connection.execute(query).fetchall())


def _line(step: Step, month: str) -> dict[str, object]:
    counts = zip(COUNTS, (step.n_in, step.n_out, step.excluded), strict=True)
    head = {"hospital_id": step.hospital, "month": month, "step_no": step.number}
    return {**head, **dict(counts), **step.texts}


def _row(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[int, ...]:
    row = connection.execute(query).fetchone()
    return tuple(row) if row else ()
