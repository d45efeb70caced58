"""The rule that turns events into a state. Pure: events in, states out; no files, no clock.

How events are stored belongs to `registry`; which rows pass belongs to `gate`. The rule stands
here twice, in words (``RULES``, which documents may print) and as one SQL statement.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from clearward.consent.model import no_values_in_errors
from clearward.consent.purposes import check_use, coverage
from clearward.errors import ConsentError

RULES = {
    "default": "Without an event about a use, the use is not permitted.",
    "latest": "The latest word decides; at the same second the more specific, then the stricter.",
    "withdrawal": "A withdrawal beats every permit that was not given later, in whatever order "
    "they arrive, and never runs out.",
    "refusal": "A refusal does not run out either; only a later permit that has begun lifts it.",
    "period": "A permit speaks from the later of decided_at and valid_from up to and including "
    "valid_until. One that has not begun says nothing yet, so it hides no older permit.",
    "late word": "A refusal or withdrawal counts as soon as it is known, even when it is dated "
    "after the moment asked about; a permit never does.",
    "death": "A permit in force on the day of death stays in force; one that had not begun by "
    "then never does; relatives may still refuse or withdraw.",
    "guardian": "A guardian's permit for a minor counts as the patient's own until the patient "
    "decides otherwise; the hospital vouches for age and guardianship, which are not checked here.",
}

# One pass: each event speaks about the uses it covers, and the last words of a patient about a use
# make the state. `permit_rank` orders permits by time, and of the same second the shorter first.
DECIDE_SQL = """
WITH heard AS (
    SELECT e.patient_key, e.purpose, e.decision,
           e.decided_at::TIMESTAMP AS decided_at,
           e.valid_from::TIMESTAMP AS valid_from,
           coalesce(e.valid_until::TIMESTAMP, TIMESTAMP '9999-12-31') AS valid_until,
           least($as_of::TIMESTAMP, d.died_on::TIMESTAMP + INTERVAL '86399 seconds') AS asked_at
    FROM events e LEFT JOIN deaths d ON d.patient_key = e.patient_key
), ranked AS (
    SELECT *, decision = 'permit' AND greatest(decided_at, valid_from) <= asked_at AS has_begun,
           epoch(decided_at)::HUGEINT * 1000000000000 - epoch(valid_until)::HUGEINT AS permit_rank
    FROM heard
), last_words AS (
    SELECT r.patient_key, c.use AS purpose, min(r.asked_at) AS asked_at,
           max(r.decided_at) FILTER (r.decision = 'withdraw') AS withdrawn_at,
           max(r.decided_at) FILTER (r.decision = 'deny' AND c.is_exact) AS denied_at,
           max(r.decided_at) FILTER (r.decision = 'deny' AND NOT c.is_exact) AS denied_broadly_at,
           max(r.decided_at) FILTER (r.has_begun) AS permitted_at,
           arg_max(r.valid_until, r.permit_rank) FILTER (r.has_begun) AS valid_until
    FROM ranked r
    JOIN coverage c ON c.purpose = r.purpose AND (c.may_permit OR r.decision <> 'permit')
    GROUP BY r.patient_key, c.use
)
SELECT patient_key, purpose,
       CASE WHEN permitted_at > coalesce(withdrawn_at, TIMESTAMP '0001-01-01')
                 AND permitted_at > coalesce(denied_at, TIMESTAMP '0001-01-01')
                 AND permitted_at >= coalesce(denied_broadly_at, TIMESTAMP '0001-01-01')
            THEN if(valid_until < asked_at, 'expired', 'permitted')
            WHEN withdrawn_at IS NOT NULL THEN 'withdrawn'
            WHEN coalesce(denied_at, denied_broadly_at) IS NOT NULL THEN 'denied'
            ELSE 'not_yet_valid' END AS state
FROM last_words
"""
NO_DEATHS = pa.schema([("patient_key", pa.string()), ("died_on", pa.string())]).empty_table()


def decide(
    connection: duckdb.DuckDBPyConnection,
    events: pa.Table | duckdb.DuckDBPyRelation,
    *,
    as_of: str,
    deaths: pa.Table | duckdb.DuckDBPyRelation = NO_DEATHS,
) -> None:
    """Make the temporary table ``consent_state(patient_key, purpose, state)``.

    Args:
        connection: where the table is made; it holds one row per patient and use decided about.
        events: columns of `model.EVENT_SCHEMA`, of one hospital or with keys unique across them.
        as_of: the moment asked about, ``YYYY-MM-DDTHH:MM:SSZ``.
        deaths: ``patient_key, died_on`` (``YYYY-MM-DD``), at most one row per patient.
    """
    with no_values_in_errors("deciding consent"):
        connection.register("events", events)
        connection.register("deaths", deaths)
        connection.register("coverage", coverage())
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE consent_state AS {DECIDE_SQL}", {"as_of": as_of}
        )
        for name in ("events", "deaths", "coverage"):
            connection.unregister(name)


def may_use(
    events: pa.Table, patient_key: str, *, use: str, as_of: str, died_on: str | None = None
) -> bool:
    """Whether one patient's data may be put to a use at a moment; False without an event."""
    return _state(events, patient_key, use=use, as_of=as_of, died_on=died_on) == "permitted"


def check_may_use(
    events: pa.Table, patient_key: str, *, use: str, as_of: str, died_on: str | None = None
) -> None:
    """Raise ConsentError unless `may_use` is true; the message names the key and the reason."""
    state = _state(events, patient_key, use=use, as_of=as_of, died_on=died_on)
    if state != "permitted":
        raise ConsentError(
            f"No consent of patient {patient_key} for {use} at {as_of}.",
            seen=state,
            expected="permitted",
            do="leave the patient out",
        )


def _state(events: pa.Table, patient_key: str, *, use: str, as_of: str, died_on: str | None) -> str:
    check_use(use)
    rows = [{"patient_key": patient_key, "died_on": died_on}] if died_on else []
    deaths = pa.Table.from_pylist(rows, schema=NO_DEATHS.schema)
    with duckdb.connect(":memory:") as connection:
        decide(connection, events, as_of=as_of, deaths=deaths)
        found = connection.execute(
            "SELECT state FROM consent_state WHERE patient_key = ? AND purpose = ?",
            [patient_key, use],
        ).fetchone()
    return str(found[0]) if found else "no_event"
