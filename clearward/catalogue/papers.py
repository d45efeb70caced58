"""Which documents of a release a product page points to, under which names. A document that another
room adds gets a line here, and its words; without one it is still reached from the data card.
"""

from __future__ import annotations

from dataclasses import dataclass

from clearward.catalogue.entries import Edition
from clearward.catalogue.words import Words

EVIDENCE: dict[str, tuple[str, ...]] = {
    "label": ("quality_scorecard.html",),
    "quality": ("quality_report.html",),
    "missing": ("missingness.html",),
    "representative": ("representativeness.html",),
    "mapping": ("mapping_coverage.html",),
    "arrival": ("arrival_curve.html",),
    "attrition": ("cohort_attrition.html",),
    "consent": ("consent_summary.html",),
    "privacy": ("privacy_report.html",),
    "risk": ("risk_report.html",),
    "gate": ("quality/gate.json",),
}
DOCUMENTS: dict[str, tuple[str, ...]] = {
    "index": ("index.html",),
    "dictionary": ("dictionary.html",),
    "dictionary_csv": ("dictionary.csv",),
    "codebook": ("codebook.html", "codebook.csv"),
    "datasheet": ("datasheet.html", "datasheet.md"),
    "notes": ("release_notes.html", "release_notes.md"),
    "provenance": ("provenance.html", "provenance.json"),
    "licence": ("licence.html", "LICENCE.md"),
    "croissant": ("croissant.json",),
    "dcat": ("healthdcat.ttl",),
    "contract": ("datacontract.odcs.yaml",),
    "odrl": ("odrl.jsonld",),
    "sums": ("SHA256SUMS.txt",),
}
SAMPLE = ("synthetic_sample/README.md",)
_CHINESE = {"risk": ("risk_report_zh.html",)}


@dataclass(frozen=True)
class Paper:
    """A document as a page names it; ``path`` is inside the release."""

    path: str
    title: str
    text: str


def papers(edition: Edition, w: Words, names: dict[str, tuple[str, ...]]) -> list[Paper]:
    """Those of the named documents that the release has and anybody may read."""
    found = []
    for name, paths in names.items():
        own = _CHINESE.get(name, ()) if w["lang"] == "zh" else ()
        path = edition.document(*own, *paths)
        if path:
            found.append(Paper(path, w[f"doc_{name}"], w[f"doc_{name}_text"]))
    return found
