"""The documents that travel with a sample: what it cost, what it can and cannot show. Figures come
from noisy measurements and models alone, so telling them costs nothing more.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from clearward.products.spec import load_product
from clearward.products.synthesis import Synthesis
from clearward.synthetic.accounting import rho_of
from clearward.synthetic.aim import Fitted
from clearward.synthetic.domain import ROWS, Attribute, TableDesign
from clearward.synthetic.generate import HOSPITAL, Fits
from clearward.synthetic.store import DOCUMENT

_README = Path(__file__).with_name("README.template.md")
PROTECTED = (
    "Whether a patient is in the product at all, with all their rows in all tables: each file here "
    "would come out almost as likely without them.",
    "Keys: drawn at random; none is the pseudonym of a row in any release.",
    "Hospitals: not modelled; every row carries a label that no hospital has.",
)
NOT_PROTECTED = (
    "What holds of patients like these in general: that is what the sample is for.",
    "Code lists, edges and sizes, which come from the spec, not from patients.",
    "What a release shows: its tables are k-anonymous, another disclosure with other bounds.",
)


def write_documents(
    folder: Path,
    synthesis: Synthesis,
    designs: Mapping[str, TableDesign],
    *,
    fits: Fits,
    rows: Mapping[str, int],
    month: str,
) -> None:
    """Write ``synthetic.json`` and ``README.md`` beside the tables."""
    document = {
        "product": synthesis.product,
        "month": month,
        "patients_generated": synthesis.patients,
        "privacy": _privacy(synthesis, fits),
        "tables": {
            d.contract.table: _table(d, fits=fits, rows=rows[entity])
            for entity, d in designs.items()
        },
        "patient_record": _errors(*fits.patient),
        "schema": {d.contract.table: d.contract.schema for d in designs.values()},
        "protected": PROTECTED,
        "not_protected": NOT_PROTECTED,
    }
    text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False)
    (folder / DOCUMENT).write_text(text + "\n", encoding="utf-8")
    (folder / "README.md").write_text(_readme(synthesis, document), encoding="utf-8")


def _privacy(synthesis: Synthesis, fits: Fits) -> dict[str, Any]:
    return {
        "definition": "(ε, δ)-differential privacy, from ρ-zCDP",
        "unit": "patient",
        "neighbours": "all rows of one patient, in every table, added or removed",
        "epsilon": synthesis.epsilon,
        "delta": synthesis.delta,
        "rho": rho_of(synthesis.epsilon, synthesis.delta),
        "rho_spent": fits.patient[1].spent + sum(f.spent for _, f in fits.events.values()),
        "product_total_epsilon": synthesis.total_epsilon,
        "mechanism": "select-measure-generate (AIM); discrete Gaussian noise and the exponential "
        "mechanism on integers",
        "sampler": f"OpenDP {metadata.version('opendp')}",
        "computed_on": "the product's tables before k-anonymity and suppression",
    }


def _table(design: TableDesign, *, fits: Fits, rows: int) -> dict[str, Any]:
    published = [c.name for c in design.contract.columns]
    empty = [name for name in published if design.derived.get(name) == "NULL"]
    told = {
        "rows": rows,
        "modelled": [a.column for a in design.modelled if a.column in published],
        "derived": [n for n in published if n in design.derived and n not in empty],
        "empty": empty,
    }
    fitted = fits.events.get(design.contract.entity)
    return told | (_errors(*fitted) if fitted else {})


def _errors(attributes: tuple[Attribute, ...], fitted: Fitted) -> dict[str, Any]:
    """Distance of the model from its noisy measurements, beside what noise alone would make.

    Total variation distance, 0-1, mean over the measured tables of one and of two or more columns.
    """
    found: dict[str, list[tuple[float, float]]] = {"one_way": [], "joint": []}
    for m in fitted.measurements:
        off = fitted.total * fitted.model.marginal(m.columns) - m.counts
        noise = math.sqrt(2 / math.pi) * m.scale * m.counts.size
        scaled = min(1.0, 0.5 * float(np.abs(off).sum()) / fitted.total)
        found["one_way" if len(m.columns) == 1 else "joint"].append(
            (scaled, min(1.0, 0.5 * noise / fitted.total))
        )
    joint = [m.columns for m in fitted.measurements if len(m.columns) > 1]
    return {
        "rho": fitted.spent,
        "measured_together": [[_named(attributes[c]) for c in group] for group in joint],
        "error": {
            kind: {"measured": len(pairs), "tvd": _mean(pairs, 0), "tvd_of_noise": _mean(pairs, 1)}
            for kind, pairs in found.items()
        },
    }


def _named(attribute: Attribute) -> str:
    column = "number of rows" if attribute.column == ROWS else attribute.column
    return f"{attribute.entity}.{column}"


def _mean(pairs: list[tuple[float, float]], which: int) -> float | None:
    return round(sum(p[which] for p in pairs) / len(pairs), 4) if pairs else None


def _readme(synthesis: Synthesis, document: Mapping[str, Any]) -> str:
    noise = document["patient_record"]["error"]
    limits = [t for name, t in document["tables"].items() if t["empty"]]
    empty = {n: ", ".join(t["empty"]) for n, t in document["tables"].items() if t["empty"]}
    return Template(_README.read_text(encoding="utf-8")).substitute(
        title=load_product(synthesis.product).title["en"],
        product=synthesis.product,
        patients=synthesis.patients,
        epsilon=f"{synthesis.epsilon:g}",
        delta=f"{synthesis.delta:g}",
        total=f"{synthesis.total_epsilon:g}",
        hospital=HOSPITAL,
        one_way=f"{noise['one_way']['tvd_of_noise']:.2f}",
        joint=f"{noise['joint']['tvd_of_noise'] or 1.0:.2f}",
        most=max(int(t.counts[-1]) for t in synthesis.tables.values()),
        protected="\n".join(f"- {line}" for line in PROTECTED),
        not_protected="\n".join(f"- {line}" for line in NOT_PROTECTED),
        empty="\n".join(f"- `{n}`: {columns}" for n, columns in empty.items()) if limits else "-",
    )
