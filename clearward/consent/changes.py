"""The SQL by which changes travel through the consent gate, one temporary table per idea.

Rules of passing rows live here (docs/reference/rooms.md, "How changes travel"); what the counts
mean and what is written where belongs to `gate`. The temporary tables:

listed: patients on the list of this month. newcomers: of these, who were not on the last list.
returners: newcomers who had been on any earlier list. passed_before: listed patients of whom
copies of rows stand in earlier cleared partitions.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from clearward.consent.model import REASONS
from clearward.consent.purposes import GATE_USES, OWN_EVENT_USES
from clearward.warehouse import Warehouse, read_parquet_sql, write_parquet

FULL_KEY = ("row_key", "op", "patient_key", "file_id", "source_row")


def _words(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def current_state_sql(rows: str, *, where: str = "true") -> str:
    """Latest version of each row of an SQL relation, deletions included: ``op`` tells.

    ``where`` chooses row keys; it must not look at other columns, or an old version could
    stand in for a newer one that looks different.
    """
    return (
        f"SELECT * FROM {rows} WHERE {where} "
        "QUALIFY row_number() OVER (PARTITION BY row_key ORDER BY month DESC) = 1"
    )


def deaths_sql(patient_tables: Sequence[Sequence[Path]]) -> str:
    """``patient_key, died_on`` of the dead as known in the last of the given months."""
    current = (current_state_sql(read_parquet_sql(paths)) for paths in patient_tables)
    each = (
        f"SELECT patient_key, death_date::DATE AS died_on FROM ({rows})"
        " WHERE op <> 'D' AND death_date IS NOT NULL"
        for rows in current
    )
    union = " UNION ALL ".join(each)
    return (
        "SELECT patient_key, strftime(min(died_on), '%Y-%m-%d') AS died_on"
        f" FROM ({union}) GROUP BY patient_key ORDER BY patient_key"
    )


def earlier_lists(warehouse: Warehouse, hospital: str, *, month: str) -> list[Path]:
    """Subject lists of months before this one, oldest first."""
    own = warehouse.partition("cleared", "subject", month=month, hospital=hospital)
    paths = warehouse.history("cleared", "subject", upto=month, hospital=hospital)
    return [path for path in paths if path != own]


def make_lists(connection: duckdb.DuckDBPyConnection, earlier: Sequence[Path]) -> None:
    """Make `verdict` and the lists of patients above from `consent_state`."""
    nobody = "(SELECT NULL::VARCHAR AS patient_key WHERE false)"
    last = read_parquet_sql(earlier[-1:]) if earlier else nobody
    ever = read_parquet_sql(earlier) if earlier else nobody
    deliberate = list(REASONS)[:4]
    cases = " ".join(
        f"WHEN bool_or(state = '{state}') FILTER (is_gate) THEN '{state}'" for state in deliberate
    )
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE verdict AS
        SELECT patient_key,
               CASE WHEN bool_or(state = 'permitted') FILTER (is_gate) THEN 'cleared' {cases}
                    WHEN bool_or(purpose IN ({_words(OWN_EVENT_USES)})) THEN 'other_purpose'
                    ELSE 'only_general_admission' END AS reason
        FROM (SELECT *, purpose IN ({_words(GATE_USES)}) AS is_gate FROM consent_state)
        GROUP BY patient_key;
        CREATE OR REPLACE TEMP TABLE listed AS
        SELECT patient_key FROM verdict WHERE reason = 'cleared';
        CREATE OR REPLACE TEMP TABLE newcomers AS
        SELECT patient_key FROM listed WHERE patient_key NOT IN (SELECT patient_key FROM {last});
        CREATE OR REPLACE TEMP TABLE returners AS
        SELECT patient_key FROM newcomers WHERE patient_key IN (SELECT patient_key FROM {ever});
        CREATE OR REPLACE TEMP TABLE passed_before AS
        SELECT patient_key FROM listed WHERE patient_key NOT IN (SELECT patient_key FROM newcomers)
        UNION SELECT patient_key FROM returners;
    """)


def write_subject(
    connection: duckdb.DuckDBPyConnection, warehouse: Warehouse, *, hospital: str, month: str
) -> int:
    """Write `cleared/subject`: every use in force of the listed patients; returns rows."""
    query = (
        f"SELECT '{hospital}' AS hospital_id, '{month}' AS month, patient_key, purpose"
        " FROM consent_state WHERE state = 'permitted'"
        f" AND purpose IN ({_words(OWN_EVENT_USES)})"
        " AND patient_key IN (SELECT patient_key FROM listed)"
    )
    target = warehouse.partition("cleared", "subject", month=month, hospital=hospital)
    return write_parquet(connection, query, target, order_by=("patient_key", "purpose"))


def patients_sql(patient_tables: Sequence[Sequence[Path]]) -> str:
    """Living entries of the patient tables counted by verdict."""
    each = (
        f"SELECT patient_key FROM ({current_state_sql(read_parquet_sql(paths))}) WHERE op <> 'D'"
        for paths in patient_tables
    )
    return (
        f"WITH patient AS ({' UNION '.join(each)}) "
        "SELECT coalesce(v.reason, 'no_event') AS reason, count(*) FROM patient p"
        " LEFT JOIN verdict v ON v.patient_key = p.patient_key GROUP BY ALL ORDER BY reason"
    )


def make_rows(
    connection: duckdb.DuckDBPyConnection,
    history: Sequence[Path],
    own: Sequence[Path],
    *,
    month: str,
    may_move: bool,
) -> None:
    """Make `raw_month`, `backfill` and `retired` of one table.

    Earlier months are read only where a newcomer or a moved row may need them, so that a usual
    month costs what the month holds. ``may_move``: a row can change its patient and keep its key.

    backfill: current rows of newcomers that an earlier month brought, as new; for returners also
    the deletions they missed. They get this month: with their old one a returner's row would
    stand twice under one month, and nobody after the gate could tell which copy is the latest.

    retired: deletions of rows that belonged to a listed patient and now belong to one who is
    not (records merged or corrected), which no raw row says.
    """
    month_rows = read_parquet_sql(own) if own else f"{read_parquet_sql(history[-1:])} LIMIT 0"
    connection.execute(f"""
        CREATE OR REPLACE TEMP VIEW raw_month AS SELECT * FROM {month_rows};
        CREATE OR REPLACE TEMP TABLE wanted AS
        SELECT row_key FROM raw_month
        WHERE {str(may_move).lower()} AND op = 'U'
          AND patient_key NOT IN (SELECT patient_key FROM listed);
    """)
    has_work = count(connection, "newcomers") or count(connection, "wanted")
    is_first = len(history) == len(own)
    _make_older_rows(connection, history if has_work and not is_first else (), month=month)


def _make_older_rows(
    connection: duckdb.DuckDBPyConnection, history: Sequence[Path], *, month: str
) -> None:
    everything = read_parquet_sql(history) if history else "(FROM raw_month LIMIT 0)"
    connection.execute(f"""
        INSERT INTO wanted SELECT row_key FROM {everything}
        WHERE patient_key IN (SELECT patient_key FROM newcomers);
        CREATE OR REPLACE TEMP TABLE latest AS
        {current_state_sql(everything, where="row_key IN (SELECT row_key FROM wanted)")};
        CREATE OR REPLACE TEMP TABLE backfill AS
        SELECT * REPLACE (if(op = 'D', 'D', 'I') AS op, '{month}' AS month) FROM latest
        WHERE month < '{month}' AND (
            op <> 'D' AND patient_key IN (SELECT patient_key FROM newcomers)
            OR op = 'D' AND patient_key IN (SELECT patient_key FROM returners));
        CREATE OR REPLACE TEMP TABLE retired AS
        SELECT h.* REPLACE ('D' AS op, '{month}' AS month) FROM {everything} h
        JOIN latest n ON n.row_key = h.row_key AND n.patient_key <> h.patient_key
        WHERE h.patient_key IN (SELECT patient_key FROM passed_before)
          AND n.patient_key NOT IN (SELECT patient_key FROM listed)
        QUALIFY row_number() OVER (PARTITION BY h.row_key ORDER BY h.month DESC) = 1;
    """)


ROWS_BY_REASON_SQL = """
SELECT coalesce(v.reason, 'no_event') AS reason, count(*) FROM raw_month r
LEFT JOIN verdict v ON v.patient_key = r.patient_key GROUP BY ALL ORDER BY reason
"""
ROWS_SQL = """
SELECT * REPLACE (
    if(op <> 'D' AND patient_key IN (SELECT patient_key FROM newcomers), 'I', op) AS op)
FROM raw_month WHERE patient_key IN (SELECT patient_key FROM listed)
UNION ALL BY NAME SELECT * FROM backfill
UNION ALL BY NAME SELECT * FROM retired
"""


def count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    """Rows of a temporary table or view."""
    row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(row[0]) if row else 0
