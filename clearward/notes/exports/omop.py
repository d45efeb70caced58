"""OMOP CDM 5.4, table NOTE_NLP, as Parquet.

The table has no column for a value, a unit, a side or the end of a span: these go into
`term_modifiers` as ``key=value`` pairs joined by ``;``. `lexical_variant` holds the normalised
value, not the note's own words, which stay in the identified zone. Concept ids are 0, the CDM's "no
matching concept": vocabularies come from the site's own Athena download, and the source code is
among the modifiers.
"""

from __future__ import annotations

import calendar
from pathlib import Path

from clearward.notes.exports.source import findings_sql, new_file
from clearward.settings import Settings
from clearward.warehouse import engine, sql_path

NLP_SYSTEM = "clearward.notes"
_MODIFIERS = {
    "finding": "finding_id", "note": "note_key", "patient": "patient_key",
    "attribute": "attribute", "code": "concept_system || ':' || concept_code",
    "value": "value_num", "low": "value_low", "high": "value_high", "comparator": "comparator",
    "text": "value_text", "unit": "unit_ucum", "laterality": "laterality", "method": "method",
    "negated": "is_negated", "certainty": "certainty", "temporality": "temporality",
    "experiencer": "experiencer", "speaker": "speaker", "section": "section", "end": "span_end",
    "cue": "cue_start || '-' || cue_end", "rule": "rule_id", "pack": "pack_version",
    "confidence": "confidence",
}  # fmt: skip


def export_omop(settings: Settings, folder: Path, *, hospital: str, month: str) -> int:
    """Write ``note_nlp.parquet`` of one hospital and month; returns rows.

    Args:
        settings: where the warehouse is.
        folder: made when it is not there.
        hospital: hospital id.
        month: ``YYYY-MM``; its last day is `nlp_date`: the same findings are the same bytes.

    Raises:
        ConfigError: the partition was never written.
    """
    source = findings_sql(settings, hospital=hospital, month=month)
    year, number = map(int, month.split("-"))
    day = f"DATE '{month}-{calendar.monthrange(year, number)[1]:02d}'"
    target = new_file(folder, "note_nlp.parquet")
    with engine(settings) as connection:
        row = connection.execute(
            f"COPY ({note_nlp_sql(source, day)} ORDER BY note_nlp_id)"
            f" TO '{sql_path(target)}' (FORMAT parquet, COMPRESSION zstd)"
        ).fetchone()
    target.chmod(0o600)  # DuckDB writes another file and renames it
    return int(row[0]) if row else 0


def note_nlp_sql(source: str, day: str) -> str:
    """SELECT of NOTE_NLP, every column of the CDM in its order."""
    pairs = ", ".join(
        f"'{name}=' || replace(CAST({column} AS VARCHAR), ';', ',')"
        for name, column in _MODIFIERS.items()
    )
    exists = "NOT is_negated AND experiencer = 'patient' AND certainty = 'certain'"
    value = "coalesce(value_text, concat_ws(' ', comparator, value_num, unit_ucum))"
    return f"""
        SELECT {_number("finding_id")} AS note_nlp_id,
               {_number("note_key")} AS note_id,
               0 AS section_concept_id,
               NULL::VARCHAR AS snippet,
               CAST(span_start AS VARCHAR) AS "offset",
               left(coalesce(nullif({value}, ''), attribute), 250) AS lexical_variant,
               0 AS note_nlp_concept_id,
               0 AS note_nlp_source_concept_id,
               '{NLP_SYSTEM} ' || engine_version AS nlp_system,
               {day} AS nlp_date,
               CAST({day} AS TIMESTAMP) AS nlp_datetime,
               if({exists}, 'Y', 'N') AS term_exists,
               CASE temporality WHEN 'prior' THEN 'Past' WHEN 'current' THEN 'Present'
                                ELSE 'Future' END AS term_temporal,
               left(concat_ws(';', {pairs}), 2000) AS term_modifiers
        FROM ({source})
    """


def _number(column: str) -> str:
    """A whole number for the CDM's integer keys: 60 bits of the key's SHA-256."""
    return f"CAST('0x' || left(sha256({column}), 15) AS BIGINT)"
