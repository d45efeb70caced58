"""What the documents of a candidate may tell, gathered in one value. How it is measured belongs to
`documents.measure` and `documents.source`, how it is shown to `documents`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clearward.products.spec import Product
from clearward.releases import evidence
from clearward.releases.documents import Told
from clearward.releases.documents.columns import first_releases
from clearward.releases.documents.measure import measure
from clearward.releases.documents.source import measure_source
from clearward.releases.shelf import load_manifest, versions
from clearward.releases.tables import TableFile
from clearward.releases.version import Version
from clearward.settings import Settings
from clearward.storage import Storage


def tell(
    settings: Settings,
    spec: Product,
    tables: tuple[TableFile, ...],
    *,
    dbt: Mapping[str, Any],
    figures: Mapping[str, Any],
    storage: Storage,
    version: Version,
    month: str,
) -> Told:
    """Figures, gate, dbt's texts and what is measured of the tables and of where they come from.

    Args:
        settings, spec, tables: where things are, and what is to be published.
        dbt: dbt's manifest.
        figures: see `figures.gather_figures`.
        storage: where earlier releases are.
        version, month: of the candidate.
    """
    names = {"product": spec.name, "version": str(version), "month": month}
    gate = evidence.read_gate(settings, spec.name, month=month)
    levels = figures["privacy"].get("levels") or {}
    return Told(
        product=spec,
        tables=tables,
        version=names["version"],
        month=month,
        figures={**figures, **names},
        gate=evidence.publishable(gate, spec.protection.k),
        dbt=dbt,
        first_release=_first_release(storage, tables, product=spec.name, version=version),
        measured=measure(tables, [qi.column for qi in spec.protection.quasi_identifiers]),
        source=measure_source(settings, spec, month=month, levels=levels),
    )


def _first_release(
    storage: Storage, tables: tuple[TableFile, ...], *, product: str, version: Version
) -> dict[tuple[str, str], str]:
    """(table, column) -> the release that had it first, this one or one before it."""
    before = [found for found in versions(storage, product) if found < version]
    earlier = [(str(v), load_manifest(storage, product, v).schema) for v in before]
    return first_releases(product, earlier, tables, version=str(version))
