"""What protection did and reached. Measuring again, with attacks, belongs to `risk`."""

from __future__ import annotations

from collections.abc import Mapping

from clearward.releases.documents.document import Page, as_json, document
from clearward.releases.documents.told import Told


def _files(told: Told) -> Mapping[str, str]:
    return {"privacy.json": as_json(told.figures["privacy"])}


DOCUMENT = document(
    {"privacy_report.html": Page("privacy.html", "Privacy report", "隐私报告")}, files=_files
)
