"""The terms of use of a release, in words: a summary of what a licence can permit and what none
can. The agreement itself, who may receive what and until when belong to `licensing`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clearward.consent.vocabularies import DPV_TERMS, DUO_TERMS
from clearward.releases.documents.document import Page, document
from clearward.releases.documents.told import Told

_WORDS = {
    "care": ("Care of the patient", "患者诊疗"),
    "payment": ("Billing and payment", "结算支付"),
    "quality": ("Quality improvement", "质量改进"),
    "research": ("Scientific research", "科学研究"),
    "ai_training": ("Training of algorithms", "算法训练"),
    "commercial_licensing": ("Commercial use under licence", "许可范围内的商业使用"),
    "insurance_underwriting": ("Insurance underwriting", "保险核保"),
    "marketing": ("Marketing", "市场营销"),
    "reidentification": ("Re-identification", "重识别"),
}


def named(purpose: str) -> tuple[str, str]:
    """A purpose in English and Chinese."""
    return _WORDS.get(purpose, (purpose.replace("_", " "), ""))


def _values(told: Told) -> Mapping[str, Any]:
    purposes = told.product.purposes
    excluded = [
        {"code": code, "short": term.short, "says": term.description}
        for code, term in DUO_TERMS.items()
        if set(term.excludes) & set(purposes)
    ]
    return {
        "permitted": [(*named(p), [f"dpv:{term}" for term in DPV_TERMS[p]]) for p in purposes],
        "forbidden": [named(purpose) for purpose in told.product.forbidden_purposes],
        "duo_excluded": excluded,
    }


DOCUMENT = document(
    {"licence.html": Page("licence.html", "Licence and permitted use", "许可与允许用途")},
    texts={"LICENCE.md": "LICENCE.md"},
    values=_values,
)
