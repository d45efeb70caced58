"""Gate reports as Dagster check results: counts and links, never values."""

from pathlib import Path

import dagster as dg

from clearward.quality.report import DOCS_NAME, GateReport
from orchestration.tables import checks_by_table


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


def _in_words(report: GateReport) -> str:
    judged = f"{len(report.checks)} checks on {len(report.files)} files"
    if report.is_green:
        return f"{judged}: all hold."
    red = ", ".join(f"{c.table}.{c.check} ({c.state.value}, {c.failed} rows)" for c in report.red)
    return f"{judged}; red: {red or 'nothing was judged'}"
