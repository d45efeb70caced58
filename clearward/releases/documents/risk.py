"""The measured risk and the tried attacks, in both languages. Words and plots belong to
`releases.risk_documents`, what may be told to `releases.risk_figures`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clearward.releases.documents.document import Page, as_json, document
from clearward.releases.documents.told import Told
from clearward.releases.risk_documents import risk_context


def _values(told: Told) -> Mapping[str, Any]:
    return risk_context(told.product, told.figures["risk"])


def _files(told: Told) -> Mapping[str, str]:
    return {"risk.json": as_json(told.figures["risk"])}


DOCUMENT = document(
    {
        "risk_report.html": Page("risk_report.html", "Risk report", "风险报告（英文）"),
        "risk_report_zh.html": Page("risk_report.html", "Risk report (Chinese)", "风险报告"),
    },
    values=_values,
    files=_files,
)
