"""Counts that must add up: rows in against rows found again in what was written. Nothing here
writes a row; a difference stops the ingest before anything is accepted.
"""

from __future__ import annotations

from pathlib import Path

from clearward.sources.files import TEXT_READER
from clearward.sources.load import Job, Prior
from clearward.sources.parsing import name_sql
from clearward.sources.report import FileCount
from clearward.sources.spec import Table
from clearward.warehouse import read_parquet_sql

_LATEST_DAYS = 31


def reconcile(
    job: Job, table: Table, keyed: str, prior: Prior, *, raw: Path, bad: Path
) -> tuple[FileCount, ...]:
    """Rows in against rows found again in what was written, file by file; raises when they differ.

    Counts are by file id, so that the same file under two names is one.
    """
    rows_in = _by_file(
        job, f"SELECT file_id, '' FROM ({job.staged.sql(table)}) JOIN sent_files USING (file_no)"
    )
    written = _by_file(
        job,
        f"SELECT r.file_id, r.op FROM {read_parquet_sql([raw])} r {_of_this_extract(job, keyed)} "
        "WHERE r.op <> 'D'",
    )
    rules = _by_file(job, f"SELECT file_id, rule FROM {read_parquet_sql([bad])}")
    same = {} if prior.empty else _unchanged(job, keyed, prior)
    names = dict(
        job.connection.execute(
            "SELECT file_id, min(file_name) FROM sent_files GROUP BY 1"
        ).fetchall()
    )
    shown = {file.name: file.shown for file in job.files}
    counts = [
        FileCount(
            file_id=file_id,
            name=shown[names[file_id]],
            rows_in=count[""],
            inserted=written.get(file_id, {}).get("I", 0),
            updated=written.get(file_id, {}).get("U", 0),
            unchanged=same.get(file_id, {}).get("", 0),
            quarantined=rules.get(file_id, {}),
        )
        for file_id, count in sorted(rows_in.items())
    ]
    for count in counts:
        count.check(table.name)
    if table.options.get("reader") == TEXT_READER and counts:
        return (_together(counts, job.extract.manifest_sha256[:12]),)
    return tuple(counts)


def _unchanged(job: Job, keyed: str, prior: Prior) -> dict[str, dict[str, int]]:
    return _by_file(
        job,
        f"SELECT f.file_id, '' FROM {keyed} k JOIN sent_files f USING (file_no) "
        f"SEMI JOIN {prior.relation} p "
        "ON p.row_key = k.row_key AND p.content_hash = k.content_hash WHERE k.rule IS NULL",
    )


def _of_this_extract(job: Job, keyed: str) -> str:
    """Leaves out what a merged partition kept of the month's earlier extract."""
    if job.decision != "merge":
        return ""
    return f"SEMI JOIN (SELECT row_key FROM {keyed} WHERE rule IS NULL) k ON k.row_key = r.row_key"


def _by_file(job: Job, sql: str) -> dict[str, dict[str, int]]:
    rows = job.connection.execute(
        f"SELECT a, b, count(*) FROM ({sql}) AS t(a, b) GROUP BY 1, 2 ORDER BY 1, 2"
    ).fetchall()
    found: dict[str, dict[str, int]] = {}
    for file_id, label, count in rows:
        found.setdefault(file_id, {})[label] = count
    return found


def _together(counts: list[FileCount], file_id: str) -> FileCount:
    """One line for a folder of texts: thousands of files, and their names are patients' names."""
    rules: dict[str, int] = {}
    for count in counts:
        for rule, number in count.quarantined.items():
            rules[rule] = rules.get(rule, 0) + number
    return FileCount(
        file_id=file_id,
        name=f"{len(counts)} text files",
        rows_in=sum(count.rows_in for count in counts),
        inserted=sum(count.inserted for count in counts),
        updated=sum(count.updated for count in counts),
        unchanged=sum(count.unchanged for count in counts),
        quarantined=dict(sorted(rules.items())),
    )


def _may_hold_orphans(job: Job, table: Table) -> bool:
    """Asked of the table's patients, not of its rows; a row without patient has its own rule."""
    if not table.column(table.patient).required:
        return True
    unknown = "SELECT key FROM patient_keys ANTI JOIN known_patients ON patient_key = key"
    return job.number(f"SELECT count(*) FROM ({unknown})") > 0


def rewritten_months(job: Job, table: Table, prior: Prior, raw: Path) -> list[tuple[str, int, int]]:
    """Month, rows changed, rows before: of every earlier month a full extract rewrites. Rows that
    are gone have their own, narrower bound, and patients are of no month: people move house.
    """
    if table.name == "patients" or job.extract.kind != "full" or prior.empty:
        return []
    touched = (
        f"SELECT p.month, count(*) AS n FROM {prior.relation} p SEMI JOIN (SELECT row_key FROM "
        f"{read_parquet_sql([raw])} WHERE op = 'U') r USING (row_key) GROUP BY p.month"
    )
    rows = job.connection.execute(
        f"SELECT month, t.n, count(*) FROM {prior.relation} JOIN ({touched}) t USING (month) "
        "GROUP BY month, t.n ORDER BY month"
    ).fetchall()
    return [(str(month), int(moved), int(before)) for month, moved, before in rows]


def odd_rows(job: Job, table: Table, keyed: str, prior: Prior) -> dict[str, int]:
    """Counts of rows that are kept and yet look odd."""
    found: dict[str, int] = {}
    moments = [name_sql(c.name) for c in table.columns if c.type in ("date", "timestamp")]
    if moments:
        last = f"last_day(DATE '{job.extract.month}-01') + INTERVAL {_LATEST_DAYS} DAY"
        odd = " OR ".join(f"{m} < DATE '1900-01-01' OR {m} > {last}" for m in moments)
        found["impossible_date"] = job.number(
            f"SELECT count(*) FROM {keyed} WHERE rule IS NULL AND ({odd})"
        )
    if table.name == "patients":
        job.connection.execute(
            f"INSERT INTO known_patients SELECT row_key FROM {keyed} WHERE rule IS NULL UNION "
            "SELECT row_key FROM living ANTI JOIN gone USING (row_key)"
        )
    elif table.patient and _may_hold_orphans(job, table):
        found["orphan_patient"] = job.number(
            f"SELECT count(*) FROM {keyed} k ANTI JOIN known_patients USING (patient_key) "
            "WHERE rule IS NULL"
        )
    return found
