"""The words of consent: decisions, states, reasons and the form of an event.

What a purpose covers belongs to `purposes`; how events become a state belongs to `policies`.
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
STATES = {
    "permitted": "a permit is in force",
    "withdrawn": "a withdrawal stands and no later permit has begun",
    "denied": "a refusal stands and no later permit has begun",
    "expired": "the deciding permit has run out",
    "not_yet_valid": "the only permits begin later, or would have begun after death",
}
# In the order in which they explain why a patient is held: the most deliberate word first.
REASONS = {
    "withdrawn": STATES["withdrawn"],
    "denied": STATES["denied"],
    "expired": STATES["expired"],
    "not_yet_valid": STATES["not_yet_valid"],
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
    ]
)
# What makes two events one: everything the patient said, nothing about how it reached us.
EVENT_CONTENT = tuple(
    name for name in EVENT_SCHEMA.names if name not in {"event_key", "month", "file_id"}
)


def event_key_sql() -> str:
    """SHA-256 (64 hex characters) over the content of an event, as SQL over its columns."""
    parts = ", ".join(f"coalesce({name}::VARCHAR, '')" for name in EVENT_CONTENT)
    return f"sha256(concat_ws('|', {parts}))"


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
