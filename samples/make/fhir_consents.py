"""Consent lines re-expressed as FHIR R4 Consents (https://hl7.org/fhir/R4/consent.html): a record
per patient and purpose, or per record of the hospital. Who decided what is in consents.py.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from samples.make.fhir import LOINC, Resource, resource_id

SCOPE = "http://terminology.hl7.org/CodeSystem/consentscope"
PURPOSE = "urn:clearward:purpose"
ROLE = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
# What a base provision of a Consent cannot say in the words of this hospital.
UNSAID = ["categories", "recipients", "jurisdiction", "guardian_evidence_sha256"]


def consents(frame: pd.DataFrame, month: str) -> Iterator[Resource]:
    """Consent; a withdrawal is the record's second version, `inactive`, of what was permitted."""
    assert (frame[UNSAID] == "").all().all()
    ends = frame["decision"] == "withdraw"
    record = frame["record_id"].where(frame["record_id"] != "", frame["purpose"])
    version = frame["record_version"].where(
        frame["record_id"] != "", ends.map({True: "2", False: "1"})
    )
    keys = [frame["patient_id"], record, version]
    for (patient, name, number), rows in frame.groupby(keys, sort=True):
        lines = rows.to_dict("records")
        written = max(lines[0]["decided_at"], f"{month}-16T10:00:00Z" if number == "2" else "")
        head = {"id": resource_id("Consent", patient, name)}
        yield (
            head
            | _consent(lines, patient)
            | {"meta": {"versionId": number, "lastUpdated": written}}
        )


def _consent(rows: list[Resource], patient: str) -> Resource:
    first = rows[0]
    resource: Resource = {
        "resourceType": "Consent",
        "language": first["language"],
        "status": "inactive" if first["decision"] == "withdraw" else "active",
        "scope": {"coding": [{"system": SCOPE, "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": LOINC, "code": "59284-0"}]}],
        "patient": {"reference": f"Patient/{patient}"},
        "dateTime": first["decided_at"],
        "policy": [{"uri": text} for text in sorted({row["text_version"] for row in rows})],
        "provision": {
            "type": "deny" if first["decision"] == "deny" else "permit",
            "period": _period(first),
            "purpose": [{"system": PURPOSE, "code": row["purpose"]} for row in rows],
        },
    }
    return resource | (
        _by_parent() if first["guardian"] == "true" else {"performer": [resource["patient"]]}
    )


def _period(row: Resource) -> Resource:
    ends = {"end": row["valid_until"]} if row["valid_until"] else {}
    return {"start": row["valid_from"]} | ends


def _by_parent() -> Resource:
    """Who signed for a child: a contained RelatedPerson."""
    parent = {"coding": [{"system": ROLE, "code": "PRN"}]}
    related = {"resourceType": "RelatedPerson", "id": "parent", "relationship": [parent]}
    return {"contained": [related], "performer": [{"reference": "#parent"}]}
