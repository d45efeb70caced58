"""The one-way door: cleared tables in, de-identified tables out, column by column.

Only what a spec lists can leave, by the treatment it names; nothing here decides about a value.
Notes do not pass here. A partition is checked before it gets its real name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from clearward.deidentify.checks import (
    check_output,
    check_patients,
    check_types,
    columns_of,
    count,
    no_values_in_errors,
)
from clearward.deidentify.dates import install_shift
from clearward.deidentify.schemas import (
    LEFT_BEHIND,
    LOAD_COLUMNS,
    SUBJECT_COLUMNS,
    output_schema,
    passing_columns,
    passing_tables,
    pseudonym_columns,
    schema_partition,
    zone_schemas,
)
from clearward.deidentify.treatments import WITHHOLDING, Passage, treat_sql
from clearward.errors import DeidentifyError
from clearward.keyring import Keyring, install_hmac
from clearward.settings import Settings
from clearward.sources.spec import TYPES, Table
from clearward.warehouse import Warehouse, engine, promote, read_parquet_sql, write_parquet

FULL_KEY = ("row_key", "op", "patient_key", "file_id", "source_row")


@dataclass(frozen=True)
class DoorTable:
    """One table at the door.

    Attributes:
        table: name in the warehouse.
        rows: rows in, which are the rows out.
        unlisted: columns of the file that no spec names; dropped.
        missing: columns of the spec that the file lacks; null.
        withheld: values that a treatment turned into null, by output column.
    """

    table: str
    rows: int
    unlisted: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    withheld: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class DoorReport:
    """What one run of the door let through."""

    hospital: str
    month: str
    subjects: int
    tables: tuple[DoorTable, ...]

    def metadata(self) -> dict[str, int | float | str]:
        """Counts and ids for Dagster, the CLI and `reports/`."""
        return {
            "hospital": self.hospital,
            "month": self.month,
            "subjects": self.subjects,
            "tables": len(self.tables),
            "rows": sum(table.rows for table in self.tables),
            "columns_unlisted": sum(len(table.unlisted) for table in self.tables),
            "columns_missing": sum(len(table.missing) for table in self.tables),
            "values_withheld": sum(sum(table.withheld.values()) for table in self.tables),
        }


def deidentify_partition(
    settings: Settings, keyring: Keyring, *, hospital: str, month: str
) -> DoorReport:
    """Write `deidentified/<table>` and `deidentified/subject` of a hospital and month.

    Raises:
        DeidentifyError: the month was not cleared, a file does not fit its spec, or the output
            holds what it must not; then nothing unchecked stands under a real name.
    """
    warehouse = Warehouse(settings.warehouse)
    passage = Passage(hospital, month)
    with engine(settings) as connection, no_values_in_errors("passing rows"):
        install_hmac(connection, "row_hmac", keyring.key("row"))
        install_shift(connection, keyring)
        subject_list = _subject_list(warehouse, passage)
        tables = []
        for system, table in passing_tables():
            name = system.warehouse_name(table)
            source = warehouse.partition("cleared", name, month=month, hospital=hospital)
            if source.exists():
                target = warehouse.partition("deidentified", name, month=month, hospital=hospital)
                tables.append(
                    _pass_table(connection, table, passage=passage, source=source, target=target)
                )
        if not tables:
            raise DeidentifyError(
                f"Hospital {hospital} has no cleared table in {month}.",
                do="run the consent gate for this month first",
            )
        # Last, because it is the list that lets a month count.
        subjects = _pass_subject(connection, warehouse, passage=passage, source=subject_list)
    return DoorReport(hospital=hospital, month=month, subjects=subjects, tables=tuple(tables))


def write_schemas(settings: Settings) -> int:
    """Write the empty partition of every table of the de-identified zone; returns how many."""
    warehouse = Warehouse(settings.warehouse)
    schemas = zone_schemas()
    with engine(settings) as connection:
        for name, schema in schemas.items():
            columns = ", ".join(f'NULL::{type_} AS "{column}"' for column, type_ in schema.items())
            target = schema_partition(warehouse, name)
            write_parquet(connection, f"SELECT {columns} WHERE false", target, order_by=())
    return len(schemas)


def _subject_list(warehouse: Warehouse, passage: Passage) -> Path:
    source = warehouse.partition(
        "cleared", "subject", month=passage.month, hospital=passage.hospital
    )
    if not source.exists():
        raise DeidentifyError(
            f"Hospital {passage.hospital} has no subject list in {passage.month}.",
            do="run the consent gate for this month first",
        )
    return source


def _pass_subject(
    connection: duckdb.DuckDBPyConnection, warehouse: Warehouse, *, passage: Passage, source: Path
) -> int:
    query = f"SELECT {', '.join(SUBJECT_COLUMNS)} FROM {read_parquet_sql([source])}"
    target = warehouse.partition(
        "deidentified", "subject", month=passage.month, hospital=passage.hospital
    )
    return _write_checked(
        connection,
        query,
        target=target,
        schema=SUBJECT_COLUMNS,
        pseudonyms=("patient_key",),
        order_by=("patient_key", "purpose"),
    )


def _pass_table(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    *,
    passage: Passage,
    source: Path,
    target: Path,
) -> DoorTable:
    found = columns_of(connection, source)
    check_types(table, found)
    check_patients(connection, table, hospital=passage.hospital, source=source)
    query = _table_sql(table, passage, source=source, found=found)
    rows = _write_checked(
        connection,
        query,
        target=target,
        schema=output_schema(table),
        pseudonyms=pseudonym_columns(table),
        order_by=FULL_KEY,
    )
    rows_in = count(connection, f"SELECT count(*) FROM {read_parquet_sql([source])}")
    if rows != rows_in:
        raise DeidentifyError(
            f"Rows of {table.name} were lost or doubled at the door.",
            seen=f"{rows} out",
            expected=f"{rows_in}",
            do="keep the cleared partition and report this",
        )
    listed = {column.name for column in table.columns}
    return DoorTable(
        table=target.parent.parent.parent.name,
        rows=rows,
        unlisted=tuple(sorted(set(found) - listed - set(LOAD_COLUMNS) - LEFT_BEHIND)),
        missing=tuple(sorted(listed - set(found))),
        withheld=_withheld(connection, table, source=source, target=target),
    )


def _table_sql(table: Table, passage: Passage, *, source: Path, found: Mapping[str, str]) -> str:
    """The whole passage of one table as one query; columns the file lacks are null."""
    schema = output_schema(table)
    absent = [column for column in table.columns if column.name not in found]
    blanks = "".join(f', NULL::{TYPES[column.type]} AS "{column.name}"' for column in absent)
    values = {name: f"r.{name}::{type_}" for name, type_ in LOAD_COLUMNS.items()}
    for column in passing_columns(table):
        treated = treat_sql(table, column, passage)
        values[column.output] = f"({treated})::{schema[column.output]}"
    columns = ", ".join(f'{value} AS "{name}"' for name, value in values.items())
    rows = read_parquet_sql([source])
    return (
        f"SELECT {columns} FROM (SELECT *{blanks} FROM {rows}) r LEFT JOIN"
        " (SELECT patient_key, shift_days_of(patient_key) AS days FROM"
        f" (SELECT DISTINCT patient_key FROM {rows})) s ON s.patient_key = r.patient_key"
    )


def _withheld(
    connection: duckdb.DuckDBPyConnection, table: Table, *, source: Path, target: Path
) -> dict[str, int]:
    found = columns_of(connection, source)
    return {
        column.output: count(
            connection, f'SELECT count("{column.name}") FROM {read_parquet_sql([source])}'
        )
        - count(connection, f'SELECT count("{column.output}") FROM {read_parquet_sql([target])}')
        for column in passing_columns(table)
        if column.treatment in WITHHOLDING and column.name in found
    }


def _write_checked(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    *,
    target: Path,
    schema: Mapping[str, str],
    pseudonyms: Collection[str],
    order_by: tuple[str, ...],
) -> int:
    """Write beside the target, check, and only then give it the real name."""
    unchecked = target.with_name(".part.unchecked")
    try:
        rows = write_parquet(connection, query, unchecked, order_by=order_by)
        check_output(connection, unchecked, schema=schema, pseudonyms=pseudonyms)
        promote(unchecked, target)
    finally:
        unchecked.unlink(missing_ok=True)
    return rows
