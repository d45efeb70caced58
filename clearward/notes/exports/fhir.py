"""FHIR R4 (4.0.1) bulk NDJSON: Observation for what was measured, Condition for what was named.

A FHIR Observation or Condition speaks of its subject as it is or was. Relatives' values, aims and
plans have resources of their own (FamilyMemberHistory, Goal, ServiceRequest) that a span cannot
fill, and a denied value is no observation: these rows are left out and counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import duckdb

from clearward.notes.exports.source import findings_sql, new_file
from clearward.settings import Settings
from clearward.warehouse import engine

SYSTEMS: Mapping[str, str] = MappingProxyType(
    {
        "LOINC": "http://loinc.org",
        "SNOMED": "http://snomed.info/sct",
        "ICD10CM": "http://hl7.org/fhir/sid/icd-10-cm",
        "ICD-10-CM": "http://hl7.org/fhir/sid/icd-10-cm",
        "ICD10": "http://hl7.org/fhir/sid/icd-10",
        "ICD-10": "http://hl7.org/fhir/sid/icd-10",
    }
)
# SNOMED CT: right eye, left eye, both eyes
EYES = {"OD": "18944008", "OS": "8966001", "OU": "40638003"}
_STATUS = "http://terminology.hl7.org/CodeSystem/"
_UCUM = "http://unitsofmeasure.org"
_IS_CONDITION = "(value_num IS NULL AND concept_system NOT IN ('LOINC'))"
_LEFT_OUT = """CASE WHEN experiencer <> 'patient' THEN 'left_out_relative'
    WHEN temporality IN ('target', 'planned') THEN 'left_out_' || temporality
    WHEN is_negated AND NOT is_condition THEN 'left_out_denied'
    WHEN concept_code IS NULL THEN 'left_out_without_code'
    WHEN is_condition THEN 'Condition' ELSE 'Observation' END"""


def export_fhir(settings: Settings, folder: Path, *, hospital: str, month: str) -> dict[str, int]:
    """Write ``Observation.ndjson`` and ``Condition.ndjson``; returns resources and rows left out.

    Args:
        settings: where the warehouse is.
        folder: made when it is not there.
        hospital: hospital id.
        month: ``YYYY-MM``.

    Raises:
        ConfigError: the partition was never written.
    """
    source = findings_sql(settings, hospital=hospital, month=month)
    counts: dict[str, int] = {}
    with engine(settings, ordered=True) as connection:
        connection.execute(f"""
            CREATE TEMP TABLE made AS
            SELECT *, {_LEFT_OUT} AS resource FROM (
                SELECT *, {_IS_CONDITION} AS is_condition,
                       {_system_sql()} AS system FROM ({source}))""")
        rows = connection.execute("SELECT resource, count(*) FROM made GROUP BY ALL ORDER BY ALL")
        counts = {name: int(number) for name, number in rows.fetchall()}
        for name, body in (("Observation", _observation()), ("Condition", _condition())):
            _write(connection, new_file(folder, f"{name}.ndjson"), body, resource=name)
    return counts


def _write(
    connection: duckdb.DuckDBPyConnection, target: Path, body: str, *, resource: str
) -> None:
    """One resource a line. FHIR has no null: a merge patch drops the empty elements."""
    query = (
        f"SELECT json_merge_patch('{{}}', to_json({body})) FROM made"
        f" WHERE resource = '{resource}' ORDER BY finding_id"
    )
    with target.open("w", encoding="utf-8") as file:
        for batch in connection.execute(query).to_arrow_reader(10_000):
            file.writelines(f"{line}\n" for line in batch.column(0).to_pylist())


def _shared(resource: str) -> str:
    """Elements both resources have."""
    return f"""
        resourceType: '{resource}',
        id: finding_id,
        meta: {{tag: [{{system: 'urn:clearward:rule', code: rule_id}}]}},
        code: {{coding: [{{system: system, code: concept_code}}], text: attribute}},
        subject: {{reference: 'Patient/' || patient_key}},
        encounter: if(encounter_key IS NULL, NULL, {{reference: 'Encounter/' || encounter_key}}),
        note: [{{text: 'Read from a note by ' || pack_version || ' ' || rule_id
                       || ', confidence ' || confidence || ', ' || temporality}}]"""


def _observation() -> str:
    quantity = (
        "{{value: {}, unit: unit_ucum, system: 'http://unitsofmeasure.org', code: unit_ucum}}"
    )
    single = "value_num IS NOT NULL AND value_low IS NULL"
    return f"""{{{_shared("Observation")},
        status: if(review_status = 'queued' OR certainty = 'uncertain', 'preliminary', 'final'),
        effectiveDateTime: {_instant()},
        valueQuantity: if({single}, {{value: value_num,
            comparator: nullif(comparator, ''), unit: unit_ucum,
            system: '{_UCUM}', code: unit_ucum}}, NULL),
        valueRange: if(value_low IS NULL, NULL, {{low: {quantity.format("value_low")},
                                                high: {quantity.format("value_high")}}}),
        valueString: if(value_num IS NULL, coalesce(value_text, 'present'), NULL),
        bodySite: {_body_site()},
        method: if(method IS NULL, NULL, {{text: method}}),
        derivedFrom: [{{reference: 'DocumentReference/' || note_key}}]}}"""


def _condition() -> str:
    verified = (
        "CASE WHEN is_negated THEN 'refuted' WHEN certainty = 'uncertain' THEN 'provisional'"
        " ELSE 'confirmed' END"
    )
    coding = "{{coding: [{{system: '{}', code: {}}}]}}"
    clinical = coding.format(
        f"{_STATUS}condition-clinical", "if(temporality = 'prior', 'inactive', 'active')"
    )
    verification = coding.format(f"{_STATUS}condition-ver-status", verified)
    return f"""{{{_shared("Condition")},
        clinicalStatus: if(is_negated, NULL, {clinical}),
        verificationStatus: {verification},
        bodySite: if(laterality IS NULL, NULL, [{_body_site()}]),
        recordedDate: {_instant()},
        evidence: [{{detail: [{{reference: 'DocumentReference/' || note_key}}]}}]}}"""


def _body_site() -> str:
    cases = " ".join(f"WHEN '{side}' THEN '{code}'" for side, code in EYES.items())
    eyes = ", ".join(f"'{side}'" for side in EYES)
    coded = f"[{{system: '{SYSTEMS['SNOMED']}', code: CASE laterality {cases} END}}]"
    return (
        "if(laterality IS NULL, NULL, {coding: "
        f"if(laterality IN ({eyes}), {coded}, NULL), text: laterality}})"
    )


def _instant() -> str:
    """FHIR asks for a zone where there is a time; the warehouse keeps UTC."""
    return "strftime(recorded_at, '%Y-%m-%dT%H:%M:%SZ')"


def _system_sql() -> str:
    cases = " ".join(f"WHEN '{name}' THEN '{uri}'" for name, uri in SYSTEMS.items())
    return f"CASE concept_system {cases} ELSE 'urn:clearward:' || lower(concept_system) END"
