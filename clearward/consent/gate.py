"""The consent gate: which rows of a hospital and month may leave raw, and why the rest may not.

The rule about one patient belongs to `policies`; the SQL that follows changes through months
belongs to `changes`. Nothing here knows a treatment: cleared rows are still identified.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from clearward.consent import changes
from clearward.consent.counts import count_reasons, write_counts
from clearward.consent.ledger import read_head
from clearward.consent.model import EVENT_SCHEMA, REASONS, end_of_month, no_values_in_errors
from clearward.consent.policies import decide
from clearward.consent.scopes import TABLE_CATEGORIES
from clearward.consent.snapshot import snapshot_events
from clearward.errors import ConsentError
from clearward.settings import Settings
from clearward.sources.spec import load_spec, source_systems
from clearward.sources.state_sql import accepted_history
from clearward.state.base import state_engine
from clearward.warehouse import (
    Warehouse,
    check_hospital,
    engine,
    read_parquet_sql,
    write_parquet,
)

NO_EVENTS = EVENT_SCHEMA.empty_table()


@dataclass(frozen=True)
class TableCount:
    """Rows of one table.

    Attributes:
        table: name in the warehouse.
        rows_in: rows the month's raw partition holds.
        rows_cleared: of these, rows that passed.
        rows_backfilled: rows of earlier months of patients new on the list.
        rows_retired: deletions made for rows that left a listed patient.
        rows_held: rows that stayed, by reason.
    """

    table: str
    rows_in: int
    rows_cleared: int
    rows_backfilled: int
    rows_retired: int
    rows_held: Mapping[str, int]

    @property
    def rows_written(self) -> int:
        """Rows of the cleared partition."""
        return self.rows_cleared + self.rows_backfilled + self.rows_retired


@dataclass(frozen=True)
class ClearReport:
    """What one run of the gate let through, in patients and rows.

    Attributes:
        contradicted_records: records of consent whose last version nobody can tell, so that they
            permit nothing.
    """

    hospital: str
    month: str
    patients_in: int
    patients_cleared: int
    patients_held: Mapping[str, int]
    tables: tuple[TableCount, ...]
    contradicted_records: int = 0

    def metadata(self) -> dict[str, int | float | str]:
        """Counts and ids for Dagster, the CLI and `reports/`."""
        held: Counter[str] = Counter()
        for table in self.tables:
            held.update(table.rows_held)
        return {
            "hospital": self.hospital,
            "month": self.month,
            "patients_in": self.patients_in,
            "patients_cleared": self.patients_cleared,
            **{f"patients_{name}": self.patients_held.get(name, 0) for name in REASONS},
            "contradicted_records": self.contradicted_records,
            "tables": len(self.tables),
            "rows_in": sum(table.rows_in for table in self.tables),
            "rows_cleared": sum(table.rows_cleared for table in self.tables),
            "rows_backfilled": sum(table.rows_backfilled for table in self.tables),
            "rows_retired": sum(table.rows_retired for table in self.tables),
            **{f"rows_{name}": held[name] for name in REASONS},
        }


def clear_partition(settings: Settings, *, hospital: str, month: str) -> ClearReport:
    """Write `cleared/subject` and `cleared/<table>` of a hospital and month.

    Reads raw partitions and events of months up to ``month`` and the subject lists of earlier
    months (which say what has passed before), so months of one hospital go in order. Reference
    tables stay behind. Running again gives the same bytes.

    Raises:
        ConsentError: there is nothing to clear, or the counts do not add up.
    """
    warehouse = Warehouse(settings.warehouse)
    raw = _raw_tables(warehouse, hospital=hospital, month=month)
    patient_tables = [t.history for t in raw if t.is_patients]
    database = state_engine(settings.database)
    events = snapshot_events(settings, database, hospital=hospital, month=month)
    earlier = changes.earlier_lists(warehouse, hospital, month=month)
    with engine(settings) as connection, no_values_in_errors("clearing rows"):
        decide(
            connection,
            connection.sql(f"FROM {read_parquet_sql(events)}") if events else NO_EVENTS,
            as_of=end_of_month(month),
            people=connection.sql(changes.people_sql(patient_tables)),
        )
        changes.make_verdicts(connection)
        changes.write_subject(connection, warehouse, hospital=hospital, month=month)
        counts = [
            _clear_table(connection, warehouse, table, earlier, hospital=hospital, month=month)
            for table in sorted(raw, key=lambda table: table.category)
        ]
        patients = dict(connection.execute(changes.patients_sql(patient_tables)).fetchall())
        purposes = count_reasons(connection, patient_tables)
        contradicted = changes.count(connection, "contradicted")
    write_counts(
        settings, purposes, ledger=read_head(database).hash, hospital=hospital, month=month
    )
    return ClearReport(
        hospital=hospital,
        month=month,
        patients_in=sum(patients.values()),
        patients_cleared=patients.pop("cleared", 0),
        patients_held=patients,
        tables=tuple(counts),
        contradicted_records=contradicted,
    )


@dataclass(frozen=True)
class _RawTable:
    name: str
    history: tuple[Path, ...]
    category: str
    is_patients: bool
    may_move: bool


def _raw_tables(warehouse: Warehouse, *, hospital: str, month: str) -> list[_RawTable]:
    """Every table that may pass and has raw partitions up to the month, oldest first."""
    check_hospital(hospital)
    found = []
    for spec in map(load_spec, source_systems()):
        for table in spec.tables:
            name = spec.warehouse_name(table)
            paths = accepted_history(warehouse, name, upto=month, hospital=hospital)
            if table.passes and paths:
                may_move = table.patient not in table.natural_key
                category = _category(table.name)
                found.append(
                    _RawTable(name, tuple(paths), category, table.name == "patients", may_move)
                )
    if not any(table.is_patients for table in found):
        raise ConsentError(
            f"Hospital {hospital} has no patients in raw up to {month}.",
            seen=f"{len(found)} tables",
            expected="at least the table of patients",
            do="ingest its extract first",
        )
    return found


def _category(table: str) -> str:
    if table not in TABLE_CATEGORIES:
        raise ConsentError(
            f"Nobody said what kind of data {table} holds.",
            expected="an entry in consent.scopes.TABLE_CATEGORIES",
            do="add the table there: until then nothing of it may pass",
        )
    return TABLE_CATEGORIES[table]


def _clear_table(
    connection: duckdb.DuckDBPyConnection,
    warehouse: Warehouse,
    table: _RawTable,
    earlier: changes.Lists,
    *,
    hospital: str,
    month: str,
) -> TableCount:
    own = [path for path in table.history if path.parent.parent.name == f"month={month}"]
    changes.choose_category(connection, table.category, earlier=earlier)
    changes.make_rows(connection, table.history, own, month=month, may_move=table.may_move)
    by_reason = dict(connection.execute(changes.ROWS_BY_REASON_SQL).fetchall())
    count = TableCount(
        table=table.name,
        rows_in=changes.count(connection, "raw_month"),
        rows_cleared=by_reason.pop("cleared", 0),
        rows_backfilled=changes.count(connection, "backfill"),
        rows_retired=changes.count(connection, "retired"),
        rows_held=by_reason,
    )
    target = warehouse.partition("cleared", table.name, month=month, hospital=hospital)
    written = write_parquet(connection, changes.ROWS_SQL, target, order_by=changes.FULL_KEY)
    _check_counts(count, written)
    return count


def _check_counts(count: TableCount, written: int) -> None:
    accounted = count.rows_cleared + sum(count.rows_held.values())
    if count.rows_in != accounted or count.rows_written != written:
        raise ConsentError(
            f"Rows of {count.table} do not add up at the consent gate.",
            seen=f"{accounted} accounted for of {count.rows_in}, {written} written",
            expected=f"{count.rows_in} accounted for, {count.rows_written} written",
            do="keep the raw partition and report this: the gate or the partition is wrong",
        )
