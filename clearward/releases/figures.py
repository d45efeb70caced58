"""The figures published beside the files: what changed, what was judged, where it came from. Small
counts are masked here, before anything is written.
"""

from __future__ import annotations

import shutil
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from clearward.consent.summary import release_summary
from clearward.products.spec import Product
from clearward.releases import changes as diffs
from clearward.releases import evidence, lineage
from clearward.releases.manifest import Manifest
from clearward.releases.profile_check import profile_facts
from clearward.releases.risk_figures import publishable_risk
from clearward.releases.shelf import file_key
from clearward.releases.tables import TableFile
from clearward.releases.version import additions, breaks
from clearward.settings import Settings
from clearward.storage import Storage
from clearward.storage.port import CHUNK


def gather_figures(
    settings: Settings,
    spec: Product,
    tables: tuple[TableFile, ...],
    *,
    storage: Storage,
    last: Manifest | None,
    month: str,
) -> dict[str, Any]:
    """Everything published beside the files, as JSON values; ``last`` is the release before."""
    k = spec.protection.k
    dbt = lineage.read_dbt_manifest()
    schema = {table.table: table.schema for table in tables}
    return {
        "k": k,
        "changes": _changes(settings, tables, storage=storage, last=last, k=k),
        "breaks": breaks(last.schema, schema) if last else [],
        "additions": additions(last.schema, schema) if last else [],
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


def _changes(
    settings: Settings,
    tables: tuple[TableFile, ...],
    *,
    storage: Storage,
    last: Manifest | None,
    k: int,
) -> list[dict[str, Any]]:
    """Rows inserted, updated and deleted per table; unchanged files are not read again."""
    if last is None:
        return []
    old = {f.table: f for f in last.files if f.table}
    scratch = settings.home / "spill" / uuid.uuid4().hex
    scratch.mkdir(parents=True)
    try:
        new_side, old_side = {}, {}
        for table in tables:
            if table.table not in old or old[table.table].sha256 != table.sha256:
                new_side[table.table] = diffs.NewTable(
                    table.path, table.schema, table.key, table.rows
                )
        for name, entry in old.items():
            if name in new_side or name not in {t.table for t in tables}:
                path = scratch / f"{name}.parquet"
                _fetch(storage, file_key(last, entry), path)
                old_side[name] = diffs.OldTable(path, entry.columns or {})
        found = diffs.diff_tables(settings, old_side, new_side)
    finally:
        shutil.rmtree(scratch)
    # Lines of the attrition table count steps, not people: they are shown as they are
    steps = {table.table for table in tables if not table.is_of_people}
    return [asdict(c if c.table in steps else diffs.publishable(c, k)) for c in found]


def _fetch(storage: Storage, key: str, target: Path) -> None:
    with storage.open_range(key) as source, target.open("wb") as file:
        while chunk := source.read(CHUNK):
            file.write(chunk)
