"""The figures published beside the files: what changed, what was judged, where it came from. Small
counts are masked here, before anything is written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from clearward.consent.summary import release_summary
from clearward.products.spec import Product
from clearward.releases import evidence, lineage
from clearward.releases.comparison import Edition, compare_editions, published_edition
from clearward.releases.contract import as_document
from clearward.releases.fingerprint import fingerprints
from clearward.releases.manifest import Manifest
from clearward.releases.profile_check import profile_facts
from clearward.releases.risk_figures import publishable_risk
from clearward.releases.tables import TableFile
from clearward.releases.terms import Contract
from clearward.settings import Settings
from clearward.storage import Storage


def gather_figures(
    settings: Settings,
    spec: Product,
    tables: tuple[TableFile, ...],
    *,
    contract: Contract,
    storage: Storage,
    last: Manifest | None,
    month: str,
) -> dict[str, Any]:
    """Everything published beside the files, as JSON values; ``last`` is the release before."""
    k = spec.protection.k
    dbt = lineage.read_dbt_manifest()
    changed = _compare(
        settings, spec, tables, contract=contract, storage=storage, last=last, month=month
    )
    return {
        "k": k,
        **changed,
        "fingerprints": fingerprints(settings, tables),
        "gate": _gate_summary(evidence.read_gate(settings, spec.name, month=month)),
        "privacy": evidence.publishable_privacy(
            evidence.read_privacy(settings, spec.name, month=month), k
        ),
        "risk": publishable_risk(evidence.read_risk(settings, spec.name, month=month), k),
        "profiles": profile_facts(settings, spec, month=month),
        "consent": release_summary(settings, month=month, purposes=spec.purposes, k=k),
        "lineage": {
            "extracts": lineage.read_extracts(settings, upto=month),
            "consents": lineage.read_consents(settings, month=month, purposes=spec.purposes, k=k),
            "dbt_sha256": lineage.dbt_hash(dbt),
            "dbt_version": dbt.get("metadata", {}).get("dbt_version", ""),
            "vocabularies": lineage.vocabularies(dbt),
            "code": lineage.code_identity(),
        },
    }


def _gate_summary(gate: Mapping[str, Any]) -> dict[str, Any]:
    states = Counter(str(check.get("state", "")) for check in gate.get("checks", []))
    return {"gate": gate.get("gate", ""), "is_green": gate.get("is_green") is True, **states}


def _compare(
    settings: Settings,
    spec: Product,
    tables: tuple[TableFile, ...],
    *,
    contract: Contract,
    storage: Storage,
    last: Manifest | None,
    month: str,
) -> dict[str, Any]:
    """What changed since the last release; nothing beside no release."""
    told: dict[str, Any] = {"contract": as_document(contract)}
    if last is None:
        return {**told, "changes": [], "causes": [], "terms": [], "breaks": [], "additions": []}
    paths = {table.table: table.path for table in tables}
    new = Edition(
        product=spec.name,
        version="",
        month=month,
        contract=contract,
        hashes={table.table: table.sha256 for table in tables},
        path=paths.__getitem__,
    )
    with published_edition(settings, storage, last) as old:
        found = compare_editions(settings, old, new)
    shown = found.document(spec.protection.k)
    return {
        **told,
        "changes": shown["tables"],
        "causes": shown["causes"],
        "terms": shown["terms"],
        "breaks": [term.name for term in found.terms if term.is_breaking],
        "additions": [term.name for term in found.terms if not term.is_breaking],
    }
