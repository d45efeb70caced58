"""Gate reports as Dagster check results: counts and links, never values."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg

from clearward.quality.report import DOCS_NAME, GateReport
from clearward.risk.gates import GATES, State
from clearward.risk.report import RiskReport
from orchestration.tables import checks_by_table, findings_of_gate

PRIVACY_CHECKS = {gate: f"privacy_{gate.lower()}" for gate in GATES}
"""Gate -> name of its check."""


def gate_result(
    report: GateReport, *, asset: dg.AssetKey | str, check: str, folder: Path
) -> dg.AssetCheckResult:
    """Green passes; red and broken both stop, and say which of the two it is."""
    return dg.AssetCheckResult(
        passed=report.is_green,
        asset_key=asset,
        check_name=check,
        severity=dg.AssetCheckSeverity.ERROR,
        description=_in_words(report),
        metadata={
            **report.metadata(),
            "tables": checks_by_table(report),
            "data_docs": dg.MetadataValue.path(folder / DOCS_NAME / "index.html"),
        },
    )


def privacy_specs(asset: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """One blocking check per privacy gate."""
    return [
        dg.AssetCheckSpec(name, asset=asset, blocking=True, description=GATES[gate])
        for gate, name in PRIVACY_CHECKS.items()
    ]


def privacy_results(report: RiskReport, asset: dg.AssetKey) -> Iterator[dg.AssetCheckResult]:
    """Red and error stop the run; amber warns: a candidate may be built for a person to judge."""
    for gate, name in PRIVACY_CHECKS.items():
        state = report.state(gate)
        severity = dg.AssetCheckSeverity
        yield dg.AssetCheckResult(
            passed=state in (State.GREEN, State.NOT_APPLICABLE),
            asset_key=asset,
            check_name=name,
            severity=severity.WARN if state is State.AMBER else severity.ERROR,
            description=report.summary(gate),
            metadata={"state": state.value, "checks": findings_of_gate(report, gate)},
        )


def _in_words(report: GateReport) -> str:
    judged = f"{len(report.checks)} checks on {len(report.files)} files"
    if report.is_green:
        return f"{judged}: all hold."
    red = ", ".join(f"{c.table}.{c.check} ({c.state.value}, {c.failed} rows)" for c in report.red)
    return f"{judged}; red: {red or 'nothing was judged'}"
