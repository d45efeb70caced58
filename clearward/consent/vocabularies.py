"""What other vocabularies call our purposes: W3C DPV, GA4GH DUO, HL7 purpose of use.

Two directions. Out: terms for documents and connectors. In: `FHIR_PURPOSES`, which decides what a
code in a FHIR Consent may do; a code that is not there never permits (`fhir_codes`). No
vocabulary has one term for licensing de-identified data to companies: DPV comes nearest, DUO can
only exclude it, and HL7 has none, so our own code system stands beside them.
"""

from __future__ import annotations

from dataclasses import dataclass

DPV = "https://w3id.org/dpv#"
ACT_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
OWN_SYSTEM = "urn:clearward:purpose"


@dataclass(frozen=True)
class DuoTerm:
    """A term of the Data Use Ontology (GA4GH, obo:DUO) and what it does to our uses.

    Attributes:
        short: its abbreviation.
        permits: uses it allows; DUO knows research only.
        excludes: uses it rules out whatever else is allowed.
        description: what it asks of whoever holds data under it.
    """

    short: str
    permits: tuple[str, ...]
    excludes: tuple[str, ...]
    description: str


# Nearest terms; DPV has no term that says exactly what these uses say.
DPV_TERMS = {
    "care": ("ServiceProvision",),
    "payment": ("PaymentManagement",),
    "quality": ("ServiceOptimisation",),
    "research": ("ScientificResearch",),
    "ai_training": ("ResearchAndDevelopment",),
    "commercial_licensing": ("CommercialPurpose", "SellDataToThirdParties"),
}
_COMMERCIAL = ("commercial_licensing",)
DUO_TERMS = {
    "DUO:0000004": DuoTerm("NRES", ("research",), (), "no restriction"),
    "DUO:0000042": DuoTerm("GRU", ("research",), (), "general research use"),
    "DUO:0000006": DuoTerm("HMB", ("research",), (), "health or biomedical research"),
    "DUO:0000007": DuoTerm("DS", (), (), "research on a named disease only"),
    "DUO:0000046": DuoTerm("NCU", (), _COMMERCIAL, "not-for-profit use only"),
    "DUO:0000045": DuoTerm("NPO", (), _COMMERCIAL, "not-for-profit organisations only"),
    "DUO:0000018": DuoTerm("NPUNCU", (), _COMMERCIAL, "both of the two before"),
    "DUO:0000021": DuoTerm("IRB", (), (), "ethics approval needed"),
    "DUO:0000026": DuoTerm("US", (), (), "approved users only"),
    "DUO:0000025": DuoTerm("TS", (), (), "for a limited time"),
    "DUO:0000012": DuoTerm("RS", (), (), "a named kind of research only"),
    "DUO:0000044": DuoTerm("NPOA", (), (), "no ancestry research"),
}
# (system, code) -> (purpose, whether a permit counts). Broader or merely related codes refuse only.
FHIR_PURPOSES: dict[tuple[str, str], tuple[str, bool]] = {
    (ACT_REASON, "TREAT"): ("general_admission", True),
    (ACT_REASON, "HPAYMT"): ("general_admission", True),
    (ACT_REASON, "HQUALIMP"): ("general_admission", True),
    (ACT_REASON, "HOPERAT"): ("general_admission", False),
    (ACT_REASON, "HRESCH"): ("research", True),
    (ACT_REASON, "PUBHLTH"): ("secondary_use", False),
    (ACT_REASON, "HMARKT"): ("commercial_licensing", False),
    (DPV, "ScientificResearch"): ("research", True),
    (DPV, "ResearchAndDevelopment"): ("secondary_use", False),
    (DPV, "SellDataToThirdParties"): ("commercial_licensing", True),
    (DPV, "CommercialPurpose"): ("commercial_licensing", False),
    (OWN_SYSTEM, "commercial_licensing"): ("commercial_licensing", True),
    (OWN_SYSTEM, "ai_training"): ("ai_training", True),
    (OWN_SYSTEM, "research"): ("research", True),
    (OWN_SYSTEM, "general_admission"): ("general_admission", True),
    (OWN_SYSTEM, "secondary_use"): ("secondary_use", False),
    (OWN_SYSTEM, "everything"): ("everything", False),
}


def dpv_terms(use: str) -> tuple[str, ...]:
    """Full IRIs of a use's DPV terms."""
    return tuple(DPV + name for name in DPV_TERMS[use])


def duo_terms(use: str) -> tuple[str, ...]:
    """DUO terms under which a dataset with this use permitted could be offered."""
    return tuple(code for code, term in DUO_TERMS.items() if use in term.permits)
