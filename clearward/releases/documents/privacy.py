"""What protection did and reached, and the attestation of it that a buyer's data protection officer
files. Measuring again, with attacks, belongs to `risk`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clearward.releases.documents.document import Page, as_json, document
from clearward.releases.documents.suppress import MASKED
from clearward.releases.documents.told import Told
from clearward.releases.risk_documents import grade

UNSIGNED = "see `sign_offs` in the signed manifest"


def attestation(told: Told) -> dict[str, Any]:
    """What is attested of a release, JSON values; every figure is one of its reports'."""
    bounds, privacy = told.product.protection, told.figures["privacy"]
    risk = told.figures["risk"]
    return {
        "product": told.product.name,
        "version": told.version,
        "month": told.month,
        "release_model": bounds.release_model,
        "method": {
            "identifiers": "dropped or replaced column by column before any processing",
            "pseudonyms": "HMAC-SHA256, keyed by product; a licensee's copy has keys of its own",
            "quasi_identifiers": [qi.column for qi in bounds.quasi_identifiers],
            "levels": dict(privacy.get("levels") or {}),
            "recoding": privacy.get("recoding", ""),
        },
        "k": {"asked": privacy["k_asked"], "reached": privacy["k_reached"]},
        "sensitive": [
            {"column": f"{s.table}.{s.column}", "distinct_l": s.distinct_l, "t": s.t}
            for s in bounds.sensitive
        ],
        "code_sets": [
            {"column": f"{c.table}.{c.column}", "m": c.m, "k": bounds.k} for c in bounds.code_sets
        ],
        "date_shift": "one secret number of days per patient, up to 183 either way; intervals "
        "hold; tables give days from the patient's index day",
        "free_text": "the text of notes is not published; findings read from scrubbed text are",
        "patients": {
            "published": privacy["patients_kept"],
            "left_out": left_out(privacy),
        },
        "gates": dict(risk["states"]),
        "grade_gbt_42460_2023": grade(risk),
        "profiles": _profiles(told.figures["profiles"]),
        "residual_risk": {
            c["check"]: c["value"]
            for c in risk["checks"]
            if c["check"] in ("max_prosecutor", "avg_prosecutor", "population_uniques")
        },
        "reviewer": UNSIGNED,
    }


def left_out(privacy: Mapping[str, Any]) -> Any:
    """Patients whom protection left out of the cohort. From the second release on those who wait
    and those who were taken back are masked, and with them the sum; the attrition rounds them."""
    return MASKED if privacy.get("earlier") else privacy["patients_suppressed"]


def _profiles(results: Any) -> dict[str, dict[str, int]]:
    """Profile -> how many of its rules have which verdict."""
    found: dict[str, dict[str, int]] = {}
    for result in results:
        verdicts = found.setdefault(result["title"], {})
        verdicts[result["verdict"]] = verdicts.get(result["verdict"], 0) + 1
    return found


def _values(told: Told) -> Mapping[str, Any]:
    return {"attestation": attestation(told)}


def _files(told: Told, values: Mapping[str, Any]) -> Mapping[str, str]:
    return {
        "privacy.json": as_json(told.figures["privacy"]),
        "privacy_attestation.json": as_json(values["attestation"]),
    }


DOCUMENT = document(
    {"privacy_report.html": Page("privacy.html", "Privacy report", "隐私报告")},
    texts={"privacy_attestation.md": "privacy_attestation.md"},
    values=_values,
    files=_files,
)
