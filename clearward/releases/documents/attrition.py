"""The cohort's attrition as a document: lines, and a flow chart after CONSORT (Schulz et al. 2010).

The table was made safe by protection; a count of 1 to k-1 that is still in it is masked again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import duckdb

from clearward.errors import ReleaseError
from clearward.releases.changes import is_small
from clearward.releases.documents.document import Page, as_csv, document
from clearward.releases.documents.told import Told
from clearward.releases.tables import TableFile

ENTITY = "attrition"
COUNTS = ("n_in", "n_out", "n_excluded")
_TITLES_ZH = {
    "k-anonymity": "隐私保护（k-匿名）",
    "successive-releases": "隐私保护（连续发布）",
}


@dataclass(frozen=True)
class Box:
    """One step of the flow chart, over all hospitals; y in pixels from the top."""

    y: int
    step: str
    step_zh: str
    reason: str
    n_in: str
    n_out: str
    n_excluded: str


@dataclass(frozen=True)
class Attrition:
    """Lines as published, the chart's boxes and its height in pixels."""

    lines: list[dict[str, Any]]
    boxes: list[Box]
    height: int


BOX_STEP = 92


def read(tables: Sequence[TableFile], k: int) -> Attrition:
    """Read the attrition table of a release; ReleaseError when the product has none."""
    found = next((table for table in tables if table.entity == ENTITY), None)
    if found is None:
        raise ReleaseError("The product has no attrition table.", do="add it to the product spec")
    with duckdb.connect(":memory:") as connection:
        relation = connection.read_parquet(str(found.path), hive_partitioning=False)
        names = relation.columns
        rows = [dict(zip(names, row, strict=True)) for row in relation.fetchall()]
    rows.sort(key=lambda row: (str(row["hospital_id"]), row["step_no"]))
    boxes = _boxes(rows, k)
    lines = [{n: _masked(v, k) if n in COUNTS else v for n, v in row.items()} for row in rows]
    return Attrition(lines=lines, boxes=boxes, height=BOX_STEP * (len(boxes) + 1))


def _masked(value: int | None, k: int) -> str:
    return f"<{k}" if value is None or is_small(value, k) else str(value)


def _boxes(rows: list[dict[str, Any]], k: int) -> list[Box]:
    ordered = sorted(rows, key=lambda row: (row["step_no"], str(row["hospital_id"])))
    boxes = []
    for index, (_, group) in enumerate(groupby(ordered, key=lambda row: row["step_no"])):
        lines = list(group)
        totals = {name: _masked(_total(lines, name), k) for name in COUNTS}
        step = str(lines[0].get("step_id", ""))
        boxes.append(
            Box(
                y=BOX_STEP * (index + 1),
                step=step.replace("_", " "),
                step_zh=_TITLES_ZH.get(step, ""),
                reason=str(lines[0].get("reason") or ""),
                **totals,
            )
        )
    return boxes


def _total(lines: list[dict[str, Any]], name: str) -> int | None:
    counts = [line[name] for line in lines]
    return None if any(count is None for count in counts) else sum(counts)


def _values(told: Told) -> Mapping[str, Any]:
    return {"attrition": read(told.tables, told.k)}


def _files(told: Told) -> Mapping[str, str]:
    return {"cohort_attrition.csv": as_csv(read(told.tables, told.k).lines)}


DOCUMENT = document(
    {"cohort_attrition.html": Page("attrition.html", "Cohort attrition", "队列筛选流程")},
    values=_values,
    files=_files,
)
