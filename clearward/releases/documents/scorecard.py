"""The release on other people's scales of quality: Kahn et al. 2016, GB/T 36344-2018 and the twelve
dimensions of the label for Article 78 of Regulation (EU) 2025/327 (EHDS). Checks belong to
`quality`; add a dimension here with its evidence.

A dimension that nothing measures says so and has no level. Levels of 0 to 3 are an engineering
reading, not an authority's label: 3 when every check that had rows to judge was kept, 2 from 95 %,
1 from 80 %, else 0; of shares that are measured otherwise each dimension states its own steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from clearward.releases.documents import arrival, representativeness
from clearward.releases.documents.document import Page, as_json, document
from clearward.releases.documents.quality import group_of, tally
from clearward.releases.documents.told import Told

NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Mark:
    """What was measured of one dimension.

    Attributes:
        level: 0 to 3; None where nothing measures it.
        figure: what was found, in words with numbers.
        evidence: page or file of the release, with its anchor.
    """

    level: int | None
    figure: str
    evidence: str


@dataclass(frozen=True)
class Dimension:
    """A dimension of a framework: its names, and how it is measured."""

    name: str
    name_zh: str
    part: str
    measure: Callable[[Told], Mark]


def _checked(*groups: str) -> Callable[[Told], Mark]:
    def measure(told: Told) -> Mark:
        found = tally(c for c in told.gate.get("checks", []) if group_of(c) in groups)
        judged = found["checks"] - found["vacuous"]
        evidence = f"quality_report.html#{groups[0]}"
        if not judged:
            return Mark(None, NOT_MEASURED, evidence)
        figure = f"{found['pass']} of {judged} checks kept"
        if found["vacuous"]:
            figure += f"; {found['vacuous']} more had no row to judge"
        return Mark(_level(found["pass"] / judged, (0.8, 0.95, 1.0)), figure, evidence)

    return measure


def _level(share: float, steps: Sequence[float]) -> int:
    return sum(share >= step for step in steps)


def _unmeasured(why: str) -> Callable[[Told], Mark]:
    return lambda _: Mark(None, f"{NOT_MEASURED}: {why}", "")


def _described(told: Told) -> Mark:
    rows = told.dictionary
    known = sum(bool(row["description"]) for row in rows)
    figure = f"{known} of {len(rows)} columns described; steps 50, 90, 100 %"
    return Mark(_level(known / max(len(rows), 1), (0.5, 0.9, 1.0)), figure, "dictionary.html")


def _traced(told: Told) -> Mark:
    lineage = told.figures["lineage"]
    known = [
        bool(lineage["extracts"]),
        bool(lineage["code"]["sha256"]),
        bool(lineage["dbt_sha256"]),
    ]
    figure = f"{sum(known)} of 3 known by hash: extracts, code, models"
    return Mark(sum(known), figure, "provenance.json")


def _represented(told: Told) -> Mark:
    lines = representativeness.lines(told)
    differences = [abs(line["smd"]) for line in lines if isinstance(line["smd"], float)]
    evidence = "representativeness.html"
    if not differences:
        return Mark(None, f"{NOT_MEASURED}: nothing to compare with", evidence)
    worst = max(differences)
    figure = f"largest standardised difference {worst:.2f}; steps 0.5, 0.2, 0.1"
    return Mark(sum(worst < step for step in (0.5, 0.2, 0.1)), figure, evidence)


def _timely(told: Told) -> Mark:
    """Share of what has come so far that came with its own month."""
    own, in_all = 0, 0
    for event in {line["event_month"] for line in arrival.lines(told)}:
        lines = [line for line in arrival.lines(told) if line["event_month"] == event]
        first, last = lines[0], lines[-1]["visits_so_far"]
        is_seen = event >= _first_arrival(told) and isinstance(last, int)
        if is_seen and not first["months_later"] and isinstance(first["visits"], int):
            own, in_all = own + first["visits"], in_all + last
    if not in_all:
        why = "no month was seen from its first day"
        return Mark(None, f"{NOT_MEASURED}: {why}", "arrival_curve.html")
    share = own / in_all
    figure = f"{share:.0%} of the visits came with their own month, in numbers rounded to k"
    return Mark(
        _level(share, (0.5, 0.8, 0.95)), f"{figure}; steps 50, 80, 95 %", "arrival_curve.html"
    )


def _first_arrival(told: Told) -> str:
    return min((a.arrival_month for a in told.source.arrivals), default=told.month)


def _coherent(told: Told) -> Mark:
    if not told.figures["previous"]:
        return Mark(None, f"{NOT_MEASURED}: no release came before", "release_notes.md")
    broken = len(told.figures["breaks"])
    figure = (
        f"{broken} columns removed or of another type since {told.figures['previous']['version']}"
    )
    return Mark(0 if broken else 3, figure, "release_notes.md")


def _accessible(told: Told) -> Mark:
    terms = len(told.product.purposes) + len(told.product.forbidden_purposes)
    figure = f"terms of use for {terms} purposes; time from request to data: {NOT_MEASURED}"
    return Mark(2, figure, "licence.html")


def _readable(told: Told) -> Mark:
    count = len(told.tables)
    figure = f"{count} of {count} tables, as Parquet, were read back to write these documents"
    return Mark(3, figure, "quick_starts.html")


_NO_OUTSIDE = "no source outside the hospitals is compared"
KAHN = (
    Dimension("Conformance", "符合性", "verification", _checked("values", "shape", "relation")),
    Dimension("Conformance", "符合性", "validation", _unmeasured(_NO_OUTSIDE)),
    Dimension("Completeness", "完整性", "verification", _checked("presence")),
    Dimension("Completeness", "完整性", "validation", _unmeasured(_NO_OUTSIDE)),
    Dimension("Plausibility", "合理性", "verification", _checked("range")),
    Dimension("Plausibility", "合理性", "validation", _unmeasured(_NO_OUTSIDE)),
)
GBT = (
    Dimension("Normativity", "规范性", "", _checked("values", "shape")),
    Dimension("Completeness", "完整性", "", _checked("presence")),
    Dimension("Accuracy", "准确性", "", _checked("range")),
    Dimension("Consistency", "一致性", "", _checked("relation")),
    Dimension("Timeliness", "时效性", "", _timely),
    Dimension("Accessibility", "可访问性", "", _readable),
)
EHDS = (
    Dimension("Accessibility", "可获取性", "access and provision", _accessible),
    Dimension(
        "Population coverage",
        "人群覆盖",
        "coverage",
        _unmeasured("the eligible population outside the hospitals is not known"),
    ),
    Dimension("Representativeness", "代表性", "coverage", _represented),
    Dimension("Documentation", "文档", "data documentation", _described),
    Dimension("Provenance", "来源", "data documentation", _traced),
    Dimension(
        "Accuracy",
        "准确性",
        "technical quality",
        _unmeasured("the records were not compared with the patients' charts"),
    ),
    Dimension("Coherence", "连贯性", "technical quality", _coherent),
    Dimension("Completeness", "完整性", "technical quality", _checked("presence")),
    Dimension("Consistency", "一致性", "technical quality", _checked("relation", "range")),
    Dimension("Timeliness", "时效性", "technical quality", _timely),
    Dimension(
        "Uniqueness",
        "唯一性",
        "technical quality",
        _unmeasured("the gate leaves doubled keys to the models' own tests"),
    ),
    Dimension("Validity", "有效性", "technical quality", _checked("values", "shape")),
)
FRAMEWORKS = {
    "kahn_2016": ("Kahn et al. 2016", KAHN),
    "gbt_36344_2018": ("GB/T 36344-2018", GBT),
    "ehds_article_78": ("EHDS Article 78, twelve dimensions", EHDS),
}


def scores(told: Told) -> dict[str, dict[str, Any]]:
    """Framework -> its title and marks, JSON values."""
    return {
        name: {
            "title": title,
            "dimensions": [
                {"name": d.name, "name_zh": d.name_zh, "part": d.part, **asdict(d.measure(told))}
                for d in dimensions
            ],
        }
        for name, (title, dimensions) in FRAMEWORKS.items()
    }


def _values(told: Told) -> Mapping[str, Any]:
    return {"scorecard": scores(told)}


def _files(told: Told, values: Mapping[str, Any]) -> Mapping[str, str]:
    found = values["scorecard"]
    label = {
        "product": told.product.name,
        "version": told.version,
        "regulation": "http://data.europa.eu/eli/reg/2025/327/oj",
        "article": "78",
        "is_official_label": False,
        "note": "An engineering reading by the publisher; no data access body has assessed it.",
        "levels": "0 to 3; null: not measured",
        "dimensions": found["ehds_article_78"]["dimensions"],
    }
    return {"quality_scorecard.json": as_json(found), "quantum_label.json": as_json(label)}


DOCUMENT = document(
    {"quality_scorecard.html": Page("scorecard.html", "Quality scorecard", "质量评分卡")},
    values=_values,
    files=_files,
)
