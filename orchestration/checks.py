"""Gate reports as Dagster check results: counts and links, never values."""

import dagster as dg
from clearward.quality.report import GateReport


def gate_result(
    report: GateReport, *, asset: dg.CoercibleToAssetKey, check: str
) -> dg.AssetCheckResult:
    """Green passes; red and broken both stop, and say which of the two it is."""
    return dg.AssetCheckResult(
        passed=report.is_green,
        asset_key=asset,
        check_name=check,
        severity=dg.AssetCheckSeverity.ERROR,
        description=report.summary(),
        metadata=report.metadata(),
    )
