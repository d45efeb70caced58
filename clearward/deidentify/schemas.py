"""Columns of the de-identified zone: the one list the door writes by and is checked against.

What happens to a value belongs to `treatments`. Names here reach dbt, so a change is a change of
the contract in docs/reference/rooms.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from clearward.errors import DeidentifyError
from clearward.sources.spec import (
    TYPES,
    Column,
    SourceSystem,
    Table,
    load_spec,
    source_systems,
)
from clearward.warehouse import Warehouse

LOAD_COLUMNS = {
    "hospital_id": "VARCHAR",
    "month": "VARCHAR",
    "row_key": "VARCHAR",
    "patient_key": "VARCHAR",
    "op": "VARCHAR",
    "file_id": "VARCHAR",
    "source_row": "BIGINT",
}
# In raw and cleared only: a digest of identified content can be guessed against.
LEFT_BEHIND = frozenset({"content_hash"})
SUBJECT_COLUMNS = {
    "hospital_id": "VARCHAR",
    "month": "VARCHAR",
    "patient_key": "VARCHAR",
    "purpose": "VARCHAR",
}
NOTE_COLUMNS = {
    "hospital_id": "VARCHAR",
    "month": "VARCHAR",
    "row_key": "VARCHAR",
    "patient_key": "VARCHAR",
    "encounter_key": "VARCHAR",
    "op": "VARCHAR",
    "written_at": "TIMESTAMP",
    "title": "VARCHAR",
    "lang": "VARCHAR",
    "text": "VARCHAR",
    "note_sha256": "VARCHAR",
    "file_id": "VARCHAR",
    "source_row": "BIGINT",
}
FINDING_COLUMNS = {
    "hospital_id": "VARCHAR",
    "month": "VARCHAR",
    "finding_id": "VARCHAR",
    "note_key": "VARCHAR",
    "patient_key": "VARCHAR",
    "encounter_key": "VARCHAR",
    "recorded_at": "TIMESTAMP",
    "lang": "VARCHAR",
    "attribute": "VARCHAR",
    "concept_code": "VARCHAR",
    "concept_system": "VARCHAR",
    "value_num": "DOUBLE",
    "value_low": "DOUBLE",
    "value_high": "DOUBLE",
    "comparator": "VARCHAR",
    "value_text": "VARCHAR",
    "unit_ucum": "VARCHAR",
    "laterality": "VARCHAR",
    "method": "VARCHAR",
    "is_negated": "BOOLEAN",
    "certainty": "VARCHAR",
    "temporality": "VARCHAR",
    "experiencer": "VARCHAR",
    "speaker": "VARCHAR",
    "section": "VARCHAR",
    "span_start": "BIGINT",
    "span_end": "BIGINT",
    "cue_start": "BIGINT",
    "cue_end": "BIGINT",
    "rule_id": "VARCHAR",
    "pack_version": "VARCHAR",
    "engine_version": "VARCHAR",
    "confidence": "DOUBLE",
    "review_status": "VARCHAR",
    "note_sha256": "VARCHAR",
}
OTHER_ROOMS_TABLES = {"note": NOTE_COLUMNS, "finding": FINDING_COLUMNS}
# Names that may never be a column of a table that this door writes, whatever a spec says.
DIRECT_IDENTIFIERS = frozenset(
    {
        # who
        *("name", "full_name", "first_name", "middle_name", "last_name", "maiden_name"),
        *("patient_name", "contact_name", "doctor_name", "surgeon_name", "employer"),
        # where and when
        *("address", "city", "county", "zip", "state", "province", "birth_place", "birth_date"),
        # numbers
        *("national_id", "ssn", "driver_licence", "passport", "health_card", "mrn"),
        *("phone", "contact_phone", "email", "identifiers", "series_uid", "instance_uid"),
        *("names", "telecoms", "addresses", "contacts"),
        # natural ids that leave under the name of a key only, and free text
        *("patient_id", "encounter_id", "visit_id", "organization_id", "provider_id", "text"),
    }
)
_TREATED_TYPES = {
    "pseudonym": "VARCHAR",
    "birth_year": "BIGINT",
    "region": "VARCHAR",
    "zip3": "VARCHAR",
}
_STAYS = frozenset({"drop", "scrub"})


def passing_columns(table: Table) -> tuple[Column, ...]:
    """Columns of a table that leave, without those the load columns already say."""
    return tuple(
        column
        for column in table.columns
        if column.treatment not in _STAYS and not is_patient_key(table, column)
    )


def is_patient_key(table: Table, column: Column) -> bool:
    """Whether a column is the patient's id, which every row carries as ``patient_key``."""
    return column.name == table.patient and column.output == "patient_key"


def output_schema(table: Table) -> dict[str, str]:
    """Column -> DuckDB type of a de-identified table, in order.

    Raises:
        DeidentifyError: two columns share a name, or one is named as a direct identifier.
    """
    schema = dict(LOAD_COLUMNS)
    for column in passing_columns(table):
        if column.output in schema or column.output in DIRECT_IDENTIFIERS:
            raise DeidentifyError(
                f"The spec of {table.name} names an output column it may not name.",
                seen=column.output,
                expected="a name of its own that names no direct identifier",
                do="change `output` of that column in the spec",
            )
        schema[column.output] = _TREATED_TYPES.get(column.treatment, TYPES[column.type])
    return schema


def pseudonym_columns(table: Table) -> tuple[str, ...]:
    """Output columns that hold nothing but pseudonyms."""
    own = (c.output for c in passing_columns(table) if c.treatment == "pseudonym")
    return ("row_key", "patient_key", *own)


def passing_tables() -> Iterator[tuple[SourceSystem, Table]]:
    """Every table of every system that goes through this door; notes go through their own."""
    for system in map(load_spec, source_systems()):
        for table in system.tables:
            if table.passes and table.name != "notes":
                yield system, table


def zone_schemas() -> dict[str, dict[str, str]]:
    """Table -> columns of the whole de-identified zone."""
    own = {system.warehouse_name(table): output_schema(table) for system, table in passing_tables()}
    return {**own, **OTHER_ROOMS_TABLES, "subject": SUBJECT_COLUMNS}


def schema_partition(warehouse: Warehouse, table: str) -> Path:
    """The empty partition that keeps a table's columns known: ``month=0000-00``, ``_schema``."""
    month = warehouse.partition("deidentified", table, month="0000-00").parent
    return month / "hospital=_schema" / "part.parquet"
