"""What a product page says of one release, in the order of somebody who must decide. How it is laid
out belongs to `templates/product.html`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from clearward.catalogue import papers
from clearward.catalogue.changelog import changelog
from clearward.catalogue.charts import attrition_chart, read_charts
from clearward.catalogue.citation import bibtex, cite
from clearward.catalogue.columns import tables
from clearward.catalogue.entries import Edition, Listing
from clearward.catalogue.pages import House
from clearward.catalogue.snippets import snippets, verify_lines
from clearward.catalogue.words import Words, count_text, purpose_words, size_text
from clearward.protect.hierarchies import years_told

TERMS = ("DUO:0000026", "DUO:0000028", "DUO:0000025")
"""What every licence asks, in terms of the Data Use Ontology (GA4GH): approved users of approved
institutions, for a limited time."""
_SECTIONS = (
    *("access", "inside", "quality", "privacy", "columns", "use", "changes", "limits", "origin"),
    *("cite", "licence", "documents", "contact"),
)
_KINDS = ("conformance", "completeness", "plausibility")
_LIMITS = ("routine", "consent", "dates", "rare", "hospitals", "notes", "causal")


def product_page(listing: Listing, edition: Edition, w: Words, house: House) -> dict[str, Any]:
    """Variables of a product page, except for addresses, which depend on where the page lies."""
    overview, manifest, product = edition.overview, edition.manifest, edition.product
    picture = read_charts(overview, w)
    described = tables(edition, w)
    own = papers.papers(edition, w, papers.DOCUMENTS)
    return {
        "title": product.title[w["lang"]],
        "description": product.description[w["lang"]],
        "version": edition.version,
        "month": manifest.month,
        "k": int(overview.get("k") or manifest.facts.get("k") or product.protection.k),
        "is_offered": edition.is_offered,
        "facts": _facts(edition, w),
        "quality": _quality(edition, w),
        "contents": [(n, w[f"contents_{n}"]) for n in _SECTIONS if n != "documents" or own],
        "purposes": [purpose_words(w, name) for name in product.purposes],
        "forbidden": [purpose_words(w, name) for name in product.forbidden_purposes],
        "terms": [{"code": code, "text": w["duo"][code]["text"]} for code in TERMS],
        "charts": picture.charts,
        "alike": [_fact(name, value) for name, value in picture.alike.items()],
        "withheld": picture.withheld,
        "attrition": attrition_chart(overview, w),
        "k_reached": overview.get("k_reached"),
        "profiles": _profiles(manifest.facts.get("profiles") or [], w),
        "sign_offs": _sign_offs(manifest.facts.get("sign_offs") or []),
        "tables": described,
        "column_count": sum(len(table["columns"]) for table in described),
        "snippets": [
            {"title": w[f"snippet_{name}"], "code": code}
            for name, code in snippets(edition, service_url=house.service_url).items()
        ],
        "editions": changelog(listing, edition, w),
        "limits": _limits(edition, w),
        "uses": _uses(edition, w),
        "origin": _origin(overview, w),
        "proofs": _proofs(edition, w),
        "verify": verify_lines(product.name, edition.version),
        "citation": cite(edition, w),
        "bibtex": bibtex(edition, w, url=house.catalogue_url),
        "papers": {"evidence": papers.papers(edition, w, papers.EVIDENCE), "documents": own},
    }


def _facts(edition: Edition, w: Words) -> list[dict[str, str]]:
    overview = edition.overview
    size = {"name": w["fact_size"], "value": size_text(edition.bytes), "note": w["fact_size_note"]}
    files = [file for file in edition.manifest.files if file.table]
    facts = [_fact(w["fact_period"], edition.manifest.month)]
    entered = _entered(overview)
    if entered:
        facts.insert(0, {"name": w["fact_index"], "value": entered, "note": w["fact_index_note"]})
    if overview:
        facts[:0] = [
            _fact(w["fact_patients"], count_text(overview.get("patients"), masked=w["masked"])),
            _fact(w["fact_hospitals"], count_text(overview.get("hospitals"), masked=w["masked"])),
        ]
    facts += [_fact(w["fact_tables"], str(len(files))), size]
    if overview.get("k_reached"):
        group = {"name": w["fact_group"], "note": w["fact_group_note"]}
        facts.append({**group, "value": str(overview["k_reached"])})
    return facts


def _entered(overview: Mapping[str, Any]) -> str:
    """First and last year in which patients qualified, as the chart of it shows them."""
    cells = (overview.get("charts") or {}).get("index") or []
    return years_told(str(cell[end]) for cell in cells for end in ("label", "last"))


def _fact(name: str, value: str) -> dict[str, str]:
    return {"name": name, "value": value, "note": ""}


def _quality(edition: Edition, w: Words) -> dict[str, Any]:
    quality: Mapping[str, Any] = edition.overview.get("quality") or {}
    kinds: Mapping[str, Mapping[str, int]] = quality.get("kinds") or {}
    asked = sum(kind["checks"] for kind in kinds.values())
    missed = asked - sum(kind["held"] for kind in kinds.values())
    is_good = asked > 0 and missed == 0 and quality.get("is_green") is True
    badge = w["quality_badge_green" if is_good else "quality_badge_red"]
    return {
        "badge": badge.format(n=asked if is_good else missed) if asked else "",
        "kind": "good" if is_good else "bad",
        "kinds": [_kind(name, kinds[name], w) for name in _KINDS if name in kinds],
    }


def _kind(name: str, counts: Mapping[str, int], w: Words) -> dict[str, Any]:
    missed = counts["checks"] - counts["held"]
    return {
        "title": w[f"kind_{name}"],
        "text": w[f"kind_{name}_text"],
        "checks": counts["checks"],
        "mark": "bad" if missed else "good",
        "result": w["quality_not_held"].format(n=missed) if missed else w["quality_all_held"],
    }


def _profiles(rules: Sequence[Mapping[str, Any]], w: Words) -> list[dict[str, Any]]:
    """Privacy profiles by title: how many rules each has, and whether all are held."""
    verdicts: dict[str, list[bool]] = {}
    for rule in rules:
        verdicts.setdefault(str(rule["title"]), []).append(rule["verdict"] == "held")
    return [
        {
            "title": title,
            "rules": len(held),
            "mark": "good" if all(held) else "bad",
            "result": w["profile_held"]
            if all(held)
            else w["profile_missed"].format(n=held.count(False)),
        }
        for title, held in verdicts.items()
    ]


def _sign_offs(signed: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    names = ("gate", "signed_by", "reason")
    return [
        {**{name: str(s.get(name, "")) for name in names}, "on": str(s.get("signed_at", ""))[:10]}
        for s in signed
    ]


def _uses(edition: Edition, w: Words) -> list[dict[str, str]]:
    """What the data are suited for, and what not, in the publisher's words."""
    record = edition.product.record
    told = {"suited": record.intended_uses or {}, "unsuited": record.unsuitable_uses or {}}
    return [_fact(w[n], text[w["lang"]]) for n, text in told.items() if text]


def _limits(edition: Edition, w: Words) -> list[str]:
    """The publisher's own words first, then what holds for every product."""
    record, hospitals = edition.product.record, edition.overview.get("hospitals")
    own = [(text or {}).get(w["lang"], "") for text in (record.limitations, record.biases)]
    # Whom consent leaves out is what biases are about: no need to say it twice
    told = [name for name in _LIMITS if name != "consent" or not record.biases]
    texts = {name: str(w[f"limit_{name}"]) for name in told}
    texts["hospitals"] = (
        texts["hospitals"].format(n=hospitals) if hospitals else w["limit_hospitals_few"]
    )
    return [*filter(None, own), *texts.values()]


def _origin(overview: Mapping[str, Any], w: Words) -> list[str]:
    first, number = overview.get("first_extract"), overview.get("extracts")
    extracts = (
        w["origin_extracts"].format(n=number, first=first)
        if first and number
        else w["origin_extracts_some"]
    )
    steps = ("consent", "door", "models", "gates", "signature")
    return [extracts, *(w[f"origin_{step}"] for step in steps)]


def _proofs(edition: Edition, w: Words) -> list[dict[str, str]]:
    overview, manifest = edition.overview, edition.manifest
    code = overview.get("code") or {}
    program = f"Clearward {code['version']} {code['sha256']}" if code else ""
    proofs = {
        "key": str(overview.get("key_id", "")),
        "manifest": manifest.sha256,
        "content": manifest.content_sha256,
        "models": str(overview.get("dbt_sha256", "")),
        "code": program,
    }
    return [{"name": w[f"proof_{n}"], "value": value} for n, value in proofs.items() if value]
