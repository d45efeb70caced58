"""What the privacy gates found about one release, as a value and as JSON. Measuring belongs to
`judge`; what may be published of it, and whether it may be published at all, to `releases`.

Counts, shares and hashes; never a patient's value.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from clearward.errors import GateBrokenError, GateError
from clearward.risk.gates import GATES, Demand, Figure, State, judge, worst
from clearward.settings import Settings
from clearward.stamp import write_stamped
from clearward.warehouse import check_month, check_name


@dataclass(frozen=True)
class Finding:
    """One demand and what was measured.

    Attributes:
        figure: None when the check could not be made.
        why: for an error, what the measure said.
    """

    demand: Demand
    figure: Figure | None
    state: State
    why: str = ""


@dataclass(frozen=True)
class RiskReport:
    """Every finding, the figures beside them and the files they stand for.

    Attributes:
        findings: one per demand of `gates.demands`.
        figures: everything measured, by name; read by the risk report's pages.
        files: SHA-256 per released table.
        mart: SHA-256 per mart table it was compared with.
        earlier: SHA-256 of the patient files of all earlier versions, oldest first.
    """

    product: str
    month: str
    findings: tuple[Finding, ...]
    figures: Mapping[str, Any]
    files: Mapping[str, str]
    mart: Mapping[str, str]
    earlier: tuple[str, ...]

    def state(self, gate: str) -> State:
        """The state of one gate; G3 of a first release is not applicable."""
        states = [f.state for f in self.findings if f.demand.gate == gate]
        if gate == "G3" and not states and not self.earlier:
            return State.NOT_APPLICABLE
        if gate == "G6":
            waits = any(self.state(g) is State.AMBER for g in GATES if g != "G6")
            return State.AMBER if waits else State.GREEN
        return worst(states)

    @property
    def states(self) -> dict[str, State]:
        """Gate -> state."""
        return {gate: self.state(gate) for gate in GATES}

    def of(self, gate: str) -> tuple[Finding, ...]:
        """The findings of one gate."""
        return tuple(f for f in self.findings if f.demand.gate == gate)

    def metadata(self, gate: str) -> dict[str, int | float | str]:
        """One gate's values by check, for Dagster."""
        told: dict[str, int | float | str] = {"state": self.state(gate).value}
        for finding in self.of(gate):
            name = finding.demand.name.removeprefix(f"{gate}.")
            if finding.figure:
                told[name] = round(finding.figure.value, 6)
            told[f"{name}.state"] = finding.state.value
            told[f"{name}.bound"] = round(finding.demand.bound, 6)
        return told

    def summary(self, gate: str) -> str:
        """One line for a person: what keeps the gate shut, or that it is open."""
        shut = [f for f in self.of(gate) if f.state not in (State.GREEN, State.NOT_APPLICABLE)]
        told = ", ".join(_in_words(finding) for finding in shut[:6])
        more = f" and {len(shut) - 6} more" if len(shut) > 6 else ""
        state = self.state(gate).value.replace("_", " ")
        return f"{gate} {GATES[gate]}: {state}" + (f"; {told}{more}." if told else ".")

    def to_json(self) -> str:
        """Stable text: the same judgement gives the same bytes."""
        document = {
            "product": self.product,
            "month": self.month,
            "checks": [_plain(finding) for finding in self.findings],
            "states": {gate: state.value for gate, state in self.states.items()},
            "figures": self.figures,
            "files": dict(self.files),
            "mart": dict(self.mart),
            "earlier": list(self.earlier),
        }
        return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _in_words(finding: Finding) -> str:
    name = ".".join(p for p in (finding.demand.check, finding.demand.subject) if p)
    if finding.figure is None:
        return f"{name} could not be measured ({finding.why})"
    sign = "at least" if finding.demand.is_least else "at most"
    upper = finding.figure.high
    shown = f"{finding.figure.value:.4g}" + (f", up to {upper:.4g}" if upper is not None else "")
    return f"{name} {shown}, wanted {sign} {finding.demand.bound:.4g}"


def _plain(finding: Finding) -> dict[str, Any]:
    figure = asdict(finding.figure) if finding.figure else {"value": None}
    return {
        **asdict(finding.demand),
        **figure,
        "state": finding.state.value,
        **({"why": finding.why} if finding.why else {}),
    }


def report_path(settings: Settings, *, product: str, month: str) -> Path:
    """``<home>/reports/<product>/<month>/risk.json``."""
    return settings.reports / check_name(product) / check_month(month) / "risk.json"


def write_report(settings: Settings, report: RiskReport) -> Path:
    """Write the report with its stamp; returns its path."""
    path = report_path(settings, product=report.product, month=report.month)
    return write_stamped(settings, path, report.to_json())


def rejudge(document: Mapping[str, Any], wanted: Sequence[Demand]) -> tuple[Finding, ...]:
    """Judge the values of a written report again, against demands made from the spec alone.

    States, bounds and directions in the document count for nothing. Raises GateError when a
    demanded check is missing or stands there twice, GateBrokenError when it holds no value.
    """
    checks = document.get("checks")
    found: dict[tuple[str, str, str], Figure | None] = {}
    for check in checks if isinstance(checks, list) else []:
        if not isinstance(check, dict):
            raise _incomplete("an entry that is no check")
        name = (str(check.get("gate")), str(check.get("check")), str(check.get("subject")))
        if name in found:
            raise _incomplete(f"{'.'.join(name)} twice")
        found[name] = _figure(check)
    missing = [d.name for d in wanted if (d.gate, d.check, d.subject) not in found]
    if missing:
        raise _incomplete(f"no {', '.join(missing[:5])}, {len(missing)} missing")
    beside = set(found) - {(d.gate, d.check, d.subject) for d in wanted}
    if beside:
        raise _incomplete(f"unknown checks {', '.join(sorted('.'.join(n) for n in beside)[:5])}")
    judged = []
    for demand in wanted:
        figure = found[(demand.gate, demand.check, demand.subject)]
        judged.append(Finding(demand, figure, judge(demand, figure)))
    return tuple(judged)


def check_passed(findings: Sequence[Finding], *, signed: Sequence[str], product: str) -> None:
    """Raise unless every gate is green, or amber and signed by a person.

    GateBrokenError when a check could not be made; GateError when one is red, or an amber gate
    has no signature.
    """
    broken = [f.demand.name for f in findings if f.state is State.ERROR]
    if broken or not findings:
        raise GateBrokenError(
            f"The privacy gates of {product} could not judge.",
            seen=", ".join(broken[:5]) or "no check at all",
            do="see why in the risk report, repair it and judge again",
        )
    red = [f for f in findings if f.state is State.RED]
    if red:
        raise GateError(
            f"The privacy gates of {product} are red.",
            seen="; ".join(f"{f.demand.gate} {_in_words(f)}" for f in red[:5]),
            expected="every check within the bound of the product spec",
            do="protect the product again; nobody can sign off a red gate",
        )
    amber = {f.demand.gate for f in findings if f.state is State.AMBER} - set(signed)
    if amber:
        raise GateError(
            f"A privacy gate of {product} is amber and nobody has signed for it.",
            seen=f"no sign-off of {', '.join(sorted(amber))} for this content",
            expected="a person's sign-off with a reason",
            do="read the risk report, then `clearward release sign-off`, or protect it again",
        )


def _figure(check: Mapping[str, Any]) -> Figure | None:
    value = _number(check.get("value"))
    if value is None:
        return None
    applies = check.get("applies") is not False
    return Figure(value, _number(check.get("low")), _number(check.get("high")), applies)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value)


def _incomplete(seen: str) -> GateError:
    return GateError(
        "The risk report does not hold exactly the checks of the product spec.",
        seen=seen,
        expected="every demanded check once",
        do="judge the release again",
    )
