"""What a line of a consent file must be, and how lines become events. Shared by every format: the
readers give all columns as text, the rules here refuse a file or let it pass whole.

A new rule about a file is one entry in `RULES`; contradictions that a rule of the ledger answers
instead of refusing are counted in `contradictions`.
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb
import pyarrow as pa

from clearward.consent.ages import JURISDICTIONS, RELATIONS
from clearward.consent.model import DECISIONS, EVENT_SCHEMA, SILENCE, event_key_sql
from clearward.consent.purposes import PURPOSES
from clearward.consent.scopes import CATEGORIES, RECIPIENT_CLASSES
from clearward.errors import ConsentError

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
OPTIONAL = {
    "event_id": "the hospital's own id of the decision",
    "guardian_relation": "who the guardian is: " + ", ".join(name for name in RELATIONS if name),
    "guardian_evidence_sha256": "SHA-256 of the proof of guardianship",
    "categories": "kinds of data, joined by a space: " + ", ".join(CATEGORIES),
    "recipients": "classes or `class:Name`, joined by `;`: " + ", ".join(RECIPIENT_CLASSES),
    "jurisdiction": "law it was given under: " + ", ".join(name for name in JURISDICTIONS if name),
    "record_id": "the record this line belongs to; a later version of it replaces this one whole",
    "record_version": "number or name of the record's version; whole numbers have an order",
    "record_updated_at": "when the version was written, ISO 8601 with time",
}
LINE_SCHEMA = pa.schema([(name, pa.string()) for name in (*COLUMNS, *OPTIONAL)])
_TIME = r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?"
_MOST_SHOWN = 5
# Lines of one saying are one delivery of one version of a record. A FHIR file numbers them by
# resource; all lines that a CSV file has of a version are one.
SAYING = "saying"
NUMBERED_SCHEMA = LINE_SCHEMA.append(pa.field("line_number", pa.int64())).append(
    pa.field(SAYING, pa.int64())
)
_GUARDIANS = ("", "0", "1", "false", "true")


def _quoted(words: object) -> str:
    return ", ".join(f"'{word}'" for word in words)  # type: ignore[attr-defined]


def _bad_time(column: str) -> str:
    return (
        f"{column} <> '' AND (NOT regexp_full_match({column}, '{_TIME}')"
        f" OR try_cast({column} AS TIMESTAMPTZ) IS NULL)"
    )


def _no_hash(column: str) -> str:
    return f"{column} <> '' AND NOT regexp_full_match({column}, '[0-9a-fA-F]{{64}}')"


# Only a reader of resources may note that a version says nothing; a line of CSV cannot.
_IS_SILENT = f"(decision = '{SILENCE}' AND {SAYING} > 0)"
_REFUSED_ONLY = [name for name, purpose in PURPOSES.items() if not purpose.may_permit]
_KIN = [name for name, relation in RELATIONS.items() if not relation.may_permit]
_ADULTS = [name for name, r in RELATIONS.items() if r.may_permit and not r.ends_of_age]
_PART = rf"\s*({'|'.join(RECIPIENT_CLASSES)})(:[^;|:*]{{1,100}})?\s*"
# What is wrong -> the condition that finds it. Conditions see trimmed text, never null.
RULES: Mapping[str, str] = {
    "patient_id is empty": f"patient_id = '' AND NOT {_IS_SILENT}",
    "unknown purpose": f"purpose NOT IN ({_quoted(PURPOSES)})",
    "unknown decision": f"decision NOT IN ({_quoted(DECISIONS)}) AND NOT {_IS_SILENT}",
    "this purpose can be refused only, not permitted": "decision = 'permit' AND purpose IN "
    f"({_quoted(_REFUSED_ONLY)})",
    "decided_at is empty": "decided_at = ''",
    "decided_at is not an ISO 8601 date or time": _bad_time("decided_at"),
    "decided_at lies in the future": "decided_moment > $taken_at::TIMESTAMP + INTERVAL '1 day'",
    "decided_at lies before 1900": "decided_moment < TIMESTAMP '1900-01-01'",
    "valid_from is not an ISO 8601 date or time": _bad_time("valid_from"),
    "valid_until is not an ISO 8601 date or time": _bad_time("valid_until"),
    "valid_until lies before valid_from": "until_at < from_at",
    "a permit needs text_version": "decision = 'permit' AND text_version = ''",
    "a permit needs text_sha256": "decision = 'permit' AND text_sha256 = ''",
    "a permit needs evidence_sha256": "decision = 'permit' AND evidence_sha256 = ''",
    "text_sha256 is not 64 hex characters": _no_hash("text_sha256"),
    "evidence_sha256 is not 64 hex characters": _no_hash("evidence_sha256"),
    "guardian_evidence_sha256 is not 64 hex characters": _no_hash("guardian_evidence_sha256"),
    "text_version is longer than 64 or holds |": "length(text_version) > 64"
    " OR contains(text_version, '|')",
    "language is not a tag such as en or zh-CN": "NOT regexp_full_match(language, "
    "'[A-Za-z0-9-]{0,16}')",
    "guardian is not true or false": f"lower(guardian) NOT IN ({_quoted(_GUARDIANS)})",
    "unknown guardian_relation": f"guardian_relation NOT IN ({_quoted(RELATIONS)})",
    "guardian_relation without a guardian": "guardian_relation <> '' AND NOT is_guardian",
    "this guardian may refuse only, not permit": "decision = 'permit' AND guardian_relation IN "
    f"({_quoted(_KIN)})",
    "a permit for an adult needs guardian_evidence_sha256": "decision = 'permit' AND"
    f" guardian_relation IN ({_quoted(_ADULTS)}) AND guardian_evidence_sha256 = ''",
    "unknown category of data": "categories <> '' AND NOT regexp_full_match(categories, "
    f"'({'|'.join(CATEGORIES)})( +({'|'.join(CATEGORIES)}))*')",
    "recipients are not classes or class:Name": "recipients <> '' AND (length(recipients) > 512"
    f" OR NOT regexp_full_match(recipients, '{_PART}(;{_PART})*'))",
    "unknown jurisdiction": f"jurisdiction NOT IN ({_quoted(JURISDICTIONS)})",
    "record_id is longer than 256": "length(record_id) > 256",
    "record_version is not 1 to 64 letters, digits, - or .": "record_version <> ''"
    " AND NOT regexp_full_match(record_version, '[A-Za-z0-9.-]{1,64}')",
    "record_updated_at is not an ISO 8601 time": _bad_time("record_updated_at")
    + " OR length(record_updated_at) = 10",
    "record_updated_at lies in the future": "try_cast(record_updated_at AS TIMESTAMPTZ)::TIMESTAMP"
    " > $taken_at::TIMESTAMP + INTERVAL '1 day'",
    "record_version or record_updated_at without record_id": "record_id = ''"
    " AND record_version || record_updated_at <> ''",
    "one event_id stands for two decisions": "event_id <> '' AND event_id IN (SELECT event_id FROM"
    " line GROUP BY event_id HAVING count(DISTINCT said) > 1)",
    "one text_version has two text_sha256 in a language": "text_sha256 <> '' AND (text_version,"
    " language) IN (SELECT (text_version, language) FROM line WHERE text_sha256 <> ''"
    " GROUP BY text_version, language HAVING count(DISTINCT lower(text_sha256)) > 1)",
}
_ALL = (*COLUMNS, *OPTIONAL)
TRIMMED_SQL = f"""
CREATE TEMP TABLE line AS
WITH trimmed AS (
    SELECT line_number, {SAYING}, {", ".join(f"trim({name}) AS {name}" for name in _ALL)}
    FROM numbered
), moments AS (
    SELECT *, lower(guardian) IN ('1', 'true') AS is_guardian,
           try_cast(decided_at AS TIMESTAMPTZ)::TIMESTAMP
                  + if(length(decided_at) = 10 AND decision <> 'permit',
                       INTERVAL '86399 seconds', INTERVAL '0 seconds') AS decided_moment,
           coalesce(try_cast(valid_from AS TIMESTAMPTZ)::TIMESTAMP, decided_moment) AS from_at,
           try_cast(valid_until AS TIMESTAMPTZ)::TIMESTAMP
                  + if(length(valid_until) = 10,
                       INTERVAL '86399 seconds', INTERVAL '0 seconds') AS until_at,
           concat_ws('|', {", ".join(name for name in _ALL)}) AS said
    FROM trimmed
)
SELECT * FROM moments
"""
_STAMP = "strftime({}, '%Y-%m-%dT%H:%M:%SZ')"
_SORTED = "list_aggregate(list_sort(list_distinct({})), 'string_agg', '{}')"
_RECIPIENTS = _SORTED.format(
    "list_transform(string_split(recipients, ';'), lambda part: trim(part))", ";"
)
_CATEGORIES = _SORTED.format(r"regexp_split_to_array(categories, ' +')", " ")
# What a version of a record says; not how it was proved, nor under which id of the hospital.
_SAID = (
    *("patient_key", "purpose", "decision", "decided_at", "valid_from", "valid_until"),
    *("text_version", "text_sha256", "language", "guardian", "guardian_relation"),
    *("guardian_evidence_sha256", "categories", "recipients", "jurisdiction"),
)
_TEXTS = ", ".join(f"coalesce({name}::VARCHAR, '')" for name in _SAID)
_SAID_SQL = f"concat_ws('|', {_TEXTS})"
_RECORD = "record_key, record_version, record_updated_at"
EVENTS_SQL = f"""
WITH event AS (
    SELECT line_number, {SAYING}, '{{hospital}}' AS hospital_id,
           if(patient_id = '', '', row_key_of('{{hospital}}|patients|' || patient_id))
               AS patient_key,
           purpose, decision, {_STAMP.format("decided_moment")} AS decided_at,
           {_STAMP.format("from_at")} AS valid_from, {_STAMP.format("until_at")} AS valid_until,
           text_version, lower(text_sha256) AS text_sha256,
           lower(evidence_sha256) AS evidence_sha256, language, is_guardian AS guardian,
           '{{month}}' AS month, '{{file_id}}' AS file_id,
           if(event_id = '', '', row_key_of('{{hospital}}|consents|' || event_id)) AS source_key,
           guardian_relation, lower(guardian_evidence_sha256) AS guardian_evidence_sha256,
           if(categories = '', '', {_CATEGORIES}) AS categories,
           if(recipients = '', '', {_RECIPIENTS}) AS recipients, jurisdiction,
           if(record_id = '', '', row_key_of('{{hospital}}|records|' || record_id)) AS record_key,
           record_version, coalesce(strftime(try_cast(record_updated_at AS TIMESTAMPTZ)::TIMESTAMP,
                                    '%Y-%m-%dT%H:%M:%S.%fZ'), '') AS record_updated_at
    FROM line
), record AS (
    SELECT {SAYING}, {_RECORD},
           sha256(string_agg(DISTINCT {_SAID_SQL}, chr(10) ORDER BY {_SAID_SQL})) AS record_sha256
    FROM event WHERE record_key <> '' GROUP BY ALL
), whole AS (
    SELECT e.*, coalesce(r.record_sha256, '') AS record_sha256
    FROM event e LEFT JOIN record r USING ({SAYING}, {_RECORD})
), keyed AS (SELECT {event_key_sql()} AS event_key, * FROM whole)
SELECT {", ".join(EVENT_SCHEMA.names)} FROM keyed ORDER BY line_number
"""


def check_lines(
    connection: duckdb.DuckDBPyConnection, file: str, *, taken_at: str, unit: str
) -> None:
    """Raise ConsentError with the first lines of every broken rule, or return."""
    each = " UNION ALL ".join(
        f"SELECT '{rule}' AS rule, count(*) AS n, min(line_number) AS first FROM line"
        f" WHERE {condition}"
        for rule, condition in RULES.items()
    )
    broken = connection.execute(
        f"SELECT rule, n, first FROM ({each}) WHERE n > 0 ORDER BY first, rule",
        {"taken_at": taken_at},
    ).fetchall()
    if broken:
        shown = [f"{unit} {first}: {rule} ({n} {unit}s)" for rule, n, first in broken[:_MOST_SHOWN]]
        raise ConsentError(
            f"{file} is refused: {len(broken)} rules are broken.",
            seen="; ".join(shown),
            expected=f"every {unit} as in docs/reference/consent.md",
            do="mend the file and send the extract again; nothing of it was taken",
        )
