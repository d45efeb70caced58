"""Gate reports as Dagster check results: counts and links, never values."""

import dagster as dg

from clearward.quality.report import GateReport


def gate_result(report: GateReport, *, asset: dg.AssetKey | str, check: str) -> dg.AssetCheckResult:
    """Green passes; red and broken both stop, and say which of the two it is."""
    return dg.AssetCheckResult(
        passed=report.is_green,
        asset_key=asset,
        check_name=check,
        severity=dg.AssetCheckSeverity.ERROR,
        description=_in_words(report),
        metadata=report.metadata(),
    )


def _in_words(report: GateReport) -> str:
    judged = f"{len(report.checks)} checks on {len(report.files)} files"
    if report.is_green:
        return f"{judged}: all hold."
    red = ", ".join(f"{c.table}.{c.check} ({c.state.value}, {c.failed} rows)" for c in report.red)
    return f"{judged}; red: {red or 'nothing was judged'}"
