"""Patients an extract speaks of: their keys, and what goes with a patient who was deleted. Add here
what is asked once per patient; rows are judged in `load` and `changes`.

A delete is hard: no row outlives its patient, and none that is sent again comes back alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clearward.sources.parsing import name_sql, quoted
from clearward.sources.spec import Table
from clearward.warehouse import read_parquet_sql

if TYPE_CHECKING:
    from clearward.sources.load import Job


@dataclass(frozen=True)
class PatientSql:
    """How a table's rows get their patient's key, and lose their place when that patient is gone:
    a delete wins over rows that the source keeps, or sends again."""

    key: str = "CAST(NULL AS VARCHAR)"
    rule: str = "NULL"
    reason: str = "NULL"
    join: str = ""


def patient_sql(job: Job, table: Table, typed: str, *, hmac: str) -> PatientSql:
    """The patient's key for every row of a table, hashed once per patient; makes `patient_keys`."""
    if not table.patient:
        return PatientSql()
    head = quoted(f"{job.extract.hospital}|patients|")
    name = name_sql(table.patient)
    gone = "false" if table.name == "patients" else "key IN (SELECT row_key FROM deleted_patients)"
    job.connection.execute(
        f"CREATE OR REPLACE TEMP TABLE patient_keys AS SELECT id, key, {gone} AS gone FROM "
        f"(SELECT id, {hmac}({head} || id) AS key "
        f"FROM (SELECT DISTINCT {name} AS id FROM {typed} WHERE {name} IS NOT NULL))"
    )
    return PatientSql(
        key="pk.key",
        rule="CASE WHEN pk.gone THEN 'patient_deleted' END",
        reason=f"CASE WHEN pk.gone THEN {quoted(table.patient)} END",
        join=f"LEFT JOIN patient_keys pk ON pk.id = k.{name}",
    )


def remember_deleted(job: Job, keyed: str, history: Sequence[Path]) -> None:
    """Make `deleted_patients`: known once, and neither living nor sent now. `load_table` takes the
    patients first, so every other table finds them."""
    before = f"SELECT row_key FROM {read_parquet_sql(list(history))}" if history else ""
    parts = [
        "SELECT row_key FROM gone",
        f"SELECT row_key FROM {keyed} WHERE rule = 'deleted_in_extract'",
        *([before] if before else []),
    ]
    job.connection.execute(
        f"INSERT INTO deleted_patients SELECT row_key FROM ({' UNION '.join(parts)}) "
        "WHERE row_key IS NOT NULL AND row_key NOT IN ("
        f"SELECT row_key FROM {keyed} WHERE rule IS NULL UNION ALL "
        "SELECT row_key FROM living ANTI JOIN gone USING (row_key))"
    )
