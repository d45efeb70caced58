"""What a table's partition of the month becomes: new, changed and deleted rows against the state
accepted before, the quarantine beside it, and the counts that must add up.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq

from clearward.sources.load import ROW_ID, SMALL, Job, Prior, keyed_rows, typed_rows
from clearward.sources.parsing import content_hash_sql, name_sql, natural_key_sql, quoted
from clearward.sources.patients import remember_deleted
from clearward.sources.policy import check_deletes, check_moved
from clearward.sources.reconcile import odd_rows, reconcile, rewritten_months
from clearward.sources.report import TableCount
from clearward.sources.spec import TYPES, Table
from clearward.sources.state_sql import accepted_history, current_state_sql
from clearward.warehouse import read_parquet_sql, write_parquet

ORDER = ("patient_key", "row_key")
LOAD_TEXTS = ("hospital_id", "month", "row_key", "patient_key", "op", "content_hash", "file_id")


def load_table(job: Job, table: Table) -> TableCount:
    """Stage the table's raw and quarantine partitions; raises ExtractError when rows get lost."""
    sent = table.name in job.staged.pieces
    named = any(deletion.table == table.name for deletion in job.deletions)
    follows = bool(table.patient) and job.number("SELECT count(*) FROM deleted_patients") > 0
    if not (sent or named or follows or job.decision == "merge" or table.name == "patients"):
        return _untouched(job, table)
    history = _history(job, table)
    prior = _prior(job, table, history)
    typed = typed_rows(job, table)
    keyed = keyed_rows(job, table, typed, prior)
    unmatched = _gone(job, table, keyed, prior, sent=sent)
    if table.name == "patients":
        remember_deleted(job, keyed, history)
    first = prior.empty and job.decision != "merge"
    raw = (_write_first if first else _write_raw)(job, table, keyed, prior)
    bad = _write_quarantine(job, table, keyed)
    files = reconcile(job, table, keyed, prior, raw=raw, bad=bad)
    check_moved(job.extract, table.name, moved=rewritten_months(job, table, prior, raw))
    warnings = {
        "deletion_unmatched": unmatched,
        "deleted_with_patient": job.number("SELECT count(*) FROM gone WHERE with_patient"),
        **odd_rows(job, table, keyed, prior),
    }
    return TableCount(
        table=table.name,
        sent=sent,
        files=files,
        deleted=job.number("SELECT count(*) FROM gone"),
        warnings={name: count for name, count in sorted(warnings.items()) if count},
    )


def _untouched(job: Job, table: Table) -> TableCount:
    """A table the extract says nothing about: empty partitions, so that every month has columns."""
    text = "CAST(NULL AS VARCHAR)"
    head = ", ".join(f"{text} AS {name}" for name in LOAD_TEXTS)
    columns = ", ".join(
        f"CAST(NULL AS {TYPES[c.type]}) AS {name_sql(c.name)}" for c in table.columns
    )
    raw = f"SELECT {head}, CAST(NULL AS BIGINT) AS source_row, {columns} LIMIT 0"
    write_parquet(job.connection, raw, _staged_path(job, table, "raw"), order_by=ORDER)
    _write_no_quarantine(job, table)
    return TableCount(table=table.name, sent=False)


def _write_no_quarantine(job: Job, table: Table) -> Path:
    text = "CAST(NULL AS VARCHAR)"
    bad = (
        f"SELECT {text} AS hospital_id, {text} AS month, {text} AS file_id, {text} AS file_name, "
        f"CAST(NULL AS BIGINT) AS source_row, CAST(NULL AS INTEGER) AS part, {text} AS rule, "
        f"{text} AS reason, {text} AS row LIMIT 0"
    )
    target = _staged_path(job, table, "quarantine")
    write_parquet(job.connection, bad, target, order_by=("source_row",))
    return target


def _history(job: Job, table: Table) -> list[Path]:
    """Accepted partitions before this month."""
    name = job.system.warehouse_name(table)
    month, hospital = job.extract.month, job.extract.hospital
    paths = accepted_history(job.warehouse, name, upto=month, hospital=hospital)
    return [path for path in paths if f"month={month}" not in path.parts]


def _current_partition(job: Job, table: Table) -> Path | None:
    """The partition this extract joins, when it is a further delta of its month."""
    path = job.warehouse.partition(
        "raw",
        job.system.warehouse_name(table),
        month=job.extract.month,
        hospital=job.extract.hospital,
    )
    return path if job.decision == "merge" and path.is_file() else None


def _prior(job: Job, table: Table, history: list[Path]) -> Prior:
    """The state before the month; also makes `living`, which a merged month adds to."""
    kept = ("row_key", "patient_key", "content_hash", "month", *table.natural_key)
    columns = ", ".join(name_sql(name) for name in dict.fromkeys(kept))
    if history:
        sql = f"SELECT {columns} FROM ({current_state_sql(history)})"
    else:
        texts = "".join(
            f", CAST(NULL AS {TYPES[table.column(n).type]}) AS {name_sql(n)}"
            for n in table.natural_key
        )
        heads = ", ".join(f"'' AS {name}" for name in kept[:4])
        sql = f"SELECT {heads}{texts} LIMIT 0"
    prior = _keep(job, history)(sql, f"prior_{table.name}")
    current = _current_partition(job, table)
    if current is None:
        job.connection.execute(f"CREATE OR REPLACE TEMP VIEW living AS SELECT * FROM {prior}")
    else:
        state = current_state_sql([*history, current])
        keep = _keep(job, [*history, current])
        living = keep(f"SELECT {columns} FROM ({state})", f"living_{table.name}")
        job.connection.execute(f"CREATE OR REPLACE TEMP VIEW living AS SELECT * FROM {living}")
    return Prior(prior, empty=not history)


def _keep(job: Job, files: list[Path]) -> Callable[[str, str], str]:
    rows = sum(int(pq.read_metadata(path).num_rows) for path in files)
    return job.table if rows <= SMALL else job.copy


def _no_longer_held(job: Job, table: Table, keyed: str, prior: Prior, *, sent: bool) -> str:
    """SELECT of the rows a full extract no longer holds; raises when they are too many."""
    if job.extract.kind != "full" or not sent or prior.empty:
        return "SELECT row_key, patient_key FROM living LIMIT 0"
    implicit = (
        f"SELECT row_key, patient_key FROM {prior.relation} p ANTI JOIN "
        f"(SELECT row_key FROM {keyed} WHERE row_key IS NOT NULL) k USING (row_key)"
    )
    dropped = job.number(f"SELECT count(*) FROM ({implicit})")
    before = job.number(f"SELECT count(*) FROM {prior.relation}")
    check_deletes(job.extract, table.name, deletes=dropped, before=before)
    return implicit


def _gone(job: Job, table: Table, keyed: str, prior: Prior, *, sent: bool) -> int:
    """Make `gone`: rows that get a D version. Returns deletions that name no row.

    A full extract deletes what it no longer holds, but only of tables it sent, and never a row
    that came and landed in quarantine: its last good version stays. Rows of a deleted patient go
    with the patient, whatever the source does with them.
    """
    matched = []
    lengths = [
        n
        for (n,) in job.connection.execute(
            "SELECT DISTINCT length FROM deletion_list ORDER BY 1"
        ).fetchall()
    ]
    for n in lengths:
        key = natural_key_sql(table.natural_key[:n])
        matched.append(
            "SELECT l.row_key, l.patient_key, d.file_no, d.source_row, d.key, d.length "
            f"FROM (SELECT *, {key} AS k FROM living) l JOIN deletion_list d "
            f"ON d.length = {n} AND d.key = l.k"
        )
    implicit = _no_longer_held(job, table, keyed, prior, sent=sent)
    none = (
        "SELECT row_key, patient_key, CAST(NULL AS INTEGER) AS file_no, "
        "CAST(NULL AS BIGINT) AS source_row, '' AS key, 0 AS length FROM living LIMIT 0"
    )
    followers = "living SEMI JOIN deleted_patients d ON d.row_key = living.patient_key"
    if table.name == "patients":
        followers += " AND false"
    explicit = " UNION ALL ".join(f"({part})" for part in (*matched, none))
    job.connection.execute(f"CREATE OR REPLACE TEMP TABLE named AS {explicit}")
    job.connection.execute(
        "CREATE OR REPLACE TEMP TABLE gone AS SELECT row_key, any_value(patient_key) AS "
        "patient_key, min(file_no) AS file_no, min(source_row) AS source_row, "
        "bool_and(with_patient) AS with_patient FROM ("
        "SELECT row_key, patient_key, file_no, source_row, false AS with_patient FROM named "
        f"UNION ALL SELECT row_key, patient_key, NULL, NULL, false FROM ({implicit}) "
        f"UNION ALL SELECT row_key, patient_key, NULL, NULL, true FROM {followers}) "
        "GROUP BY row_key"
    )
    return job.number(
        "SELECT count(*) FROM (SELECT DISTINCT length, key FROM deletion_list) d "
        "ANTI JOIN named USING (length, key)"
    )


def _write_first(job: Job, table: Table, keyed: str, prior: Prior) -> Path:
    """The first month: every good row is new. Only what the rows themselves hold is sorted; the
    rest is added behind the sort, whose size decides the time and memory of a whole hospital."""
    listed = ", ".join(name_sql(column.name) for column in table.columns)
    ids = [file.file_id for file in job.extract.files]
    job.connection.execute("SET VARIABLE file_ids = ?", [ids])
    rows = (
        f"SELECT row_key, patient_key, file_no, source_row, {listed} FROM {keyed} "
        f"WHERE rule IS NULL ORDER BY {', '.join(ORDER)}"
    )
    query = (
        f"SELECT {quoted(job.extract.hospital)} AS hospital_id, {quoted(job.extract.month)} AS "
        f"month, row_key, patient_key, 'I' AS op, {content_hash_sql(table)} AS content_hash, "
        f"getvariable('file_ids')[file_no + 1] AS file_id, source_row, {listed} FROM ({rows})"
    )
    target = _staged_path(job, table, "raw")
    write_parquet(job.connection, query, target, order_by=())
    return target


def _write_raw(job: Job, table: Table, keyed: str, prior: Prior) -> Path:
    names = [column.name for column in table.columns]
    listed = ", ".join(name_sql(name) for name in names)
    load = f"{quoted(job.extract.hospital)} AS hospital_id, {quoted(job.extract.month)} AS month, "
    changed = (
        f"SELECT {load} k.row_key, k.patient_key, CASE WHEN p.row_key IS NULL THEN 'I' ELSE 'U' "
        f"END AS op, k.content_hash, f.file_id, k.source_row, {listed} FROM "
        f"(SELECT * FROM {keyed} WHERE rule IS NULL) k JOIN sent_files f USING (file_no) "
        f"LEFT JOIN (SELECT row_key, content_hash FROM {prior.relation}) p "
        "ON p.row_key = k.row_key WHERE p.row_key IS NULL OR p.content_hash <> k.content_hash"
    )
    nulls = ", ".join(f"CAST(NULL AS {TYPES[c.type]}) AS {name_sql(c.name)}" for c in table.columns)
    manifest_id = quoted(job.extract.manifest_sha256[:12])
    deleted = (
        f"SELECT {load} g.row_key, g.patient_key, 'D' AS op, CAST(NULL AS VARCHAR) AS "
        f"content_hash, coalesce(f.file_id, {manifest_id}) AS file_id, g.source_row, {nulls} "
        "FROM gone g LEFT JOIN sent_files f USING (file_no)"
    )
    parts = [changed, deleted]
    current = _current_partition(job, table)
    if current is not None:
        parts.append(
            f"SELECT hospital_id, month, row_key, patient_key, op, content_hash, file_id, "
            f"source_row, {listed} FROM {read_parquet_sql([current])} o "
            f"ANTI JOIN (SELECT row_key FROM {keyed} WHERE rule IS NULL) k USING (row_key) "
            "ANTI JOIN gone USING (row_key)"
        )
    target = _staged_path(job, table, "raw")
    write_parquet(job.connection, " UNION ALL ".join(parts), target, order_by=ORDER)
    return target


def _staged_path(job: Job, table: Table, zone: str) -> Path:
    return job.staging.partition(
        zone,
        job.system.warehouse_name(table),
        month=job.extract.month,
        hospital=job.extract.hospital,
    )


def _write_quarantine(job: Job, table: Table, keyed: str) -> Path:
    """Bad rows as they came, as JSON, with the rule; the file is written even when none is bad."""
    rowid = ", ".join(ROW_ID)
    pairs = ", ".join(f"{name_sql(c.name)} := s.{name_sql(c.name)}" for c in table.columns)
    job.connection.execute(
        f"CREATE OR REPLACE TEMP TABLE bad AS SELECT {rowid}, rule, reason FROM {keyed} "
        "WHERE rule IS NOT NULL"
    )
    if not job.number("SELECT count(*) FROM bad"):
        return _write_no_quarantine(job, table)
    query = (
        f"SELECT {quoted(job.extract.hospital)} AS hospital_id, {quoted(job.extract.month)} AS "
        "month, f.file_id, f.file_name, b.source_row, b.part, b.rule, b.reason, "
        f"CAST(to_json(struct_pack({pairs})) AS VARCHAR) AS row "
        f"FROM bad b JOIN ({job.staged.sql(table)}) s USING ({rowid}) "
        "JOIN sent_files f USING (file_no)"
    )
    target = _staged_path(job, table, "quarantine")
    order = ("file_name", "source_row", "part")
    write_parquet(job.connection, query, target, order_by=order)
    return target
