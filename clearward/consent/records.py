"""Which version of a record counts. A record (a FHIR Consent, or lines of a CSV file that share a
`record_id`) is updated in place at the hospital; the ledger only adds. So a later version is told
from an earlier one when the question is asked, over all versions known, in whatever order and
files they came.

A version is later than another when its number or its time of writing is, and neither says the
opposite. What the standing version says is judged by `policies`, as if no other had ever come.
"""

from __future__ import annotations

from typing import TypeAlias

import duckdb
import pyarrow as pa

from clearward.consent.model import SILENCE

Rows: TypeAlias = "pa.Table | duckdb.DuckDBPyRelation"

RECORD_RULES = {
    "versions": "A later version of a hospital's record replaces the earlier one whole, what it "
    "refused as well as what it permitted, whenever and with whatever file either came.",
    "order": "A version is later when its number (whole numbers only) or its time of writing is "
    "later and neither of the two says the opposite.",
    "contradicted versions": "Where nobody can tell which version is the last and the candidates "
    "say different things, none of them permits: a permit among them counts as a withdrawal from "
    "its own date, refusals stand. A later version ends that.",
    "ended versions": "A version that says nothing we can keep, and the deletion of a record, end "
    "what the version before permitted and refused.",
    "taken back": "A use that an earlier version permitted and no permit speaks of any more is "
    "withdrawn, so that it is recalled like any other withdrawal.",
}
_HAS_RECORD = "record_key <> ''"
_VERSION = "record_key, record_version, record_updated_at, record_sha256"
# What the rules read of an event; the rest is proof, and costs more to read than all of this.
_WORDS = (
    *("patient_key", "purpose", "decision", "decided_at", "valid_from", "valid_until"),
    *("guardian", "guardian_relation", "categories", "recipients", "jurisdiction"),
)
_SAID = ", ".join(_WORDS)
# Most records have one version, or say the same in all. Only the others are looked at closer. Half
# of a SHA-256 is a number the engine compares fast, and still nobody's to choose.
_REVISED_SQL = f"""
CREATE OR REPLACE TEMP TABLE revised AS
SELECT record_key FROM (
    SELECT record_key, left(record_sha256, 32)::UUID AS content FROM sent WHERE {_HAS_RECORD}
) GROUP BY record_key HAVING min(content) <> max(content)
"""
# `of_later` is the latest time of writing among versions of a higher number, `of_newer` the highest
# number among those written later; a version that lacks a measure cannot be told from it by that.
_AFTER = "GROUPS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING"
_MOST = 2**63 - 1
_VERSION_SQL = f"""
CREATE OR REPLACE TEMP TABLE version AS
WITH said AS (
    SELECT DISTINCT {_VERSION} FROM sent SEMI JOIN revised USING (record_key)
), measured AS (
    SELECT *, if(regexp_full_match(record_version, '[0-9]{{1,18}}'), record_version, NULL)::BIGINT
                  AS number, nullif(record_updated_at, '') AS written_at
    FROM said
), compared AS (
    SELECT *, max(coalesce(written_at, '~')) OVER (
               PARTITION BY record_key ORDER BY number NULLS FIRST {_AFTER}) AS of_later,
           max(coalesce(number, {_MOST})) OVER (
               PARTITION BY record_key ORDER BY written_at NULLS FIRST {_AFTER}) AS of_newer
    FROM measured
)
SELECT {_VERSION},
       (number IS NULL OR coalesce(of_later < coalesce(written_at, ''), true))
       AND (written_at IS NULL OR coalesce(of_newer < coalesce(number, -1), true)) AS is_last
FROM compared
"""
_CONTRADICTED_SQL = """
CREATE OR REPLACE TEMP TABLE contradicted AS
SELECT record_key FROM version WHERE is_last
GROUP BY record_key HAVING count(DISTINCT record_sha256) > 1
"""
# Words of the last versions, and permits of earlier ones: these may turn out to be taken back.
_SETTLED_SQL = f"""
CREATE OR REPLACE TEMP TABLE settled AS
SELECT {_SAID}, v.is_last, c.record_key IS NOT NULL AS is_contradicted
FROM sent s JOIN version v USING ({_VERSION}) LEFT JOIN contradicted c USING (record_key)
WHERE s.decision <> '{SILENCE}' AND (v.is_last OR s.decision = 'permit')
"""
_UNREVISED = (
    f"FROM sent WHERE decision <> '{SILENCE}'"
    f" AND NOT ({_HAS_RECORD} AND record_key IN (FROM revised))"
)
_STANDING_SQL = f"""
CREATE OR REPLACE TEMP TABLE standing AS
WITH permitted AS (
    SELECT patient_key, purpose {_UNREVISED} AND decision = 'permit'
        AND patient_key IN (SELECT patient_key FROM settled)
    UNION ALL SELECT patient_key, purpose FROM settled
    WHERE is_last AND decision = 'permit' AND NOT is_contradicted
)
SELECT * EXCLUDE (is_last, is_contradicted) REPLACE (
    if(decision = 'permit' AND is_contradicted, 'withdraw', decision) AS decision)
FROM settled WHERE is_last
UNION ALL
SELECT s.* EXCLUDE (is_last, is_contradicted) REPLACE ('withdraw' AS decision) FROM settled s
ANTI JOIN permitted p ON p.patient_key = s.patient_key AND p.purpose = s.purpose
WHERE NOT s.is_last
"""


def put(connection: duckdb.DuckDBPyConnection, name: str, rows: Rows) -> None:
    """Make the view ``name`` of rows. Arrow is copied into the engine: DuckDB cannot push a join's
    filter into a scan of it, and fails instead."""
    if isinstance(rows, pa.Table):
        connection.register("arrow_rows", rows)
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {name}_rows AS FROM arrow_rows")
        connection.unregister("arrow_rows")
        connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS FROM {name}_rows")
    else:
        rows.create_view(name)


def take_away(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Undo `put`."""
    connection.execute(f"DROP VIEW IF EXISTS {name}; DROP TABLE IF EXISTS {name}_rows")


def settle(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the view `events` of the relation `sent`: what stands of all that was ever sent.

    Beside it the temporary table ``contradicted(record_key)``: records of which nobody can tell
    what their last version says.
    """
    connection.execute(_REVISED_SQL)
    connection.execute(_VERSION_SQL)
    connection.execute(_CONTRADICTED_SQL)
    if _has_rows(connection, "revised"):
        connection.execute(_SETTLED_SQL)
        connection.execute(_STANDING_SQL)
        connection.execute("DROP TABLE settled")
        query = f"SELECT {_SAID} {_UNREVISED} UNION ALL FROM standing"
    else:
        query = f"SELECT {_SAID} FROM sent WHERE decision <> '{SILENCE}'"
    connection.execute(f"CREATE OR REPLACE TEMP VIEW events AS {query}")
    connection.execute("DROP TABLE version")


def _has_rows(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    return connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() is not None
