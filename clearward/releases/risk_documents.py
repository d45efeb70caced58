"""What the risk pages of a release need: words in both languages, plots, bounds and the grade. How
a page looks belongs to `templates`; what may be told to `risk_figures`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from clearward.products.spec import Product
from clearward.releases.risk_plots import plot_all

_IDENTIFIERS = ("identifier_columns", "identifier_values", "calendar_dates")
_ACCEPTABLE = ("green", "amber", "not_applicable")


@cache
def check_words() -> Mapping[str, Mapping[str, str]]:
    """Language -> name of a check -> what it is called."""
    path = Path(__file__).with_name("risk_checks.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))


@cache
def risk_words() -> Mapping[str, Mapping[str, str]]:
    """Language -> name -> text."""
    path = Path(__file__).with_name("risk_words.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))


def risk_context(product: Product, risk: Mapping[str, Any]) -> dict[str, Any]:
    """Variables of the risk pages; ``risk`` is what `risk_figures` lets out."""
    gates = product.gates
    bounds = {
        "k": product.protection.k,
        "avg": gates.avg_prosecutor,
        "inference": gates.inference,
        "linkability": gates.linkability,
        "singling_out": gates.singling_out,
    }
    figures = risk.get("figures") or {}
    words = risk_words()
    return {
        "grade": grade(risk),
        "risk_words": words,
        "check_words": check_words(),
        "risk_plots": plot_all(figures, bounds, words),
    }


def grade(risk: Mapping[str, Any]) -> int:
    """Grade of GB/T 42460-2023: 1 to 3; aggregates, which would be 4, are not sold as files.

    1: a direct identifier is there, or nobody could look. 2: none is, and the risk of
    re-identification is above its bound. 3: it is within. An engineering reading.
    """
    checks = {c["check"]: c["state"] for c in risk.get("checks", []) if c["check"] in _IDENTIFIERS}
    if set(checks) != set(_IDENTIFIERS) or any(state != "green" for state in checks.values()):
        return 1
    states = risk.get("states", {})
    acceptable = all(states.get(gate) in _ACCEPTABLE for gate in ("G1", "G2", "G3", "G4"))
    return 3 if acceptable else 2
