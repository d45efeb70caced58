"""The one-way door: cleared tables in, de-identified tables out, column by column.

Only what a spec lists can leave, by the treatment it names; nothing here decides about a value.
Notes do not pass here. A partition is checked before it gets its real name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa

from clearward.deidentify.checks import (
    check_output,
    check_patients,
    check_types,
    columns_of,
    count,
    no_values_in_errors,
)
from clearward.deidentify.cuts import Cuts, find_cuts, special_counts, withheld_counts
from clearward.deidentify.dates import install_shift
from clearward.deidentify.domains import known_labels, own_labels
from clearward.deidentify.known import meet
from clearward.deidentify.reports import write_report
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
from clearward.deidentify.special import list_id
from clearward.deidentify.treatments import Passage, treat_sql
from clearward.errors import DeidentifyError
from clearward.keyring import Keyring, claim_warehouse, install_hmac
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
        withheld: values of passing rows that became null, by output column: not of the column's
            domain, a known identifier, words where a number was expected, an unknown region.
        special: rows that left as deletions because of a special disease, by category.
    """

    table: str
    rows: int
    unlisted: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    withheld: Mapping[str, int] = field(default_factory=dict)
    special: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class DoorReport:
    """What one run of the door let through."""

    hospital: str
    month: str
    subjects: int
    tables: tuple[DoorTable, ...]
    special_list: str = ""

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
            "rows_special": sum(sum(table.special.values()) for table in self.tables),
            "special_list": self.special_list,
        }

    def detail(self) -> dict[str, object]:
        """Everything, by table: what `reports/door/` keeps."""
        return {**self.metadata(), "by_table": [asdict(table) for table in self.tables]}


def deidentify_partition(
    settings: Settings, keyring: Keyring, *, hospital: str, month: str
) -> DoorReport:
    """Write `deidentified/<table>` and `deidentified/subject` of a hospital and month.

    Raises:
        DeidentifyError: the month was not cleared, a file does not fit its spec, or the output
            holds what it must not; then nothing unchecked stands under a real name.
    """
    warehouse = Warehouse(settings.warehouse)
    claim_warehouse(settings.warehouse, keyring)
    passage = Passage(hospital, month)
    with engine(settings) as connection, no_values_in_errors("passing rows"):
        install_hmac(connection, "row_hmac", keyring.key("row"))
        install_shift(connection, keyring)
        subject_list = _subject_list(warehouse, passage)
        meet(connection, warehouse, hospital=hospital, month=month)
        _know_labels(connection, settings)
        tables = []
        for system, table in passing_tables():
            name = system.warehouse_name(table)
            source = warehouse.partition("cleared", name, month=month, hospital=hospital)
            if source.exists():
                target = warehouse.partition("deidentified", name, month=month, hospital=hospital)
                earlier = warehouse.history("cleared", name, upto=month, hospital=hospital)
                files = _Files(source, target, earlier)
                tables.append(_pass_table(connection, table, passage=passage, files=files))
        if not tables:
            raise DeidentifyError(
                f"Hospital {hospital} has no cleared table in {month}.",
                do="run the consent gate for this month first",
            )
        # Last, because it is the list that lets a month count.
        subjects = _pass_subject(connection, warehouse, passage=passage, source=subject_list)
    report = DoorReport(hospital, month, subjects, tuple(tables), list_id())
    write_report(settings, report.detail(), hospital=hospital, month=month)
    return report


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
    files: _Files,
) -> DoorTable:
    source, target = files.source, files.target
    found = columns_of(connection, source)
    check_types(table, found)
    check_patients(connection, table, hospital=passage.hospital, source=source)
    cuts = find_cuts(connection, table, source=source, earlier=files.earlier, found=found)
    query = _table_sql(table, passage, cuts, source=source, found=found)
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
        withheld=withheld_counts(
            connection, table, cuts=cuts, source=source, target=target, found=found
        ),
        special=special_counts(connection, cuts, source=source),
    )


def _table_sql(
    table: Table, passage: Passage, cuts: Cuts, *, source: Path, found: Mapping[str, str]
) -> str:
    """The whole passage of one table as one query; columns the file lacks are null."""
    schema = output_schema(table)
    absent = [column for column in table.columns if column.name not in found]
    blanks = "".join(f', NULL::{TYPES[column.type]} AS "{column.name}"' for column in absent)
    values = {name: f"r.{name}::{type_}" for name, type_ in LOAD_COLUMNS.items()}
    values["op"] = f"if({cuts.special_sql()}, 'D', r.op)::VARCHAR"
    for column in passing_columns(table):
        treated = treat_sql(table, column, passage) or "NULL"
        value = cuts.value_sql(column, treated) if column.name in found else treated
        is_own_key = column.treatment == "pseudonym" and column.of == table.name
        if cuts.rows and not is_own_key:
            value = f"if({cuts.special_sql()}, NULL, {value})"
        values[column.output] = f"({value})::{schema[column.output]}"
    columns = ", ".join(f'{value} AS "{name}"' for name, value in values.items())
    rows = read_parquet_sql([source])
    return (
        f"SELECT {columns} FROM (SELECT *{blanks} FROM {rows}) r LEFT JOIN"
        " (SELECT patient_key, shift_days_of(patient_key) AS days FROM"
        f" (SELECT DISTINCT patient_key FROM {rows})) s ON s.patient_key = r.patient_key"
    )


def _know_labels(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    words = pa.table({"v": sorted(known_labels() | own_labels(settings.home))})
    connection.register("known_label_words", words)
    connection.execute("CREATE OR REPLACE TEMP TABLE known_label AS FROM known_label_words")
    connection.unregister("known_label_words")


@dataclass(frozen=True)
class _Files:
    """Where a table comes from, where it goes, and its cleared partitions up to the month."""

    source: Path
    target: Path
    earlier: list[Path]


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
