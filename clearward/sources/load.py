"""One table of an extract: from staged text to the rows that are new, changed, deleted or bad.
Which extract may be taken is `policy`; when its files appear is `ingest`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from clearward.errors import ExtractError
from clearward.keyring import Keyring, install_hmac
from clearward.sources.extract import Extract
from clearward.sources.parsing import (
    clean_sql,
    content_hash_sql,
    name_sql,
    natural_key_sql,
    parse_sql,
    quoted,
)
from clearward.sources.patients import patient_sql
from clearward.sources.readers import Deletion, SourceFile, Staged
from clearward.sources.spec import SourceSystem, Table
from clearward.warehouse import Warehouse, sql_path

HMAC = "row_hmac"
ROW_ID = ("file_no", "source_row", "part")
SMALL = 50_000
"""Rows up to which a table's intermediate results are kept in memory."""


@dataclass(frozen=True)
class Job:
    """What every table of one ingest shares.

    Attributes:
        warehouse: where accepted partitions are.
        staging: the same layout in a temporary folder; renamed into the warehouse at the end.
        scratch: intermediate files.
        decision: a key of `policy.DECISIONS`.
    """

    connection: duckdb.DuckDBPyConnection
    extract: Extract
    system: SourceSystem
    files: tuple[SourceFile, ...]
    staged: Staged
    deletions: tuple[Deletion, ...]
    warehouse: Warehouse
    staging: Warehouse
    scratch: Path
    decision: str

    def is_small(self, table: Table) -> bool:
        """Whether the extract's rows of a table fit in memory beside all else."""
        return self.staged.rows(table.name) <= SMALL

    def table(self, sql: str, name: str) -> str:
        """An intermediate result in memory: what a small one costs is planning, not bytes."""
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {sql}")
        return name

    def copy(self, sql: str, name: str) -> str:
        """Write an intermediate result; returns the relation that reads it."""
        path = self.scratch / f"{name}.parquet"
        self.connection.execute(
            f"COPY ({sql}) TO '{sql_path(path)}' (FORMAT parquet, COMPRESSION snappy)"
        )
        return f"read_parquet('{sql_path(path)}')"

    def view(self, sql: str, name: str) -> str:
        """An intermediate result that is computed where it is read, column by column."""
        self.connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {sql}")
        return name

    def number(self, sql: str) -> int:
        """The one number a query gives."""
        row = self.connection.execute(sql).fetchone()
        return int(row[0] or 0) if row else 0


@dataclass(frozen=True)
class Prior:
    """The state of a table before the month: a relation of ``row_key, patient_key,
    content_hash`` and key columns, and whether it holds nothing because nothing came before."""

    relation: str
    empty: bool


def prepare(job: Job, keyring: Keyring) -> None:
    """Install the key function and the list of files."""
    install_hmac(job.connection, HMAC, keyring.key("row"))
    job.connection.execute(
        "CREATE OR REPLACE TEMP TABLE sent_files "
        "(file_no INTEGER, file_id VARCHAR, file_name VARCHAR)"
    )
    rows = [
        (file.number, declared.file_id, file.name)
        for file, declared in zip(job.files, job.extract.files, strict=True)
    ]
    job.connection.executemany("INSERT INTO sent_files VALUES (?, ?, ?)", rows)
    job.connection.execute("CREATE OR REPLACE TEMP TABLE known_patients (patient_key VARCHAR)")
    job.connection.execute("CREATE OR REPLACE TEMP TABLE deleted_patients (row_key VARCHAR)")


def typed_rows(job: Job, table: Table) -> str:
    """Every row with typed values and, where it is bad, its first rule and the columns at fault."""
    cleaned = ", ".join(
        f"{clean_sql(job.system, table, c)} AS {name_sql(c.name)}" for c in table.columns
    )
    typed, wrong, missing = [], [], []
    for column in table.columns:
        text = "c." + name_sql(column.name)
        value = parse_sql(job.system, column, text)
        typed.append(f"{value} AS {name_sql(column.name)}")
        if column.type != "text":
            wrong.append(
                f"CASE WHEN {text} IS NOT NULL AND {value} IS NULL THEN '{column.name}' END"
            )
        if column.required:
            missing.append(f"CASE WHEN {text} IS NULL THEN '{column.name}' END")
    rowid = ", ".join(ROW_ID)
    judged = (
        f"SELECT {rowid}, {', '.join(typed)}, {_listed(wrong)} AS wrong, "
        f"{_listed(missing)} AS missing "
        f"FROM (SELECT {rowid}, {cleaned} FROM ({job.staged.sql(table)})) c"
    )
    # Staged CSV is Parquet with dictionaries: typing it again costs less than writing it once
    # more. Staged JSON has its paths still to be walked.
    keep = job.copy if job.system.format == "ndjson" else job.view
    keep = job.table if job.is_small(table) else keep
    return keep(
        f"SELECT * EXCLUDE (wrong, missing), CASE WHEN wrong <> '' THEN 'type_parse' "
        "WHEN missing <> '' THEN 'required_null' END AS rule, "
        "CASE WHEN wrong <> '' THEN wrong WHEN missing <> '' THEN missing END AS reason, "
        f"hash({natural_key_sql(table.natural_key)}) AS crowd FROM ({judged})",
        f"typed_{table.name}",
    )


def _listed(parts: Sequence[str]) -> str:
    return f"concat_ws(', ', {', '.join(parts)})" if parts else "''"


def key_message(job: Job, table: Table, *, ordinal: str) -> str:
    """The text whose HMAC is the row key: hospital, table, natural key and, for tables whose rows
    repeat, the ordinal among them."""
    head = quoted(f"{job.extract.hospital}|{table.name}|")
    tail = f" || '|' || {ordinal}" if table.repeats else ""
    return f"{head} || {natural_key_sql(table.natural_key)}{tail}"


def keyed_rows(job: Job, table: Table, typed: str, prior: Prior) -> str:
    """Every row with its keys; doubled rows, colliding keys and rows taken back get their rule."""
    rowid = ", ".join(ROW_ID)
    good = f"SELECT t.* FROM {typed} t WHERE rule IS NULL"
    if _taken_back(job, table, typed):
        good = f"SELECT t.* FROM {typed} t ANTI JOIN taken USING ({rowid}) WHERE rule IS NULL"
    # Only rows that share a key need windows; hashes that merely collide are sorted out by them.
    job.connection.execute(
        f"CREATE OR REPLACE TEMP TABLE open_rows AS SELECT *, {content_hash_sql(table)} AS "
        f"content_hash FROM (SELECT * FROM ({good}) WHERE crowd IN "
        f"(SELECT crowd FROM ({good}) GROUP BY crowd HAVING count(*) > 1))"
    )
    judged = _repeating(table) if table.repeats else _colliding(job, table, prior.relation)
    job.connection.execute(f"CREATE OR REPLACE TEMP TABLE judged AS {judged}")
    job.connection.execute(
        f"INSERT INTO judged SELECT {rowid}, 'deleted_in_extract', 'deletions', 1 FROM taken"
    )
    patient = patient_sql(job, table, typed, hmac=HMAC)
    message = key_message(job, table, ordinal="CAST(ordinal AS VARCHAR)")
    joined = (
        f"SELECT t.* EXCLUDE (rule, reason, crowd), coalesce(t.rule, j.rule) AS rule, "
        f"coalesce(t.reason, j.reason) AS reason, coalesce(j.ordinal, 1) AS ordinal "
        f"FROM {typed} t LEFT JOIN judged j USING ({rowid})"
    )
    # Keys are hashed where they are read: once when nothing came before, else kept for the joins.
    again = not prior.empty or job.decision == "merge" or table.name == "patients"
    keep = job.copy if again else job.view
    keep = job.table if job.is_small(table) else keep
    return keep(
        f"SELECT k.* EXCLUDE (rule, reason), {content_hash_sql(table)} AS content_hash, "
        f"{HMAC}({message}) AS row_key, {patient.key} AS patient_key, "
        f"coalesce(k.rule, {patient.rule}) AS rule, coalesce(k.reason, {patient.reason}) AS reason "
        f"FROM ({joined}) k {patient.join}",
        f"keyed_{table.name}",
    )


def _repeating(table: Table) -> str:
    """Sources without keys: exact doubles are quarantined, the others numbered by `repeats`."""
    rowid = ", ".join(ROW_ID)
    key = natural_key_sql(table.natural_key)
    order = ", ".join(f"{name_sql(name)} NULLS FIRST" for name in table.repeats)
    return (
        f"SELECT {rowid}, CASE WHEN again > 1 THEN 'duplicate_row' END AS rule, "
        "CASE WHEN again > 1 THEN 'same content' END AS reason, ordinal FROM ("
        f"SELECT {rowid}, row_number() OVER (PARTITION BY k, content_hash ORDER BY {rowid}) "
        f"AS again, dense_rank() OVER (PARTITION BY k ORDER BY {order}, content_hash) AS ordinal "
        f"FROM (SELECT *, {key} AS k FROM open_rows))"
    )


def _colliding(job: Job, table: Table, prior: str) -> str:
    """Sources with keys: of rows sharing one, keep what was accepted before, else the first."""
    rowid = ", ".join(ROW_ID)
    message = key_message(job, table, ordinal="''")
    return (
        f"SELECT {rowid}, CASE WHEN place = 1 THEN NULL WHEN content_hash = kept THEN "
        "'duplicate_row' ELSE 'key_collision' END AS rule, CASE WHEN place = 1 THEN NULL "
        "WHEN content_hash = kept THEN 'same content' ELSE 'same key, other content' END "
        f"AS reason, 1 AS ordinal FROM (SELECT {rowid}, content_hash, row_number() OVER w AS place,"
        " first_value(content_hash) OVER w AS kept FROM (SELECT o.*, p.row_key IS NOT NULL AS old "
        f"FROM (SELECT *, {natural_key_sql(table.natural_key)} AS k, {HMAC}({message}) AS row_key "
        f"FROM open_rows) o LEFT JOIN {prior} p ON p.row_key = o.row_key AND "
        f"p.content_hash = o.content_hash) WINDOW w AS (PARTITION BY k ORDER BY old DESC, {rowid}))"
    )


def deletion_keys(job: Job, table: Table) -> list[int]:
    """Make `deletion_list` (length, key, file_no, source_row) for a table; returns the lengths."""
    mine = [d for d in job.deletions if d.table == table.name]
    job.connection.execute(
        "CREATE OR REPLACE TEMP TABLE deletion_list "
        "(length INTEGER, key VARCHAR, file_no INTEGER, source_row BIGINT)"
    )
    lengths = sorted({len(d.key) for d in mine})
    for length in lengths:
        _add_deletions(job, table, [d for d in mine if len(d.key) == length], length)
    return lengths


def _add_deletions(job: Job, table: Table, deletions: Sequence[Deletion], length: int) -> None:
    job.connection.execute(
        "CREATE OR REPLACE TEMP TABLE deletion_text "
        "(parts VARCHAR[], file_no INTEGER, source_row BIGINT)"
    )
    job.connection.executemany(
        "INSERT INTO deletion_text VALUES (?, ?, ?)",
        [(list(d.key), d.file_no, d.source_row) for d in deletions],
    )
    columns = [table.column(name) for name in table.natural_key[:length]]
    parts = ", ".join(f"parts[{n}] AS {name_sql(c.name)}" for n, c in enumerate(columns, start=1))
    clean = ", ".join(f"{clean_sql(job.system, table, c)} AS {name_sql(c.name)}" for c in columns)
    typed = ", ".join(
        f"{parse_sql(job.system, c, 'c.' + name_sql(c.name))} AS {name_sql(c.name)}"
        for c in columns
    )
    lost = " OR ".join(
        f"(c.{name_sql(c.name)} IS NOT NULL AND "
        f"{parse_sql(job.system, c, 'c.' + name_sql(c.name))} IS NULL)"
        for c in columns
    )
    source = (
        f"(SELECT {clean}, file_no, source_row FROM "
        f"(SELECT {parts}, file_no, source_row FROM deletion_text)) c"
    )
    bad = job.number(f"SELECT count(*) FROM {source} WHERE {lost}")
    if bad:
        raise ExtractError(
            f"Deletions of table {table.name} name keys that cannot be read.",
            seen=f"{bad} of {len(deletions)} keys do not parse",
            do="correct them: a delete must not get lost",
        )
    key = natural_key_sql(table.natural_key[:length])
    job.connection.execute(
        f"INSERT INTO deletion_list SELECT {length}, {key}, file_no, source_row "
        f"FROM (SELECT {typed}, c.file_no, c.source_row FROM {source})"
    )


def _taken_back(job: Job, table: Table, typed: str) -> int:
    """Make `taken`: good rows of this extract that it also deletes. A delete wins."""
    rowid = ", ".join(ROW_ID)
    matches = [
        f"SELECT {rowid} FROM {typed} WHERE rule IS NULL AND "
        f"({natural_key_sql(table.natural_key[:n])}) IN "
        f"(SELECT key FROM deletion_list WHERE length = {n})"
        for n in deletion_keys(job, table)
    ]
    none = f"SELECT {rowid} FROM {typed} LIMIT 0"
    found = " UNION ".join(f"({match})" for match in (*matches, none))
    job.connection.execute(f"CREATE OR REPLACE TEMP TABLE taken AS {found}")
    return job.number("SELECT count(*) FROM taken")
