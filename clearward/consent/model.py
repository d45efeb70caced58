"""The words of consent: decisions, states, reasons and the form of an event.

What a purpose covers belongs to `purposes`, categories and recipients to `scopes`; how events
become a state belongs to `policies`.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import pyarrow as pa

from clearward.errors import ConsentError
from clearward.warehouse import check_month

DECISIONS = {
    "permit": "the patient allows the purpose, within a period",
    "deny": "the patient was asked and refused",
    "withdraw": "the patient takes back what was allowed",
}
# What the ledger notes of a version of a record that says nothing we can keep: it permits nothing
# and refuses nothing, but the version before it has ended. No file can say it in so many words.
SILENCE = "silence"
# In the order in which they explain a no: the most deliberate word first.
STATES = {
    "permitted": "a permit is in force",
    "withdrawn": "a withdrawal stands and no later permit has begun",
    "denied": "a refusal stands and no later permit has begun",
    "came_of_age": "a guardian allowed it for a child who is an adult now and has not been asked",
    "expired": "the deciding permit has run out",
    "guardian_missing": "allowed by a child alone, at an age at which a guardian has to",
    "age_unknown": "no date of birth tells whether the person who allowed it may decide",
    "recipient_not_named": "the law it was given under asks for named recipients; none is named",
    "other_recipient": "allowed for some recipients only, and a release goes to every licensee",
    "other_category": "allowed for other kinds of data only",
    "not_yet_valid": "the only permits begin later, or would have begun after death",
}
REASONS = {
    **{name: text for name, text in STATES.items() if name != "permitted"},
    "other_purpose": "decided about other uses only, none of which opens the gate",
    "only_general_admission": "signed on admission, which covers care, payment and quality only",
    "no_event": "never decided anything",
}
EVENT_SCHEMA = pa.schema(
    [
        ("event_key", pa.string()),
        ("hospital_id", pa.string()),
        ("patient_key", pa.string()),
        ("purpose", pa.string()),
        ("decision", pa.string()),
        ("decided_at", pa.string()),
        ("valid_from", pa.string()),
        ("valid_until", pa.string()),
        ("text_version", pa.string()),
        ("text_sha256", pa.string()),
        ("evidence_sha256", pa.string()),
        ("language", pa.string()),
        ("guardian", pa.bool_()),
        ("month", pa.string()),
        ("file_id", pa.string()),
        ("source_key", pa.string()),
        ("guardian_relation", pa.string()),
        ("guardian_evidence_sha256", pa.string()),
        ("categories", pa.string()),
        ("recipients", pa.string()),
        ("jurisdiction", pa.string()),
        ("record_key", pa.string()),
        ("record_version", pa.string()),
        ("record_updated_at", pa.string()),
        ("record_sha256", pa.string()),
    ]
)
# What may stay empty, and what that says. Files and callers of the first form know none of them.
DETAILS = {
    "source_key": "the hospital gives its decisions no id (else: a pseudonym of it)",
    "guardian_relation": "not stated who the guardian is to the patient, or there is none",
    "guardian_evidence_sha256": "no proof of guardianship was sent",
    "categories": "a permit: every kind of data but genetic; a refusal: every kind",
    "recipients": "whoever may receive data for the purpose",
    "jurisdiction": "the strictest ages of `ages` count",
}
# Of the record an event is a line of, where records have an id and versions; see `records`.
RECORD = {
    "record_key": "the decision stands alone (else: a pseudonym of the record's id)",
    "record_version": "the record's versions have no number or name",
    "record_updated_at": "nobody said when this version was written",
    "record_sha256": "the decision stands alone (else: SHA-256 of all this version says)",
}
# What makes two events one: everything the patient said, nothing about how it reached us.
EVENT_CONTENT = tuple(
    name
    for name in EVENT_SCHEMA.names
    if name not in {"event_key", "month", "file_id", *DETAILS, *RECORD}
)
# Each group joins an event's key only where one of it is given: older events keep their keys.
OPTIONAL_GROUPS = (tuple(DETAILS), tuple(RECORD))
MAY_LACK = frozenset({*DETAILS, *RECORD})


def event_key_sql() -> str:
    """SHA-256 (64 hex characters) over the content of an event, as SQL over its columns."""
    parts = ", ".join(f"coalesce({name}::VARCHAR, '')" for name in EVENT_CONTENT)
    more = " || ".join(_group_sql(group) for group in OPTIONAL_GROUPS)
    return f"sha256(concat_ws('|', {parts}) || {more})"


def _group_sql(names: tuple[str, ...]) -> str:
    texts = [f"coalesce({name}, '')" for name in names]
    return f"if({' || '.join(texts)} = '', '', '|' || concat_ws('|', {', '.join(texts)}))"


def with_details(events: pa.Table) -> pa.Table:
    """Events in the whole form of `EVENT_SCHEMA`; what a caller may leave out is empty."""
    columns = []
    for field in EVENT_SCHEMA:
        if field.name in events.column_names:
            column = events[field.name].cast(field.type)
            columns.append(column.fill_null("") if field.name in MAY_LACK else column)
        elif field.name in MAY_LACK:
            columns.append(pa.repeat(pa.scalar("", pa.string()), events.num_rows))
        else:
            raise ConsentError(
                "Consent events lack a column.",
                seen=f"no {field.name}",
                expected=", ".join(name for name in EVENT_SCHEMA.names if name not in MAY_LACK),
            )
    return pa.table(columns, schema=EVENT_SCHEMA)


def end_of_month(month: str) -> str:
    """Last second of ``YYYY-MM`` in UTC, as the ledger writes times."""
    year, number = (int(part) for part in check_month(month).split("-"))
    return f"{month}-{calendar.monthrange(year, number)[1]:02d}T23:59:59Z"


@contextmanager
def no_values_in_errors(doing: str) -> Iterator[None]:
    """Turn an engine error into a ConsentError without its text: DuckDB quotes values in it."""
    try:
        yield
    except duckdb.Error as error:
        raise ConsentError(
            f"The engine failed while {doing}.",
            seen=type(error).__name__,
            do="check that the files of this step are whole and of this version",
        ) from None
