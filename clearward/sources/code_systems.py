"""What hospitals call code systems. A code is worth what its system is: one of a local catalogue
reaches a product only when the hospital says what the catalogue is.
"""

from __future__ import annotations

from collections.abc import Mapping

NAMES: Mapping[str, str] = {
    "SNOMED-CT": "http://snomed.info/sct",
    "LOINC": "http://loinc.org",
    "RxNorm": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "ATC": "http://www.whocc.no/atc",
    "CVX": "http://hl7.org/fhir/sid/cvx",
    "ICD-10": "http://hl7.org/fhir/sid/icd-10",
    "ICD-10-CM": "http://hl7.org/fhir/sid/icd-10-cm",
    "ICD-9-CM": "http://hl7.org/fhir/sid/icd-9-cm",
    "ICD-9-CM-3": "ICD-9-CM-3",
    "医保2.0": "医保2.0",
    "国临2.0": "国临2.0",
}
"""Names a hospital may give in its `hospital.toml` -> how the system is written from there on."""

# HL7 OID registry; FHIR gives an OID where a system has no URL that the server knows.
OIDS: Mapping[str, str] = {
    "urn:oid:2.16.840.1.113883.6.96": "SNOMED-CT",
    "urn:oid:2.16.840.1.113883.6.1": "LOINC",
    "urn:oid:2.16.840.1.113883.6.88": "RxNorm",
    "urn:oid:2.16.840.1.113883.6.73": "ATC",
    "urn:oid:2.16.840.1.113883.12.292": "CVX",
    "urn:oid:2.16.840.1.113883.6.3": "ICD-10",
    "urn:oid:2.16.840.1.113883.6.90": "ICD-10-CM",
    "urn:oid:2.16.840.1.113883.6.103": "ICD-9-CM",
}


def spelled(declared: Mapping[str, str]) -> dict[str, str]:
    """Lower-case spelling -> written system: of the OIDs, and of what a hospital declared as one
    of `NAMES`."""
    return {word.casefold(): NAMES[name] for word, name in {**OIDS, **declared}.items()}


def known(code_systems: Mapping[str, str]) -> list[str]:
    """Every spelling in lower case that a code may be trusted by."""
    return sorted({*code_systems, *(word.casefold() for word in (*NAMES, *NAMES.values()))})
