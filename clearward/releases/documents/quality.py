"""What the release gate found, by table and check. Judging belongs to `quality.gate`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from clearward.releases.documents.document import Page, as_json, document
from clearward.releases.documents.told import Told

GATE_STATES = ("pass", "vacuous", "fail", "error")


def _values(told: Told) -> Mapping[str, Any]:
    return {"gate_tables": _by_table(told.gate)}


def _by_table(gate: Mapping[str, Any]) -> list[dict[str, Any]]:
    tables: dict[str, Counter[str]] = {}
    for check in gate.get("checks", []):
        counter = tables.setdefault(str(check.get("table", "")), Counter())
        counter["checks"] += 1
        counter[str(check.get("state", ""))] += 1
    return [
        {"table": name, "checks": c["checks"], **{state: c[state] for state in GATE_STATES}}
        for name, c in sorted(tables.items())
    ]


def _files(told: Told) -> Mapping[str, str]:
    return {"quality/gate.json": as_json(told.gate)}


DOCUMENT = document(
    {"quality_report.html": Page("quality.html", "Quality report", "质量报告")},
    values=_values,
    files=_files,
)
