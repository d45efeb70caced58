"""Where a file of consents speaks against itself, or against what the ledger took earlier.

A line that breaks a form belongs to `lines`. What is counted here is well formed, and a rule of
`policies` decides it: the operator sees how often, so that a mistake of the export shows.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Engine, select

from clearward.consent.ledger import select_events, stream_tables
from clearward.consent.model import EVENT_SCHEMA, no_values_in_errors, with_details
from clearward.consent.records import put, settle
from clearward.errors import ConsentError
from clearward.state.models import ConsentEvent
from clearward.warehouse import check_hospital

CONTRADICTIONS = {
    "same_second": "a permit and a refusal or withdrawal of one second",
    "overlapping_periods": "two permits in force at one time, of which the later counts",
    "permit_after_withdrawal": "a permit given after a withdrawal, which it lifts",
}
RECORDS = "contradicted_records"
RECORDS_TEXT = "of which nobody can tell what the last version says, so that none permits"
_COUNT_SQL = """
WITH said AS (
    SELECT DISTINCT patient_key, purpose, categories, recipients, decision = 'permit' AS is_permit,
           decision = 'withdraw' AS is_end, decided_at, greatest(decided_at, valid_from) AS begins,
           coalesce(valid_until, '9999-12-31T00:00:00Z') AS ends
    FROM events
), placed AS (
    SELECT patient_key, purpose,
           bool_or(is_permit) OVER moment AND bool_or(NOT is_permit) OVER moment AS same_second,
           is_permit AND begins <= max(ends) FILTER (is_permit) OVER before AS overlapping_periods,
           is_permit AND decided_at > min(decided_at) FILTER (is_end) OVER topic
               AS permit_after_withdrawal
    FROM said
    WINDOW topic AS (PARTITION BY patient_key, purpose, categories, recipients),
           moment AS (PARTITION BY patient_key, purpose, categories, recipients, decided_at),
           before AS (PARTITION BY patient_key, purpose, categories, recipients
                      ORDER BY begins, decided_at, ends, is_permit
                      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
)
SELECT {counts} FROM placed
"""


def count_contradictions(events: pa.Table, known: pa.Table | None = None) -> dict[str, int]:
    """Patients' words about one purpose, kinds of data and recipients that contradict each other.

    Args:
        events: of one hospital, form of `model.EVENT_SCHEMA`.
        known: what the ledger holds of the same records (`known_versions`), where it was read.

    Returns:
        For each key of `CONTRADICTIONS` how many (patient, purpose) it concerns, and for `RECORDS`
        how many records.
    """
    counts = ", ".join(
        f"count(DISTINCT (patient_key, purpose)) FILTER ({name})" for name in CONTRADICTIONS
    )
    with duckdb.connect(":memory:") as connection, no_values_in_errors("counting contradictions"):
        earlier = [] if known is None else [known]
        put(connection, "sent", pa.concat_tables([with_details(events), *earlier]))
        settle(connection)
        row = connection.execute(_COUNT_SQL.format(counts=counts)).fetchone() or ()
        records = connection.execute("SELECT count(*) FROM contradicted").fetchone() or (0,)
    return dict(zip((*CONTRADICTIONS, RECORDS), map(int, (*row, *records)), strict=True))


def known_versions(engine: Engine, hospital: str, events: pa.Table) -> pa.Table:
    """What the ledger holds of the records the events belong to; form of `EVENT_SCHEMA`."""
    keys = pa.array([key for key in pc.unique(events["record_key"]).to_pylist() if key])
    if not len(keys):
        return EVENT_SCHEMA.empty_table()
    query = select_events().where(
        ConsentEvent.hospital_id == check_hospital(hospital), ConsentEvent.record_key != ""
    )
    with engine.connect() as connection:
        parts = [
            part.filter(pc.is_in(part["record_key"], value_set=keys))
            for part in stream_tables(connection, query)
        ]
    return pa.concat_tables([EVENT_SCHEMA.empty_table(), *parts])


def check_source_keys(engine: Engine, hospital: str, events: pa.Table) -> None:
    """Raise ConsentError when the hospital gives an id of its own to another decision than before.

    Within one file that is refused by `lines`; here against the ledger. An id whose decisions are
    all known already is the same file sent again. Reads the ids in the ledger only where the
    events carry some.
    """
    if not any(events["source_key"].to_pylist()):
        return
    with duckdb.connect(":memory:") as connection, no_values_in_errors("comparing event ids"):
        connection.register("sent", events.select(["source_key", "event_key"]))
        connection.register("known", _known(engine, check_hospital(hospital)))
        row = connection.execute(
            "SELECT count(DISTINCT source_key) FROM sent SEMI JOIN known USING (source_key)"
            " WHERE source_key <> '' AND event_key NOT IN (SELECT event_key FROM known)"
        ).fetchone()
    if row and row[0]:
        raise ConsentError(
            f"Event ids of {hospital} stand for other decisions than before.",
            seen=f"{row[0]} event_id with another content in the ledger",
            expected="one event_id, one decision, in whatever file it comes",
            do="send the changed decision under an id of its own; nothing was taken",
        )


def _known(engine: Engine, hospital: str) -> pa.Table:
    query = (
        select(ConsentEvent.source_key, ConsentEvent.event_key)
        .where(ConsentEvent.hospital_id == hospital)
        .where(ConsentEvent.source_key != "")
    )
    schema = pa.schema([("source_key", pa.string()), ("event_key", pa.string())])
    with engine.connect() as connection:
        tables = stream_tables(connection, query, schema)
        return pa.concat_tables([schema.empty_table(), *tables])
