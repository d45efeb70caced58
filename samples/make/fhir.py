"""Synthea CSV rows re-expressed as FHIR R4 resources (https://hl7.org/fhir/R4). Format only.

Every function takes a frame of text and yields plain dictionaries; ids are UUIDs of version 5 over
the row's natural key, so the same row is the same resource in every export. Which rows a hospital
sends, and what is wrong with them, is in stmary.py.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterator
from typing import Any

import pandas as pd

Resource = dict[str, Any]

SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
UCUM = "http://unitsofmeasure.org"
V3_CLASS = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
CLASSES = {
    "wellness": "AMB",
    "ambulatory": "AMB",
    "outpatient": "AMB",
    "urgentcare": "AMB",
    "emergency": "EMER",
    "inpatient": "IMP",
    "virtual": "VR",
    "home": "HH",
    "snf": "IMP",
    "hospice": "IMP",
}
GENDERS = {"M": "male", "F": "female"}
STATES = {"Massachusetts": "MA"}
SYSTOLIC, DIASTOLIC, PANEL = "8480-6", "8462-4", "85354-9"

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://fhir.stmary.example")


def resource_id(kind: str, *parts: str) -> str:
    """The id of a resource whose source row has none of its own."""
    return str(uuid.uuid5(_NAMESPACE, "|".join((kind, *parts))))


def patients(frame: pd.DataFrame) -> Iterator[Resource]:
    """Patient: name, address, identifiers and telecom as a real server would send them."""
    for row in frame.to_dict("records"):
        resource: Resource = {
            "resourceType": "Patient",
            "id": row["Id"],
            "identifier": [
                {"system": "http://hl7.org/fhir/sid/us-ssn", "value": row["SSN"]},
                {"system": "https://fhir.stmary.example/mrn", "value": row["Id"][:8].upper()},
            ],
            "name": [{"use": "official", "family": row["LAST"], "given": _given(row)}],
            "telecom": [{"system": "phone", "value": _phone(row["Id"]), "use": "home"}],
            "gender": GENDERS[row["GENDER"]],
            "birthDate": row["BIRTHDATE"],
            "address": [
                {
                    "line": [row["ADDRESS"]],
                    "city": row["CITY"],
                    "state": STATES.get(row["STATE"], row["STATE"]),
                    "postalCode": row["ZIP"],
                    "country": "US",
                }
            ],
        }
        if row["DEATHDATE"]:
            resource["deceasedDateTime"] = f"{row['DEATHDATE']}T00:00:00Z"
        yield resource


def encounters(frame: pd.DataFrame) -> Iterator[Resource]:
    """Encounter, with its practitioner and organisation."""
    for row in frame.to_dict("records"):
        yield {
            "resourceType": "Encounter",
            "id": row["Id"],
            "status": "finished" if row["STOP"] else "in-progress",
            "class": {"system": V3_CLASS, "code": CLASSES.get(row["ENCOUNTERCLASS"], "AMB")},
            "type": [_concept(SNOMED, row["CODE"], row["DESCRIPTION"])],
            "subject": _reference("Patient", row["PATIENT"]),
            "participant": [{"individual": _reference("Practitioner", row["PROVIDER"])}],
            "period": _period(row["START"], row["STOP"]),
            "serviceProvider": _reference("Organization", row["ORGANIZATION"]),
        }


def conditions(frame: pd.DataFrame) -> Iterator[Resource]:
    """Condition; without an end it is active."""
    for row in frame.to_dict("records"):
        status = "resolved" if row["STOP"] else "active"
        resource = _event("Condition", row, row["CODE"], row["START"])
        resource |= {
            "clinicalStatus": {"coding": [{"code": status}]},
            "verificationStatus": {"coding": [{"code": "confirmed"}]},
            "code": _concept(SNOMED, row["CODE"], row["DESCRIPTION"]),
            "onsetDateTime": row["START"],
        }
        if row["STOP"]:
            resource["abatementDateTime"] = row["STOP"]
        yield resource


def observations(frame: pd.DataFrame) -> Iterator[Resource]:
    """Observation; the two blood pressures of one reading become components of one panel."""
    pressure = frame["CODE"].isin([SYSTOLIC, DIASTOLIC])
    for row in frame[~pressure].to_dict("records"):
        resource = _observation(row, row["CODE"], row["DESCRIPTION"], str(row["ordinal"]))
        yield resource | _value(row)
    for _, group in frame[pressure].groupby(["PATIENT", "ENCOUNTER", "DATE"], sort=True):
        rows = sorted(group.to_dict("records"), key=lambda r: r["CODE"])
        resource = _observation(rows[0], PANEL, "Blood pressure panel", "1")
        resource["component"] = [
            {"code": _concept(LOINC, r["CODE"], r["DESCRIPTION"])} | _value(r) for r in rows
        ]
        yield resource


def procedures(frame: pd.DataFrame) -> Iterator[Resource]:
    """Procedure, completed."""
    for row in frame.to_dict("records"):
        resource = _event("Procedure", row, row["CODE"], row["START"], str(row["ordinal"]))
        yield resource | {
            "status": "completed",
            "code": _concept(SNOMED, row["CODE"], row["DESCRIPTION"]),
            "performedPeriod": _period(row["START"], row["STOP"]),
        }


def medications(frame: pd.DataFrame) -> Iterator[Resource]:
    """MedicationRequest; a request without an end is active."""
    for row in frame.to_dict("records"):
        resource = _event("MedicationRequest", row, row["CODE"], row["START"], str(row["ordinal"]))
        yield resource | {
            "status": "stopped" if row["STOP"] else "active",
            "intent": "order",
            "medicationCodeableConcept": _concept(RXNORM, row["CODE"], row["DESCRIPTION"]),
            "authoredOn": row["START"],
        }


def documents(frame: pd.DataFrame) -> Iterator[Resource]:
    """DocumentReference with the note as base64; columns PATIENT ENCOUNTER DATE TEXT ordinal."""
    for row in frame.to_dict("records"):
        data = base64.b64encode(row["TEXT"].encode()).decode()
        context = {"encounter": [_reference("Encounter", row["ENCOUNTER"])]}
        yield {
            "resourceType": "DocumentReference",
            "id": resource_id("note", row["PATIENT"], row["DATE"], str(row["ordinal"])),
            "status": "current",
            "type": _concept(LOINC, "34117-2", "History and physical note"),
            "subject": _reference("Patient", row["PATIENT"]),
            "date": row["DATE"],
            "content": [{"attachment": {"contentType": "text/plain; charset=utf-8", "data": data}}],
        } | ({"context": context} if row["ENCOUNTER"] else {})


def practitioners(frame: pd.DataFrame) -> Iterator[Resource]:
    """Practitioner, by name."""
    for row in frame.to_dict("records"):
        given, _, family = row["NAME"].rpartition(" ")
        yield {
            "resourceType": "Practitioner",
            "id": row["Id"],
            "name": [{"family": family, "given": [given], "prefix": ["Dr."]}],
        }


def organizations(frame: pd.DataFrame) -> Iterator[Resource]:
    """Organization, by name, address and telephone."""
    for row in frame.to_dict("records"):
        yield {
            "resourceType": "Organization",
            "id": row["Id"],
            "name": row["NAME"],
            "telecom": [{"system": "phone", "value": row["PHONE"]}],
            "address": [
                {
                    "line": [row["ADDRESS"]],
                    "city": row["CITY"],
                    "state": row["STATE"],
                    "postalCode": row["ZIP"],
                }
            ],
        }


def deletions(references: list[str]) -> Iterator[Resource]:
    """What the Bulk Data `deleted` list holds: transaction Bundles of DELETE requests."""
    yield {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [{"request": {"method": "DELETE", "url": reference}} for reference in references],
    }


def outcomes(messages: list[str]) -> Iterator[Resource]:
    """What the Bulk Data `error` list holds."""
    for message in messages:
        issue = {"severity": "error", "code": "processing", "diagnostics": message}
        yield {"resourceType": "OperationOutcome", "issue": [issue]}


def _event(kind: str, row: Resource, *key: str) -> Resource:
    resource: Resource = {
        "resourceType": kind,
        "id": resource_id(kind, row["PATIENT"], row["ENCOUNTER"], *key),
        "subject": _reference("Patient", row["PATIENT"]),
    }
    if row["ENCOUNTER"]:
        resource["encounter"] = _reference("Encounter", row["ENCOUNTER"])
    return resource


def _observation(row: Resource, code: str, display: str, ordinal: str) -> Resource:
    category = {"coding": [{"system": CATEGORY, "code": row["CATEGORY"] or "exam"}]}
    system = LOINC if "-" in code else SNOMED
    return _event("Observation", row, code, row["DATE"], ordinal) | {
        "status": "final",
        "category": [category],
        "code": _concept(system, code, display),
        "effectiveDateTime": row["DATE"],
        "issued": row["DATE"].replace("Z", ".000Z"),
    }


def _value(row: Resource) -> Resource:
    if row["TYPE"] == "numeric":
        quantity: Resource = {"value": float(row["VALUE"])}
        if row["UNITS"]:
            quantity |= {"unit": row["UNITS"], "system": UCUM, "code": row["UNITS"]}
        return {"valueQuantity": quantity}
    if row["CATEGORY"] == "survey":
        return {"valueCodeableConcept": {"text": row["VALUE"]}}
    return {"valueString": row["VALUE"]}


def _concept(system: str, code: str, display: str) -> Resource:
    return {"coding": [{"system": system, "code": code, "display": display}], "text": display}


def _reference(kind: str, key: str) -> Resource:
    return {"reference": f"{kind}/{key}"}


def _period(start: str, stop: str) -> Resource:
    return {"start": start, "end": stop} if stop else {"start": start}


def _given(row: Resource) -> list[str]:
    return [name for name in (row["FIRST"], row["MIDDLE"]) if name]


def _phone(key: str) -> str:
    """555-01xx is kept for fiction in the North American plan."""
    return f"617-555-01{int(key[:4], 16) % 100:02d}"
