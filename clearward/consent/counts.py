"""Counts of patients by reason, per purpose: kept by the gate for summaries and operators.

``<home>/reports/consent/<month>/<hospital>.json`` holds whole counts, for the hospital's own eyes;
what a release may tell of them belongs to `summary`.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from clearward.consent.purposes import OWN_EVENT_USES
from clearward.errors import ConsentError
from clearward.settings import Settings
from clearward.sources.state_sql import current_state_sql
from clearward.warehouse import check_hospital, check_month, promote

PERMITTED = "permitted"
Counts = Mapping[str, Mapping[str, int]]


def count_reasons(
    connection: duckdb.DuckDBPyConnection, patient_tables: Sequence[Sequence[Path]]
) -> dict[str, dict[str, int]]:
    """Purpose -> state or reason -> living entries of the patient tables, from `consent_state`."""
    each = (f"SELECT patient_key FROM ({current_state_sql(paths)})" for paths in patient_tables)
    own = ", ".join(f"('{use}')" for use in OWN_EVENT_USES)
    words = ", ".join(f"'{use}'" for use in OWN_EVENT_USES)
    rows = connection.execute(f"""
        WITH patient AS ({" UNION ".join(each)}), asked AS (SELECT * FROM (VALUES {own}) t(use)),
        spoken AS (
            SELECT patient_key, bool_or(purpose IN ({words})) AS has_own
            FROM consent_state GROUP BY patient_key
        )
        SELECT a.use, coalesce(s.state, CASE WHEN k.has_own THEN 'other_purpose'
               WHEN k.patient_key IS NULL THEN 'no_event' ELSE 'only_general_admission' END) AS why,
               count(*)
        FROM patient p CROSS JOIN asked a
        LEFT JOIN consent_state s ON s.patient_key = p.patient_key AND s.purpose = a.use
        LEFT JOIN spoken k ON k.patient_key = p.patient_key GROUP BY ALL ORDER BY ALL
    """).fetchall()
    found: dict[str, dict[str, int]] = {use: {} for use in OWN_EVENT_USES}
    for use, why, n in rows:
        found[use][why] = n
    return found


def counts_path(settings: Settings, *, hospital: str, month: str) -> Path:
    """``<home>/reports/consent/<month>/<hospital>.json``."""
    name = f"{check_hospital(hospital)}.json"
    return settings.reports / "consent" / check_month(month) / name


def write_counts(
    settings: Settings, purposes: Counts, *, ledger: str, hospital: str, month: str
) -> None:
    """Keep the counts of one hospital and month, whole or not at all."""
    path = counts_path(settings, hospital=hospital, month=month)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    document = {"hospital": hospital, "month": month, "ledger": ledger, "purposes": purposes}
    partial.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    promote(partial, path)


def read_counts(settings: Settings, *, month: str = "*") -> list[dict[str, Any]]:
    """Counts the gate kept, by month and hospital; ConsentError when one is damaged."""
    folder = settings.reports / "consent"
    found = []
    for path in sorted(folder.glob(f"{month}/*.json")):
        try:
            found.append(dict(json.loads(path.read_text(encoding="utf-8"))))
        except ValueError:
            raise ConsentError(
                f"The consent counts of {path.parent.name} are damaged.",
                do="run the consent gate of that month again",
            ) from None
    return found
