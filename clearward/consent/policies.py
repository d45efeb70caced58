"""The rule that turns events into a state. Pure: events in, states out; no files, no clock.

How events are stored belongs to `registry`; which rows pass belongs to `gate`; the tables the rule
reads are `purposes`, `scopes` and `ages`. The rule stands here in words (``RULES``, which documents
print); the SQL that applies it is in `decision_sql`.
"""

from __future__ import annotations

from typing import Required, TypedDict, Unpack

import duckdb
import pyarrow as pa

from clearward.consent.ages import laws_named
from clearward.consent.decision_sql import (
    MINGLED_SQL,
    heard_sql,
    long_way_sql,
    person_sql,
    short_way_sql,
)
from clearward.consent.model import no_values_in_errors, with_details
from clearward.consent.purposes import check_use
from clearward.consent.records import RECORD_RULES, Rows, put, settle, take_away
from clearward.consent.scopes import Scope, coverage

RULES = {
    "default": "Without an event about a use, the use is not permitted.",
    "latest": "The latest word decides, and of one second the more precise, then the stricter.",
    "precision": "A no is lifted only by a yes that was given later and speaks at least as "
    "precisely about purpose, categories and recipients: a general yes leaves an earlier "
    "particular no standing, a general no ends every earlier yes it covers.",
    "withdrawal": "A withdrawal beats every permit that was not given later, in whatever order "
    "they arrive, and never runs out.",
    "refusal": "A refusal does not run out either; only a later permit in force lifts it, and when "
    "that permit ends, the refusal stands again.",
    "period": "A permit speaks from the later of decided_at and valid_from up to and including "
    "valid_until. One that has not begun says nothing yet, so it hides no older permit; one that "
    "has begun replaces the older ones, and of one second the shorter counts.",
    "late word": "A refusal or withdrawal counts as soon as it is known, even when it is dated "
    "after the moment asked about; a permit never does.",
    "death": "A permit in force on the day of death stays in force; one that had not begun by "
    "then never does; relatives may still refuse or withdraw.",
    "minors": "A child below the age of the jurisdiction cannot permit alone, not even for later: "
    "the permit never counts. Without a date of birth nobody's permit counts, except that of a "
    "representative of an adult.",
    "guardian": "A guardian's permit for a child ends the second before the birthday on which the "
    "patient comes of age; the patient has to be asked then. That of an adult's representative "
    "ends with its own period.",
    "categories": "A permit covers the kinds of data it names, or all but genetic where it names "
    "none. Without structured data nothing of a patient passes.",
    "recipients": "A release goes to every licensee, so a permit has to cover their whole class, "
    "and a refusal of one recipient keeps the patient out.",
    "recipients named": "Where the jurisdiction asks for it, a permit that names neither "
    "recipients nor a class of them does not count.",
    **RECORD_RULES,
}
NOBODY = pa.schema(
    [("patient_key", pa.string()), ("born_on", pa.string()), ("died_on", pa.string())]
).empty_table()


def decide(
    connection: duckdb.DuckDBPyConnection, events: Rows, *, as_of: str, people: Rows = NOBODY
) -> None:
    """Make the temporary table ``consent_state(patient_key, purpose, state, categories)``.

    ``state`` is about structured data; ``categories`` lists, joined by a space, the kinds of data
    permitted with it, and is empty unless ``state`` is ``permitted``.

    Beside it ``contradicted(record_key)``: records whose last version nobody can tell.

    Args:
        connection: where the table is made; it holds one row per patient and use decided about.
        events: form of `model.EVENT_SCHEMA`, of one hospital or with keys unique across them.
        as_of: the moment asked about, ``YYYY-MM-DDTHH:MM:SSZ``.
        people: ``patient_key, born_on, died_on`` (``YYYY-MM-DD`` or null), at most one row per
            patient. Who is not in it has no known age, so no permit of theirs counts.
    """
    table = with_details(events) if isinstance(events, pa.Table) else events
    with no_values_in_errors("deciding consent"):
        put(connection, "sent", table)
        put(connection, "people", people)
        settle(connection)
        connection.execute(MINGLED_SQL)
        named = connection.execute("SELECT DISTINCT jurisdiction FROM events").fetchall()
        laws = laws_named(name for (name,) in named)
        for statement in (person_sql(laws), short_way_sql(laws), heard_sql(laws)):
            connection.execute(statement, {"as_of": as_of})
        _go_the_long_way(connection)
        for name in ("heard", "person", "mingled", "revised", "standing"):
            connection.execute(f"DROP TABLE IF EXISTS {name}")
        for name in ("events", "sent", "people"):
            take_away(connection, name)


def _go_the_long_way(connection: duckdb.DuckDBPyConnection) -> None:
    """Add the states of the patients in `heard`."""
    found = connection.execute(
        "SELECT DISTINCT purpose, categories, recipients, is_particular FROM heard ORDER BY ALL"
    ).fetchall()
    for in_detail, name in ((False, "plain_coverage"), (True, "particular_coverage")):
        scopes = [Scope(*scope) for *scope, is_particular in found if is_particular == in_detail]
        if scopes:
            covered = coverage(scopes, in_detail=in_detail)
            connection.register(name, covered)
            codes = sorted(set(covered["code"].to_pylist()))
            connection.execute(long_way_sql(codes, in_detail=in_detail))
            connection.unregister(name)


class Asked(TypedDict, total=False):
    """What is asked about a patient: use and moment (``YYYY-MM-DDTHH:MM:SSZ``), and what is known
    of the person, dates as ``YYYY-MM-DD``. None: no date of birth, or alive."""

    use: Required[str]
    as_of: Required[str]
    born_on: Required[str | None]
    died_on: str | None


def read_state(events: pa.Table, patient_key: str, **asked: Unpack[Asked]) -> str:
    """A key of `model.STATES`, or ``no_event``."""
    use = check_use(asked["use"])
    dates = {"born_on": asked["born_on"], "died_on": asked.get("died_on")}
    people = pa.Table.from_pylist([{"patient_key": patient_key, **dates}], schema=NOBODY.schema)
    with duckdb.connect(":memory:") as connection:
        decide(connection, events, as_of=asked["as_of"], people=people)
        found = connection.execute(
            "SELECT state FROM consent_state WHERE patient_key = ? AND purpose = ?",
            [patient_key, use],
        ).fetchone()
    return str(found[0]) if found else "no_event"
