"""What the release gate found, by table and check. Judging belongs to `quality.gate`, what it is
worth in other people's frameworks to `scorecard`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from clearward.releases.documents.document import Page, as_json, document
from clearward.releases.documents.told import Told

GATE_STATES = ("pass", "vacuous", "fail", "error")
GROUPS = {
    "presence": ("Present", "是否完整"),
    "values": ("Permitted values and forms", "取值与格式"),
    "shape": ("Agreed columns and types", "结构"),
    "relation": ("Relations", "关联关系"),
    "range": ("Plausible", "合理性"),
    "privacy": ("No trace of a person", "无个人痕迹"),
}
"""What the checks are about: anchors of the quality report, and evidence of the scorecard."""
_RELATION = re.compile(r"in_the_product|steps?_|one_row")
_PRIVACY = re.compile(r"pseudonym|is_a_label|person|_class_has|few_people|is_a_date")


def group_of(check: Mapping[str, Any]) -> str:
    """Which of `GROUPS` a check of the gate belongs to, by its Kahn category, kind and name."""
    name, kahn = str(check.get("check", "")), str(check.get("kahn", ""))
    if _PRIVACY.search(name):
        return "privacy"
    if kahn in ("completeness", "plausibility"):
        return "presence" if kahn == "completeness" else "range"
    if "columns_to_match_set" in str(check.get("kind", "")):
        return "shape"
    return "relation" if _RELATION.search(name) else "values"


def tally(checks: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """How many checks are in which state; ``checks`` is all of them."""
    found: Counter[str] = Counter()
    for check in checks:
        found["checks"] += 1
        found[str(check.get("state", ""))] += 1
    return found


def _values(told: Told) -> Mapping[str, Any]:
    checks = list(told.gate.get("checks", []))
    tables = sorted({str(check.get("table", "")) for check in checks})
    by_group = {name: [check for check in checks if group_of(check) == name] for name in GROUPS}
    return {
        "gate_tables": [
            {"table": name, **_states(c for c in checks if str(c.get("table", "")) == name)}
            for name in tables
        ],
        "gate_groups": by_group,
        "groups": GROUPS,
    }


def _states(checks: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    found = tally(checks)
    return {"checks": found["checks"], **{state: found[state] for state in GATE_STATES}}


def _files(told: Told, _: Mapping[str, Any]) -> Mapping[str, str]:
    return {"quality/gate.json": as_json(told.gate)}


DOCUMENT = document(
    {"quality_report.html": Page("quality.html", "Quality report", "质量报告")},
    values=_values,
    files=_files,
)
