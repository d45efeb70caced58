"""Whose consent stands behind a release. Counting belongs to `consent.summary`."""

from __future__ import annotations

from collections.abc import Mapping

from clearward.releases.documents.document import Page, as_json, document
from clearward.releases.documents.told import Told


def _files(told: Told) -> Mapping[str, str]:
    return {"consent_summary.json": as_json(told.figures["consent"])}


DOCUMENT = document(
    {"consent_summary.html": Page("consent.html", "Consent summary", "同意情况")}, files=_files
)
