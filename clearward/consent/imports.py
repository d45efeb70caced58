"""Reading `consents.csv` of an extract into events. A file is taken whole or refused whole.

The form of the file is in docs/reference/rooms.md; a new rule about it is one entry in `_RULES`.
Patients' natural ids end here: events carry `patient_key` only.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import duckdb
import pyarrow as pa
from pyarrow import csv

from clearward.consent.model import (
    DECISIONS,
    EVENT_SCHEMA,
    event_key_sql,
    no_values_in_errors,
)
from clearward.consent.purposes import PURPOSES
from clearward.errors import ConsentError
from clearward.keyring import Keyring, install_hmac
from clearward.warehouse import check_hospital, check_month

FILE_NAMES = ("consents.csv", "consents.csv.gz")
COLUMNS = (
    "patient_id",
    "purpose",
    "decision",
    "decided_at",
    "valid_from",
    "valid_until",
    "text_version",
    "text_sha256",
    "evidence_sha256",
    "language",
    "guardian",
)
_TIME = r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?"
_MOST_SHOWN = 5


def _quoted(words: dict[str, object]) -> str:
    return ", ".join(f"'{word}'" for word in sorted(words))


def _bad_time(column: str) -> str:
    return (
        f"{column} <> '' AND (NOT regexp_full_match({column}, '{_TIME}')"
        f" OR try_cast({column} AS TIMESTAMPTZ) IS NULL)"
    )


_HASH = "regexp_full_match({}, '[0-9a-fA-F]{{64}}')"
_GUARDIANS = {"": "false", "0": "false", "1": "true", "false": "false", "true": "true"}
# What is wrong -> the condition that finds it. Conditions see trimmed text, never null.
_RULES = {
    "patient_id is empty": "patient_id = ''",
    "unknown purpose": f"purpose NOT IN ({_quoted(dict(PURPOSES))})",
    "unknown decision": f"decision NOT IN ({_quoted(dict(DECISIONS))})",
    "this purpose can be refused only, not permitted": "decision = 'permit' AND purpose IN "
    f"({_quoted({name: 1 for name, purpose in PURPOSES.items() if not purpose.may_permit})})",
    "decided_at is empty": "decided_at = ''",
    "decided_at is not an ISO 8601 date or time": _bad_time("decided_at"),
    "valid_from is not an ISO 8601 date or time": _bad_time("valid_from"),
    "valid_until is not an ISO 8601 date or time": _bad_time("valid_until"),
    "valid_until lies before valid_from": "until_at < from_at",
    "a permit needs text_version": "decision = 'permit' AND text_version = ''",
    "a permit needs text_sha256": "decision = 'permit' AND text_sha256 = ''",
    "a permit needs evidence_sha256": "decision = 'permit' AND evidence_sha256 = ''",
    "text_sha256 is not 64 hex characters": f"text_sha256 <> '' AND NOT {_HASH}".format(
        "text_sha256"
    ),
    "evidence_sha256 is not 64 hex characters": f"evidence_sha256 <> '' AND NOT {_HASH}".format(
        "evidence_sha256"
    ),
    "text_version is longer than 64": "length(text_version) > 64",
    "language is not a tag such as en or zh-CN": "NOT regexp_full_match(language, "
    "'[A-Za-z0-9-]{0,16}')",
    "guardian is not true or false": f"lower(guardian) NOT IN ({_quoted(dict(_GUARDIANS))})",
}


def read_consents(extract_folder: Path, *, hospital: str, month: str, keyring: Keyring) -> pa.Table:
    """Events of an extract's `consents.csv` (or `.csv.gz`), in the form of `EVENT_SCHEMA`.

    A date without a time means its first second for a permit and its last second for a refusal
    or a withdrawal, and the last second of `valid_until`: a patient who allowed and refused on
    one day has refused. Times without an offset are UTC.

    Returns:
        One row per line, in the order of the file; no row when the extract has no such file,
        which permits nothing.

    Raises:
        ConsentError: any line breaks a rule; the message names lines and rules, no value.
    """
    check_hospital(hospital)
    check_month(month)
    found = [extract_folder / name for name in FILE_NAMES if (extract_folder / name).is_file()]
    if not found:
        return EVENT_SCHEMA.empty_table()
    if len(found) > 1:
        raise ConsentError(
            "The extract holds its consents twice.",
            seen=" and ".join(path.name for path in found),
            do="send one of them",
        )
    text = _read_text(found[0])
    file_id = hashlib.sha256(found[0].read_bytes()).hexdigest()[:12]
    with duckdb.connect(":memory:") as connection, no_values_in_errors("reading consents"):
        connection.execute("SET TimeZone = 'UTC'")
        install_hmac(connection, "row_key_of", keyring.key("row"))
        connection.register("lines", text)
        connection.execute(_TRIMMED_SQL)
        _check_lines(connection, found[0].name)
        query = _EVENTS_SQL.format(hospital=hospital, month=month, file_id=file_id)
        return connection.sql(query).to_arrow_table().cast(EVENT_SCHEMA)


def _read_text(path: Path) -> pa.Table:
    """All columns as text. The parser's own errors quote lines, so they are not passed on."""
    try:
        options = csv.ConvertOptions(
            column_types={name: pa.string() for name in COLUMNS}, strings_can_be_null=False
        )
        table = csv.read_csv(path, convert_options=options)
    except (pa.ArrowInvalid, pa.ArrowKeyError, OSError) as error:
        raise ConsentError(
            f"{path.name} is not a UTF-8 CSV with the same number of cells in every line.",
            seen=type(error).__name__,
            expected=f"a header and {len(COLUMNS)} cells a line",
            do="mend the file and send the extract again",
        ) from None
    names = [name.strip() for name in table.column_names]
    if sorted(names) != sorted(COLUMNS):
        raise ConsentError(
            f"{path.name} has other columns than agreed.",
            seen=f"{len(names)} columns, without {sorted(set(COLUMNS) - set(names))}",
            expected=", ".join(COLUMNS),
            do="mend the header and send the extract again",
        )
    return table.rename_columns(names)


_TRIMMED_SQL = f"""
CREATE TEMP TABLE line AS
WITH trimmed AS (
    SELECT row_number() OVER () + 1 AS line_number,
           {", ".join(f"trim({name}) AS {name}" for name in COLUMNS)}
    FROM lines
), moments AS (
    SELECT *, try_cast(decided_at AS TIMESTAMPTZ)::TIMESTAMP
                  + if(length(decided_at) = 10 AND decision <> 'permit',
                       INTERVAL '86399 seconds', INTERVAL '0 seconds') AS decided_moment,
           coalesce(try_cast(valid_from AS TIMESTAMPTZ)::TIMESTAMP, decided_moment) AS from_at,
           try_cast(valid_until AS TIMESTAMPTZ)::TIMESTAMP
                  + if(length(valid_until) = 10,
                       INTERVAL '86399 seconds', INTERVAL '0 seconds') AS until_at
    FROM trimmed
)
SELECT * FROM moments
"""
_STAMP = "strftime({}, '%Y-%m-%dT%H:%M:%SZ')"
_EVENTS_SQL = f"""
WITH event AS (
    SELECT line_number, '{{hospital}}' AS hospital_id,
           row_key_of('{{hospital}}|patients|' || patient_id) AS patient_key,
           purpose, decision, {_STAMP.format("decided_moment")} AS decided_at,
           {_STAMP.format("from_at")} AS valid_from, {_STAMP.format("until_at")} AS valid_until,
           text_version, lower(text_sha256) AS text_sha256,
           lower(evidence_sha256) AS evidence_sha256, language,
           lower(guardian) IN ('1', 'true') AS guardian,
           '{{month}}' AS month, '{{file_id}}' AS file_id
    FROM line
)
SELECT {event_key_sql()} AS event_key, * EXCLUDE (line_number) FROM event ORDER BY line_number
"""


def _check_lines(connection: duckdb.DuckDBPyConnection, file: str) -> None:
    """Raise with the first lines of every broken rule, or return."""
    each = " UNION ALL ".join(
        f"SELECT '{rule}' AS rule, count(*) AS n, min(line_number) AS first FROM line"
        f" WHERE {condition}"
        for rule, condition in _RULES.items()
    )
    broken = connection.execute(
        f"SELECT rule, n, first FROM ({each}) WHERE n > 0 ORDER BY first, rule"
    ).fetchall()
    if broken:
        shown = [f"line {first}: {rule} ({n} lines)" for rule, n, first in broken[:_MOST_SHOWN]]
        raise ConsentError(
            f"{file} is refused: {len(broken)} rules are broken.",
            seen="; ".join(shown),
            expected="every line as in docs/reference/rooms.md",
            do="mend the file and send the extract again; nothing of it was taken",
        )
