"""The reports a release stands on: the gate's, protection's and the privacy gates'. Read and judged
here; made by the rooms that own them.

Each report names the files it judged by hash, so a report of yesterday's files proves nothing, and
is stamped by the step that made it, so one that was edited proves nothing either.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from clearward.errors import GateBrokenError, GateError, ReleaseError
from clearward.products.counts import is_small
from clearward.products.spec import Product, load_product
from clearward.releases.tables import TableFile, read_tables
from clearward.risk.gates import State, demands, worst
from clearward.risk.report import Finding, check_passed, rejudge
from clearward.settings import Settings
from clearward.stamp import read_stamped

Document = Mapping[str, Any]
GREEN_STATES = frozenset({"pass", "vacuous"})
MASKED = "masked"
_SMALL = "<k"
_WITHHELD = ("patients_waiting", "patients_withheld")
_PATIENT_COUNTS = frozenset({"patients_in", "patients_suppressed", "uniques", "classes", "failed"})


def report_folder(settings: Settings, product: str, *, month: str) -> Path:
    """``<home>/reports/<product>/<month>``."""
    return settings.reports / product / month


def gate_folder(settings: Settings, product: str, *, month: str) -> Path:
    """Folder of the release gate: ``gate.json`` and ``data_docs``."""
    return report_folder(settings, product, month=month) / "release_gate"


def read_gate(settings: Settings, product: str, *, month: str) -> Document:
    """The release gate's report; GateError when there is none, or another than was made."""
    path = gate_folder(settings, product, month=month) / "gate.json"
    return _read(settings, path, GateError, "gate report", do="run the release gate")


def read_privacy(settings: Settings, product: str, *, month: str) -> Document:
    """Protection's report; ReleaseError when there is none, or another than was made."""
    path = report_folder(settings, product, month=month) / "privacy.json"
    return _read(settings, path, ReleaseError, "privacy report", do="run protection")


def read_risk(settings: Settings, product: str, *, month: str) -> Document:
    """The privacy gates' report; GateError when there is none, or another than was made."""
    path = report_folder(settings, product, month=month) / "risk.json"
    return _read(settings, path, GateError, "risk report", do="run the privacy gates")


def _read(
    settings: Settings, path: Path, error: type[GateError | ReleaseError], what: str, *, do: str
) -> Document:
    if not path.is_file():
        raise error(f"There is no {what}.", seen=f"no file {path}", do=do)
    try:
        document = json.loads(read_stamped(settings, path, error=error, do=do))
    except ValueError as damage:
        raise error(f"The {what} {path} is damaged.", do=do) from damage
    if not isinstance(document, dict):
        raise error(f"The {what} {path} is damaged.", seen="no JSON object", do=do)
    return document


def check_gate(gate: Document, tables: Sequence[TableFile]) -> None:
    """Raise GateError unless the report is green, its own checks agree, and it judged these files.

    GateBrokenError when a check could not be made. The report's own word is not enough: a green
    flag above a red check is refused.
    """
    checks = gate.get("checks")
    if not isinstance(checks, list) or not checks:
        raise GateError("The release gate judged nothing.", do="run the release gate")
    states = Counter(str(check.get("state", "")) for check in checks)
    if states["error"]:
        raise GateBrokenError(
            "The release gate could not judge.",
            seen=f"{states['error']} of {len(checks)} checks raised",
            do="repair the gate and run it again",
        )
    red = sum(count for state, count in states.items() if state not in GREEN_STATES)
    if red or gate.get("is_green") is not True:
        raise GateError(
            "The release gate is red.",
            seen=f"{red} of {len(checks)} checks",
            expected="every check green",
            do="read its Data Docs, correct the data, run it again",
        )
    judged = Counter(_file_hashes(gate.get("files")))
    _check_same(judged, tables, "The release gate", GateError, do="run the release gate again")


def check_privacy(privacy: Document, product: Product, *, tables: Sequence[TableFile]) -> None:
    """Raise ReleaseError unless the bounds of the product's spec hold for exactly these files."""
    bounds = product.protection
    k, asked = _figure(privacy, "k_reached"), _figure(privacy, "k_asked")
    known, lost = _figure(privacy, "patients_in"), _figure(privacy, "patients_suppressed")
    share = lost / known if known else 1.0
    if privacy.get("product") != product.name or k < bounds.k or asked < bounds.k:
        raise ReleaseError(
            f"The {product.name} candidate misses its privacy bound.",
            seen=f"k {k} for product {privacy.get('product')}",
            expected=f"k {bounds.k} or more",
            do="run protection again; if it refuses, the product needs more patients",
        )
    if share > bounds.max_suppressed:
        raise ReleaseError(
            f"The {product.name} candidate leaves out too many patients.",
            seen=f"{share:.1%} of {known}",
            expected=f"at most {bounds.max_suppressed:.1%}",
            do="widen the ladders in the product spec, with the data protection officer",
        )
    measured = Counter(_file_hashes(privacy.get("files")))
    _check_same(measured, tables, "The privacy report", ReleaseError, do="run protection again")


def check_risk(
    risk: Document,
    product: Product,
    *,
    tables: Sequence[TableFile],
    earlier: Sequence[str],
    signed: Sequence[str],
) -> tuple[Finding, ...]:
    """Raise unless every privacy gate holds for exactly these files and this history.

    Values are judged again against the product's spec; the states that the report holds count for
    nothing.

    Args:
        risk: the report of `risk.judge`.
        product: whose spec has the bounds.
        tables: the candidate's files.
        earlier: SHA-256 of the patient file of every version the store holds, oldest first.
        signed: gates that a person has signed for this content.

    Raises GateError for a red or unsigned amber gate, for a missing check, for other files or
    another history; GateBrokenError when a check could not be made.
    """
    findings = _judge_again(risk, product, tables)
    if list(risk.get("earlier") or []) != list(earlier):
        raise GateError(
            f"The privacy gates of {product.name} have not seen what was published before.",
            seen=f"{len(risk.get('earlier') or [])} earlier versions judged",
            expected=f"the {len(earlier)} that the store holds",
            do="judge the release again beside every earlier version",
        )
    check_passed(findings, signed=signed, product=product.name)
    return findings


def risk_states(
    risk: Document, product: Product, *, tables: Sequence[TableFile]
) -> dict[str, State]:
    """Gate -> state, judged again from the report's values; the files must be these."""
    states: dict[str, list[State]] = {}
    for finding in _judge_again(risk, product, tables):
        states.setdefault(finding.demand.gate, []).append(finding.state)
    return {gate: worst(found) for gate, found in states.items()}


def amber_gates(settings: Settings, product: str, *, month: str) -> list[str]:
    """Gates of the present protected tables that wait for a person's signature."""
    spec = load_product(product)
    tables = read_tables(settings, spec, month=month)
    states = risk_states(read_risk(settings, product, month=month), spec, tables=tables)
    return [gate for gate, state in states.items() if state is State.AMBER]


def _judge_again(
    risk: Document, product: Product, tables: Sequence[TableFile]
) -> tuple[Finding, ...]:
    if risk.get("product") != product.name:
        raise GateError(
            "The risk report is about another product.",
            seen=str(risk.get("product")),
            expected=product.name,
            do="judge the release again",
        )
    judged = Counter(_file_hashes(risk.get("files")))
    _check_same(judged, tables, "The risk report", GateError, do="judge the release again")
    return rejudge(risk, demands(product, has_earlier=bool(risk.get("earlier"))))


def _figure(privacy: Document, name: str) -> int:
    value = privacy.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ReleaseError(
            "The privacy report lacks a figure.", seen=f"no {name}", do="run protection again"
        )
    return value


def _file_hashes(files: Any) -> list[str]:
    """Hashes in either form: ``{table: sha256 | {"sha256": …}}`` or ``[{"sha256": …}]``."""
    entries = files.values() if isinstance(files, dict) else files or []
    return [str(e.get("sha256", "")) if isinstance(e, dict) else str(e) for e in entries]


def _check_same(
    judged: Counter[str],
    tables: Sequence[TableFile],
    what: str,
    error: type[GateError | ReleaseError],
    *,
    do: str,
) -> None:
    given = Counter(table.sha256 for table in tables)
    if not given or judged != given:
        unknown = sorted(t.table for t in tables if not judged[t.sha256])
        raise error(
            f"{what} stands for other files.",
            seen=f"{len(unknown)} tables it has not judged ({', '.join(unknown[:5])}), "
            f"{(judged - given).total()} files that are not published",
            expected=f"the {given.total()} files of the candidate, unchanged",
            do=do,
        )


def publishable(document: Any, k: int) -> Any:
    """A report as it may be published: counts of people or rows from 1 to k-1 become ``<k``."""
    if isinstance(document, dict):
        return {
            name: _SMALL if name in _PATIENT_COUNTS and _small(value, k) else publishable(value, k)
            for name, value in document.items()
        }
    if isinstance(document, list):
        return [publishable(value, k) for value in document]
    return document


def publishable_privacy(privacy: Document, k: int) -> dict[str, Any]:
    """Protection's report as it may be published.

    A small number of left-out patients must not be had by subtraction (in - kept) or from a ratio
    that has one of these counts below it: all of them are masked or rounded together. Beside
    earlier releases they always are: who is gone from the data less who was left out
    is who withdrew.
    """
    shown: dict[str, Any] = publishable(dict(privacy), k)
    if "events" in shown:
        shown["events"] = {n: _SMALL if _small(v, k) else v for n, v in shown["events"].items()}
    if not _small(privacy.get("patients_suppressed"), k) and not privacy.get("earlier"):
        return shown
    shown |= {name: MASKED for name in ("patients_in", "loss", *_WITHHELD) if name in shown}
    before = {name: _rounded(value) for name, value in shown.get("before", {}).items()}
    hidden = {name: MASKED for name in ("patients", "classes", "uniques") if name in before}
    return {**shown, "before": {**before, **hidden}} if before else shown


def _rounded(value: Any) -> Any:
    return round(value, 2) if isinstance(value, float) else value


def _small(value: Any, k: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and is_small(value, k)
