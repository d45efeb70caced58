"""The SQL by which changes travel through the consent gate, one temporary table per idea.

Rules of passing rows live here (docs/reference/rooms.md, "How changes travel"); what the counts
mean and what is written where belongs to `gate`. The temporary tables:

listed: patients on the list of this month. newcomers: of these, who were not on the last list.
returners: newcomers who had been on any earlier list. passed_before: listed patients of whom
copies of rows stand in earlier cleared partitions. leavers: patients still on the list who no
longer allow this kind of data. Each kind of data has lists of its own: `choose_category`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from clearward.consent.model import STATES
from clearward.consent.purposes import OWN_EVENT_USES, gate_uses
from clearward.warehouse import Warehouse, read_parquet_sql, write_parquet

BASE = "structured"
NOBODY = "(SELECT NULL::VARCHAR AS patient_key WHERE false)"
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


def people_sql(patient_tables: Sequence[Sequence[Path]]) -> str:
    """``patient_key, born_on, died_on`` as known in the last of the given months.

    Where two tables differ, the younger age and the earlier death count. Of an entry the source
    deleted the last version before counts: its deletion must still pass.
    """
    current = (
        current_state_sql(read_parquet_sql(paths), where="op <> 'D'") for paths in patient_tables
    )
    each = (
        "SELECT patient_key, birth_date::DATE AS born_on, death_date::DATE AS died_on"
        f" FROM ({rows})"
        for rows in current
    )
    return (
        "SELECT patient_key, strftime(max(born_on), '%Y-%m-%d') AS born_on,"
        " strftime(min(died_on), '%Y-%m-%d') AS died_on"
        f" FROM ({' UNION ALL '.join(each)}) GROUP BY patient_key"
    )


@dataclass(frozen=True)
class Lists:
    """Files of earlier months, oldest first: who was listed, and for which kinds of data."""

    subjects: tuple[Path, ...]
    categories: tuple[Path, ...]

    def sql(self, category: str, *, last_only: bool) -> str:
        """Distinct keys of patients listed for a kind of data, in any month or the last one.

        A month without a file of categories was cleared when every kind passed together.
        """
        if category == BASE or not self.subjects:
            paths = self.subjects[-1:] if last_only else self.subjects
            return (
                f"(SELECT DISTINCT patient_key FROM {read_parquet_sql(paths)})" if paths else NOBODY
            )
        by_month = {path.parts[-3]: path for path in self.categories}
        subjects = self.subjects[-1:] if last_only else self.subjects
        each = [
            f"SELECT patient_key FROM {read_parquet_sql([by_month[path.parts[-3]]])}"
            f" WHERE category = '{category}'"
            if path.parts[-3] in by_month
            else f"SELECT patient_key FROM {read_parquet_sql([path])}"
            for path in subjects
        ]
        return f"({' UNION '.join(each)})"


def earlier_lists(warehouse: Warehouse, hospital: str, *, month: str) -> Lists:
    """Lists of months before this one."""

    def found(table: str) -> tuple[Path, ...]:
        own = warehouse.partition("cleared", table, month=month, hospital=hospital)
        paths = warehouse.history("cleared", table, upto=month, hospital=hospital)
        return tuple(path for path in paths if path != own)

    return Lists(found("subject"), found("subject_category"))


def make_verdicts(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `verdict(patient_key, reason)` and `allowed(patient_key, category)` from the states.

    A kind of data is allowed when every purpose that opens the gate for the patient allows it:
    rows that passed cannot tell for which purpose they did.
    """
    uses = _words(gate_uses())
    cases = " ".join(
        f"WHEN bool_or(state = '{state}') FILTER (is_gate) THEN '{state}'"
        for state in STATES
        if state != "permitted"
    )
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE verdict AS
        SELECT patient_key,
               CASE WHEN bool_or(state = 'permitted') FILTER (is_gate) THEN 'cleared' {cases}
                    WHEN bool_or(purpose IN ({_words(OWN_EVENT_USES)})) THEN 'other_purpose'
                    ELSE 'only_general_admission' END AS reason
        FROM (SELECT *, purpose IN ({uses}) AS is_gate FROM consent_state)
        GROUP BY patient_key;
        CREATE OR REPLACE TEMP TABLE allowed AS
        WITH opened AS (
            SELECT patient_key, string_split(categories, ' ') AS kinds FROM consent_state
            WHERE state = 'permitted' AND purpose IN ({uses})
        ), uses AS (SELECT patient_key, count(*) AS n FROM opened GROUP BY patient_key),
        kinds AS (SELECT patient_key, unnest(kinds) AS category FROM opened)
        SELECT k.patient_key, k.category FROM kinds k JOIN uses u ON u.patient_key = k.patient_key
        GROUP BY k.patient_key, k.category, u.n HAVING count(*) = u.n;
    """)


def choose_category(
    connection: duckdb.DuckDBPyConnection, category: str, *, earlier: Lists
) -> None:
    """Make the lists of patients above for one kind of data."""
    last = earlier.sql(category, last_only=True)
    ever = earlier.sql(category, last_only=False)
    last_subjects = earlier.sql(BASE, last_only=True)
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE listed AS
        SELECT a.patient_key FROM allowed a JOIN verdict v ON v.patient_key = a.patient_key
        WHERE v.reason = 'cleared' AND a.category = '{category}';
        CREATE OR REPLACE TEMP TABLE newcomers AS
        SELECT patient_key FROM listed WHERE patient_key NOT IN (SELECT patient_key FROM {last});
        CREATE OR REPLACE TEMP TABLE returners AS
        SELECT patient_key FROM newcomers WHERE patient_key IN (SELECT patient_key FROM {ever});
        CREATE OR REPLACE TEMP TABLE passed_before AS
        SELECT patient_key FROM listed WHERE patient_key NOT IN (SELECT patient_key FROM newcomers)
        UNION SELECT patient_key FROM returners;
        CREATE OR REPLACE TEMP TABLE leavers AS
        SELECT patient_key FROM verdict WHERE reason = 'cleared'
          AND patient_key NOT IN (SELECT patient_key FROM listed)
          AND patient_key IN (SELECT patient_key FROM {ever})
          AND (patient_key IN (SELECT patient_key FROM {last})
               OR patient_key NOT IN (SELECT patient_key FROM {last_subjects}));
        CREATE OR REPLACE TEMP VIEW table_verdict AS
        SELECT v.patient_key, CASE WHEN v.reason <> 'cleared' THEN v.reason
               WHEN l.patient_key IS NULL THEN 'other_category' ELSE 'cleared' END AS reason
        FROM verdict v LEFT JOIN listed l ON l.patient_key = v.patient_key;
    """)


def write_subject(
    connection: duckdb.DuckDBPyConnection, warehouse: Warehouse, *, hospital: str, month: str
) -> int:
    """Write `cleared/subject`, every use in force of the listed patients, and beside it
    `cleared/subject_category`, their kinds of data; returns rows of the first."""
    query = (
        f"SELECT '{hospital}' AS hospital_id, '{month}' AS month, patient_key, purpose"
        " FROM consent_state WHERE state = 'permitted'"
        f" AND purpose IN ({_words(OWN_EVENT_USES)})"
        " AND patient_key IN (SELECT patient_key FROM verdict WHERE reason = 'cleared')"
    )
    categories = (
        f"SELECT '{hospital}' AS hospital_id, '{month}' AS month, patient_key, category"
        " FROM allowed"
        " WHERE patient_key IN (SELECT patient_key FROM verdict WHERE reason = 'cleared')"
    )
    beside = warehouse.partition("cleared", "subject_category", month=month, hospital=hospital)
    write_parquet(connection, categories, beside, order_by=("patient_key", "category"))
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
    not (records merged or corrected), which no raw row says; and of rows of leavers.
    """
    month_rows = read_parquet_sql(own) if own else f"{read_parquet_sql(history[-1:])} LIMIT 0"
    connection.execute(f"""
        CREATE OR REPLACE TEMP VIEW raw_month AS SELECT * FROM {month_rows};
        CREATE OR REPLACE TEMP TABLE wanted AS
        SELECT row_key FROM raw_month
        WHERE {str(may_move).lower()} AND op = 'U'
          AND patient_key NOT IN (SELECT patient_key FROM listed);
    """)
    has_work = any(count(connection, name) for name in ("newcomers", "wanted", "leavers"))
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
        INSERT INTO retired
        SELECT * REPLACE ('D' AS op, '{month}' AS month) FROM (
            SELECT * FROM {everything} WHERE month < '{month}'
            QUALIFY row_number() OVER (PARTITION BY row_key ORDER BY month DESC) = 1
        ) WHERE op <> 'D' AND patient_key IN (SELECT patient_key FROM leavers)
          AND row_key NOT IN (SELECT row_key FROM retired);
    """)


ROWS_BY_REASON_SQL = """
SELECT coalesce(v.reason, 'no_event') AS reason, count(*) FROM raw_month r
LEFT JOIN table_verdict v ON v.patient_key = r.patient_key GROUP BY ALL ORDER BY reason
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
