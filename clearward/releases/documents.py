"""The documents that travel with a release. Add a document here; what a figure means is decided by
the room that measured it, and how a page looks by `templates`.

Every page stands alone: no origin but the file itself. Counts from 1 to k-1 are shown as ``<k``.
No page holds the time it was made, so the same inputs give the same bytes.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from clearward.errors import StorageError
from clearward.products.spec import Product
from clearward.releases import attrition, croissant, dictionary
from clearward.releases.changes import is_small
from clearward.releases.comparison import changes_document
from clearward.releases.manifest import SUMS_NAME
from clearward.releases.risk_documents import risk_context
from clearward.releases.samples import FOLDER as SAMPLE_FOLDER
from clearward.releases.tables import TableFile
from clearward.storage import check_key

PAGES = {
    "index.html": ("index.html", "Data card", "数据卡片"),
    "dictionary.html": ("dictionary.html", "Data dictionary", "数据字典"),
    "quality_report.html": ("quality.html", "Quality report", "质量报告"),
    "cohort_attrition.html": ("attrition.html", "Cohort attrition", "队列筛选流程"),
    "consent_summary.html": ("consent.html", "Consent summary", "同意情况"),
    "privacy_report.html": ("privacy.html", "Privacy report", "隐私报告"),
    "risk_report.html": ("risk_report.html", "Risk report", "风险报告（英文）"),
    "risk_report_zh.html": ("risk_report.html", "Risk report (Chinese)", "风险报告"),
    "expert_determination.html": ("expert.html", "Expert determination", "专家认定材料"),
    "pipia.html": ("pipia.html", "Impact assessment", "个人信息保护影响评估"),
}
TEXTS = {
    "README.md": "README.md",
    "release_notes.md": "release_notes.md",
    "load_pandas.py": "load_pandas.py.md",
    "load_duckdb.sql": "load_duckdb.sql.md",
}

_WAY_BACK = '<p><a href="../../quality_report.html">Quality report</a></p>'
GATE_STATES = ("pass", "vacuous", "fail", "error")


@dataclass(frozen=True)
class Facts:
    """Everything the documents may tell.

    Attributes:
        values: what the manifest publishes, see `candidate`; small counts already masked.
        gate: the gate's report, small counts masked.
        dbt: dbt's manifest, or empty.
    """

    product: Product
    tables: tuple[TableFile, ...]
    values: Mapping[str, Any]
    gate: Mapping[str, Any]
    dbt: Mapping[str, Any]


def write_documents(folder: Path, facts: Facts, *, data_docs: Path | None) -> None:
    """Write every document into a release's folder, beside ``data``."""
    environment = _environment(facts.product.protection.k)
    values = {
        **_context(facts),
        "has_data_docs": data_docs is not None,
        "has_sample": (folder / SAMPLE_FOLDER / "README.md").is_file(),
    }
    for name, (template, title, title_zh) in PAGES.items():
        page = {**values, "title": title, "title_zh": title_zh, "page": name}
        _write(folder / name, environment.get_template(template).render(page))
    for name, template in TEXTS.items():
        _write(folder / name, environment.get_template(template).render(values))
    _write(folder / "dictionary.csv", _csv(values["dictionary"]))
    _write(folder / croissant.NAME, croissant.to_text(_croissant(facts, values["dictionary"])))
    _write(folder / "cohort_attrition.csv", _csv(values["attrition"].lines))
    _write(folder / "quality" / "gate.json", _json(facts.gate))
    _write(folder / "privacy.json", _json(facts.values["privacy"]))
    _write(folder / "risk.json", _json(facts.values["risk"]))
    _write(folder / "consent_summary.json", _json(facts.values["consent"]))
    _write(folder / "changes.json", _json(changes_document(facts.values)))
    _write(folder / "provenance.json", _json(facts.values["lineage"]))
    if data_docs:
        _copy_docs(data_docs, folder / "quality" / "data_docs")


def _context(facts: Facts) -> dict[str, Any]:
    k = facts.product.protection.k
    descriptions = dictionary.describe(facts.dbt, [t.table for t in facts.tables])
    return {
        **facts.values,
        "product": facts.product,
        "tables": facts.tables,
        "table_texts": {name: text.description for name, text in descriptions.items()},
        "dictionary": dictionary.rows(facts.product, facts.tables, descriptions),
        "attrition": attrition.read(facts.tables, k),
        "gate": facts.gate,
        "gate_tables": _by_table(facts.gate),
        "pages": {name: (title, zh) for name, (_, title, zh) in PAGES.items()},
        "sums_name": SUMS_NAME,
        **risk_context(facts.product, facts.values["risk"]),
    }


def _croissant(facts: Facts, texts: Any) -> dict[str, Any]:
    place = {name: facts.values[name] for name in ("version", "month")}
    return croissant.describe(facts.product, facts.tables, texts=texts, **place)


def _by_table(gate: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Checks per table and kind of quality (Kahn et al. 2016), for the report's overview."""
    tables: dict[str, Counter[str]] = {}
    for check in gate.get("checks", []):
        counter = tables.setdefault(str(check.get("table", "")), Counter())
        counter["checks"] += 1
        counter[str(check.get("state", ""))] += 1
    return [
        {"table": name, "checks": c["checks"], **{state: c[state] for state in GATE_STATES}}
        for name, c in sorted(tables.items())
    ]


@cache
def _environment(k: int) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("clearward.releases"),
        autoescape=jinja2.select_autoescape(["html"]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )

    def count(value: Any) -> str:
        if isinstance(value, int) and not isinstance(value, bool):
            return f"<{k}" if is_small(value, k) else f"{value:,}"
        return f"<{k}" if value is None or value == "<k" else str(value)

    def size(value: int) -> str:
        units = ("B", "kB", "MB", "GB", "TB")
        amount, unit = float(value), 0
        while amount >= 1000 and unit < len(units) - 1:
            amount, unit = amount / 1000, unit + 1
        return (
            f"{amount:.0f} {units[unit]}"
            if amount >= 10 or not unit
            else f"{amount:.1f} {units[unit]}"
        )

    def rows(table: TableFile) -> str:
        return count(table.rows) if table.is_of_people else str(table.rows)

    environment.filters.update(count=count, size=size, rows=rows)
    return environment


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _json(document: Any) -> str:
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _csv(rows: list[dict[str, Any]]) -> str:
    """CSV of equal dicts; with a byte order mark, without which Excel garbles Chinese."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, fieldnames=list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return "\ufeff" + buffer.getvalue()


def _copy_docs(source: Path, target: Path) -> None:
    """Great Expectations' own pages; files whose names no store could keep stay behind."""
    for path in sorted(p for p in source.rglob("*") if p.is_file()):
        name = path.relative_to(source)
        try:
            check_key(name.as_posix())
        except StorageError:
            continue
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        if name.as_posix() == "index.html":
            _write(target / name, _with_way_back(path.read_text(encoding="utf-8")))
        else:
            shutil.copyfile(path, target / name)


def _with_way_back(page: str) -> str:
    """Inside a release the Data Docs are reached from the quality report, and lead back to it."""
    return page.replace("<body>", f"<body>\n{_WAY_BACK}", 1)
