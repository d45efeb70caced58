"""A product's versions, newest first, with what each changed. Counts come from the manifests, where
small ones are masked already.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clearward.catalogue.entries import Edition, Listing
from clearward.catalogue.words import Words, count_text
from clearward.products.counts import is_small
from clearward.releases.version import Change


def changelog(listing: Listing, here: Edition, w: Words) -> list[dict[str, Any]]:
    """One mapping per version."""
    return [_edition(edition, edition.version == here.version, w) for edition in listing.editions]


def _edition(edition: Edition, is_here: bool, w: Words) -> dict[str, Any]:
    manifest = edition.manifest
    return {
        "version": edition.version,
        "is_here": is_here,
        "published": manifest.published_at[:10],
        "month": manifest.month,
        "cause": w.get(f"cause_{manifest.change}", ""),
        "tags": [{"kind": k, "text": w[f"tag_{n}"]} for n, k in _tags(edition, is_here)],
        "breaks": list(manifest.facts.get("breaks") or []),
        "additions": list(manifest.facts.get("additions") or []),
        "changes": [_change(c, edition, w) for c in manifest.facts.get("changes") or []],
    }


def _tags(edition: Edition, is_here: bool) -> list[tuple[str, str]]:
    """Names of the words, and how they look."""
    tags = {
        "here": (is_here, ""),
        "latest": (edition.is_latest, "good"),
        "breaking": (edition.manifest.change == Change.SCHEMA_BREAK, "bad"),
        "retired": (edition.is_retired, "warn"),
        "recalled": (bool(edition.recalled_from), "warn"),
    }
    return [(name, look) for name, (holds, look) in tags.items() if holds]


def _change(change: Mapping[str, Any], edition: Edition, w: Words) -> dict[str, str]:
    """Rows before, after and changed; the attrition table's rows are steps, not people."""
    k = int(edition.manifest.facts.get("k") or edition.product.protection.k)
    is_of_steps = str(change["table"]).endswith("__attrition")
    rows = change.get("rows")
    if not is_of_steps and isinstance(rows, int) and is_small(rows, k):
        rows = None
    shown = {n: change.get(n) for n in ("inserted", "updated", "deleted")}
    return {
        "table": str(change["table"]),
        "rows": count_text(rows, masked=w["masked"]),
        **{name: count_text(value, masked=w["masked"]) for name, value in shown.items()},
    }
