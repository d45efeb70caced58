"""What codes in a FHIR Consent mean to the ledger. An unknown code never permits.

How a resource is walked belongs to `fhir`; purposes of other vocabularies to `vocabularies`.
"""

from __future__ import annotations

import calendar
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clearward.consent.purposes import EVERYTHING
from clearward.consent.vocabularies import FHIR_PURPOSES
from clearward.sources.fhir_values import reference_form

# status -> what becomes of a rule that permits and of one that denies; "" says nothing. What has
# ended is withdrawn at its own date, so a Consent that replaced it stands.
STATUSES: Mapping[str, Mapping[str, str]] = {
    "active": {"permit": "permit", "deny": "deny"},
    "inactive": {"permit": "withdraw", "deny": "deny"},
    "entered-in-error": {"permit": "withdraw", "deny": ""},
    "rejected": {"permit": "deny", "deny": "deny"},
    "not-done": {"permit": "", "deny": "deny"},
    "draft": {"permit": "", "deny": "deny"},
    "proposed": {"permit": "", "deny": "deny"},
    "unknown": {"permit": "", "deny": "deny"},
}
# Resource types (R4 `class`, R5 `resourceType`) whose rows the source spec knows.
CLASSES = {
    "DocumentReference": "notes",
    "Composition": "notes",
    "ImagingStudy": "imaging",
    "MolecularSequence": "genetic",
    "GenomicStudy": "genetic",
    "Observation": "structured",
    "Condition": "structured",
    "Procedure": "structured",
    "MedicationRequest": "structured",
    "Encounter": "structured",
    "Patient": "structured",
}
STRUCTURED_CLASSES = frozenset(name for name, kind in CLASSES.items() if kind == "structured")
_RESTRICTIONS = (
    *("securityLabel", "code", "data", "dataPeriod", "documentType", "expression"),
    "modifierExtension",
)
# FHIR: who does not understand these must not use the resource; its refusals count all the same.
MODIFIERS = ("modifierExtension", "implicitRules")
_POLICY_RULES = {"OPTIN": "permit", "OPTINR": "permit", "OPTOUT": "deny", "OPTOUTE": "deny"}
_OTHER_PEOPLE = ("RelatedPerson", "Practitioner", "PractitionerRole", "CareTeam", "Organization")
_VERSION = re.compile(r"[A-Za-z0-9.\-]{1,64}")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")
_DATE = re.compile(r"\d{4}(-\d\d)?")


@dataclass(frozen=True)
class Reach:
    """Kinds of data and recipients a rule speaks of, as the ledger writes them."""

    categories: str
    recipients: str


def reference_id(reference: str, resource: str) -> str:
    """The id that a reference gives a resource of that type, see `reference_form`; else empty."""
    found = re.fullmatch(reference_form(resource), str(reference))
    return found[1] if found else ""


def version_of(resource: Mapping[str, Any]) -> dict[str, str]:
    """The record a resource is a version of, as columns of a line; empty without an id.

    `meta` is what orders versions; what is not written as FHIR writes it counts as not told.
    """
    name, meta = str(resource.get("id") or "").strip(), resource.get("meta") or {}
    version, at = str(meta.get("versionId") or ""), str(meta.get("lastUpdated") or "")
    if not name:
        return {}
    return {
        "record_id": record_id(name),
        "record_version": version if _VERSION.fullmatch(version) else "",
        "record_updated_at": at if _INSTANT.fullmatch(at) else "",
    }


def record_id(name: str) -> str:
    """What the ledger makes a record's key of: apart from ids that a CSV file gives."""
    return f"Consent/{name}"


def is_other_person(reference: str, contained: Sequence[Mapping[str, Any]]) -> bool:
    """Whether somebody else than the patient gave the consent; who is contained and no Patient, or
    not found there, is somebody else."""
    name = str(reference)
    if name.startswith("#"):
        held = [r.get("resourceType") for r in contained if r.get("id") in (name, name[1:])]
        return held != ["Patient"]
    return any(f"{kind}/" in name for kind in _OTHER_PEOPLE)


def cautious_date(text: str) -> str:
    """FHIR dates may stop at the year or month: the last day they can mean, for all of it.

    A permit then begins late and a refusal is not lifted by a permit of the same month.
    """
    return _last_day(text) if _DATE.fullmatch(text) else text


def one_moment(text: str) -> str:
    """The moment of a whole resource: rule and exceptions must not fall to two seconds of a day."""
    day = cautious_date(text)
    return f"{day}T23:59:59Z" if len(day) == 10 else day


def cautious_end(text: str) -> str:
    """The end of a period that stops at the year or month: its first day, never stretched."""
    return f"{text}-01-01"[:10] if _DATE.fullmatch(text) else text


def _last_day(text: str) -> str:
    year, month = (int(text[:4]), int(text[5:7])) if len(text) > 4 else (int(text), 12)
    return f"{year:04d}-{month:02d}-{calendar.monthrange(year, month)[1]:02d}"


def policy_of(resource: Mapping[str, Any]) -> str:
    """What the signed text is called: policy URI, rule or basis; at most 64 characters."""
    rule, basis = resource.get("policyRule") or {}, resource.get("policyBasis") or {}
    names = [policy.get("uri") for policy in resource.get("policy") or []]
    names += [coding.get("code") for coding in rule.get("coding") or []] + [rule.get("text")]
    names += [basis.get("uri"), basis.get("url"), (basis.get("reference") or {}).get("reference")]
    names += [text.get("reference") for text in resource.get("policyText") or []]
    found = next((str(name) for name in names if name), "").replace("|", " ").strip()
    return found if len(found) <= 64 else hashlib.sha256(found.encode()).hexdigest()


def policy_decision(resource: Mapping[str, Any]) -> str:
    """Base rule of an R4 Consent that states none: HL7's opt-in and opt-out codes."""
    coding = (resource.get("policyRule") or {}).get("coding") or []
    found = [_POLICY_RULES[c.get("code")] for c in coding if c.get("code") in _POLICY_RULES]
    return found[0] if found else ""


def scope_purposes(resource: Mapping[str, Any]) -> list[dict[str, str]]:
    """Purpose that R4's `scope` stands for where no provision names one: research only."""
    coding = (resource.get("scope") or {}).get("coding") or []
    if any(c.get("code") == "research" for c in coding):
        return [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HRESCH"}]
    return []


def purposes_of(codings: list[Any], decision: str) -> list[str]:
    """Our purposes of a rule's codes. None given: a permit permits nothing, a refusal is of all."""
    if not codings:
        return [EVERYTHING] if decision == "deny" else []
    found = [FHIR_PURPOSES.get((c.get("system", ""), c.get("code", ""))) for c in codings]
    if decision == "permit":
        return sorted({purpose for item in found if item for purpose in [item[0]] if item[1]})
    return sorted({item[0] if item else EVERYTHING for item in found})


def reach_of(provision: Mapping[str, Any], decision: str) -> Reach | None:
    """What a rule reaches, or None for a permit narrower than we can keep."""
    categories, known = _categories(provision)
    recipients, named = _recipients(provision.get("actor") or [])
    if decision == "deny":
        return Reach(categories if known else "", recipients if named else "")
    narrow = any(provision.get(name) for name in _RESTRICTIONS) or not _may_disclose(provision)
    return None if narrow or not known or not named else Reach(categories, recipients)


def _may_disclose(provision: Mapping[str, Any]) -> bool:
    actions = [c.get("code") for a in provision.get("action") or [] for c in a.get("coding") or []]
    return "disclose" in actions if provision.get("action") else True


def _categories(provision: Mapping[str, Any]) -> tuple[str, bool]:
    """Kinds of data of `class` or `resourceType`; False when a code is unknown.

    One kind of table among several does not stand for all of them: a permit for Observation
    alone is narrower than we can keep, a refusal of it refuses all.
    """
    listed = [*(provision.get("class") or []), *(provision.get("resourceType") or [])]
    names = {str(c.get("code", "")) for c in listed}
    if not names:
        return "", True
    kinds = {CLASSES[name] for name in names if name in CLASSES}
    is_part = "structured" in kinds and not names >= STRUCTURED_CLASSES
    return " ".join(sorted(kinds)), not names - set(CLASSES) and not is_part


def _recipients(actors: list[Any]) -> tuple[str, bool]:
    """Organisations named as recipients; False when an actor is anybody or anything else."""
    found = []
    for actor in actors:
        reference = str((actor.get("reference") or {}).get("reference", ""))
        codings = (actor.get("role") or {}).get("coding") or []
        is_recipient = any(c.get("code") in {"IRCP", "PRCP"} for c in codings)
        if "Organization/" not in reference or not is_recipient:
            return "", False
        name = re.sub(r"[;|:*]", " ", reference_id(reference, "Organization")).strip()[:100]
        found.append(f"company:{name}")
    return ";".join(sorted(set(found))), True
