"""How much of what the hospitals sent a map knows, and what to map next. Counting belongs to
`source`.

A code is listed where k patients or more have it: a rare local code is itself identifying.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from clearward.releases.documents.document import Page, as_csv, document
from clearward.releases.documents.source import Coverage
from clearward.releases.documents.told import Told

FIELDS = ("kind", "system", "mapped_rows", "unmapped_rows", "mapped_percent")
KINDS = {
    "diagnosis": ("Diagnoses", "诊断"),
    "medication": ("Medications", "用药"),
    "procedure": ("Procedures", "操作"),
    "measurement": ("Measurements", "检查检验"),
    "note": ("Findings in notes", "病历文本发现"),
}


def lines(told: Told) -> list[dict[str, Any]]:
    """One line per kind of record and code system."""
    return [_line(coverage) for coverage in told.source.coverage]


def _line(coverage: Coverage) -> dict[str, Any]:
    rows = coverage.mapped + coverage.unmapped
    return {
        "kind": coverage.kind,
        "system": coverage.system,
        "mapped_rows": coverage.mapped,
        "unmapped_rows": coverage.unmapped,
        "mapped_percent": round(100 * coverage.mapped / rows) if rows else "",
    }


def _unmapped(told: Told) -> list[dict[str, Any]]:
    return [
        {"kind": code.kind, "rank": rank, **asdict(code)}
        for kind in KINDS
        for rank, code in enumerate((c for c in told.source.unmapped if c.kind == kind), start=1)
    ]


def _values(told: Told) -> Mapping[str, Any]:
    return {"mapping": lines(told), "unmapped": _unmapped(told), "kinds": KINDS}


def _files(told: Told, values: Mapping[str, Any]) -> Mapping[str, str]:
    return {
        "mapping_coverage.csv": as_csv(values["mapping"], FIELDS),
        "unmapped_codes.csv": as_csv(
            values["unmapped"], ("kind", "rank", "system", "code", "rows")
        ),
    }


DOCUMENT = document(
    {"mapping_coverage.html": Page("mapping.html", "Mapping coverage", "编码映射")},
    values=_values,
    files=_files,
)
