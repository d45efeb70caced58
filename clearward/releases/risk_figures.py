"""The risk report as it may be published. Add masking here; measuring belongs to `risk`.

A share of a published number of patients is a count in disguise: where it stands for 1 to k - 1
patients, only that is told. What an attack gains is rounded to whole percent.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from clearward.products.counts import is_small

MASKED = "masked"
_PERCENT = ("attack", "control", "advantage")
_SHARES = frozenset({"sequence_uniques", "pinned", "suppressed", "leaver_advantage"})
_COUNTS = frozenset(
    {"rare_codes", "rare_combinations", "identifier_values", "unknown_patients", "finer_labels",
     "mixed_hospitals"}
)  # fmt: skip
_ATTACKS = frozenset({"singling_out", "linkability", "inference"})


def publishable_risk(risk: Mapping[str, Any], k: int) -> dict[str, Any]:
    """The report without counts, or shares that are counts, of 1 to k - 1 patients."""
    figures = dict(risk.get("figures") or {})
    patients = int(figures.get("after", {}).get("patients") or 0)
    shown = {
        "states": dict(risk.get("states") or {}),
        "checks": [_check(check, k, patients) for check in _dicts(risk.get("checks"))],
        "figures": _figures(figures, k, patients) if patients else {},
        "earlier": len(risk.get("earlier") or []),
    }
    return _without_left_out(shown)


def _without_left_out(shown: dict[str, Any]) -> dict[str, Any]:
    """Beside earlier versions, and where few were left out, their number must not be had at all.

    Who is gone from one version to the next, less who was left out, is who withdrew; and the loss
    counts a patient left out as 1, so that it tells their share too.
    """
    left_out = [c for c in shown["checks"] if c.get("check") == "suppressed"]
    if not shown["earlier"] and not any(isinstance(c["value"], str) for c in left_out):
        return shown
    for check in left_out:
        check["value"] = MASKED
    for check in shown["checks"]:
        if check.get("check") == "loss" and check["value"] is not None:
            check["value"] = round(check["value"], 1)
    utility = shown["figures"].get("utility")
    if utility:
        utility["suppressed"] = MASKED
        utility["loss"] = None if utility["loss"] is None else round(utility["loss"], 1)
    return shown


def _dicts(value: Any) -> list[Mapping[str, Any]]:
    """What is left of a list that somebody else wrote."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _number(value: Any) -> float | None:
    """A finite number, or None: a damaged report is shown as such and judged elsewhere."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if math.isfinite(value) else None


def _check(check: Mapping[str, Any], k: int, patients: int) -> dict[str, Any]:
    shown = {name: value for name, value in check.items() if name != "why"}
    value, name = _number(check.get("value")), check.get("check")
    if value is None:
        return shown | {"value": None}
    if name in _SHARES:
        shown["value"] = masked_share(value, k, patients)
    elif name in _COUNTS or name in ("k", "history_k"):
        shown["value"] = f"<{k}" if is_small(int(value), k) else int(value)
    elif name in _ATTACKS:
        shown |= {end: _percent(check.get(end)) for end in ("value", "low", "high")}
    elif name == "max_prosecutor":
        shown["value"] = f">{1 / k:.4f}" if value > 1 / k else round(value, 4)
    else:
        shown["value"] = round(value, 2 if name in ("loss", "two_way_tvd") else 4)
    return shown


def masked_share(share: float, k: int, patients: int) -> float | str:
    """A share of the patients, or ``<`` the share that k of them are."""
    if not patients or is_small(round(share * patients), k):
        return f"<{k / max(patients, 1):.3f}"
    return round(share, 4)


def _percent(value: Any) -> float | None:
    number = _number(value)
    return None if number is None else round(number, 2) + 0.0  # no minus zero


def _figures(figures: Mapping[str, Any], k: int, patients: int) -> dict[str, Any]:
    sequences, utility = figures.get("sequences", {}), figures.get("utility", {})
    shown = {
        "after": _risk(figures["after"], k),
        "before": {
            name: round(figures["before"][name], 2)
            for name in ("max_prosecutor", "avg_prosecutor", "at_risk")
        }
        if figures.get("before")
        else {},
        "class_sizes": [[s, n] for s, n in figures.get("class_sizes", []) if s >= k],
        "sequences": {
            name: masked_share(sequences[name], k, patients)
            for name in ("unique", "unique_with_class", "unique_to_the_day")
            if name in sequences
        },
        "utility": {
            "loss": _percent(utility.get("loss")),
            "two_way_tvd": _percent(utility.get("two_way_tvd")),
            "suppressed": masked_share(utility.get("suppressed", 0.0), k, patients),
        },
        "attacks": {name: _attack(a) for name, a in figures.get("attacks", {}).items()},
        "diversity": {name: _diversity(d) for name, d in figures.get("diversity", {}).items()},
        "codes": {name: {"codes": c["codes"]} for name, c in figures.get("codes", {}).items()},
        "subsets": [_subset(s) for s in figures.get("subsets", [])],
        "history": _history(figures.get("history"), k, patients),
    }
    kept = ("population", "pitman", "zayatz", "journalist", "identifiers")
    return shown | {name: figures[name] for name in kept if name in figures}


def _risk(risk: Mapping[str, Any], k: int) -> dict[str, Any]:
    counts = {name: f"<{k}" if is_small(risk[name], k) else risk[name] for name in ("k", "uniques")}
    return {**risk, **counts}


def _attack(attack: Mapping[str, Any]) -> dict[str, Any]:
    rounded = {
        part: {end: _percent(value) for end, value in attack[part].items()} for part in _PERCENT
    }
    return {**attack, **rounded}


def _diversity(diversity: Mapping[str, Any]) -> dict[str, Any]:
    names = ("distinct_l", "entropy_l", "t_equal", "t_ordered", "values")
    return {name: _percent(diversity[name]) for name in names}


def _subset(subset: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "columns": list(subset["columns"]),
        "distinction": round(subset["distinction"], 4),
        "separation": round(subset["separation"], 4),
    }


def _history(history: Mapping[str, Any] | None, k: int, patients: int) -> dict[str, Any] | None:
    if history is None:
        return None
    counts = {
        name: f"<{k}" if is_small(history[name], k) else history[name]
        for name in ("k", "leavers", "joiners")
    }
    return {
        "versions": history["versions"],
        "groups": history["groups"],
        **counts,
        "pinned": masked_share(history["pinned"], k, patients),
        "homogeneous": masked_share(history["homogeneous"], k, patients),
        "leaver_success": _percent(history["leaver_success"]),
        "leaver_guess": _percent(history["leaver_guess"]),
        "sizes": [[size, n] for size, n in history.get("sizes", []) if size >= k],
    }
