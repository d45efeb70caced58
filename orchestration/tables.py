"""Reports as tables in the UI: counts and names of files, never values."""

from itertools import groupby

import dagster as dg

from clearward.quality.report import GateReport
from clearward.risk.report import RiskReport
from clearward.sources.report import IngestReport


def file_counts(report: IngestReport) -> dg.MarkdownMetadataValue:
    """Rows in = rows kept + rows in quarantine, for every file and the table it feeds."""
    lines = ["| file | table | rows in | kept | quarantined | rules |", "|---|---|--:|--:|--:|---|"]
    for table in report.tables:
        for file in table.files:
            kept = file.inserted + file.updated + file.unchanged
            rules = ", ".join(f"{rule} {n}" for rule, n in sorted(file.quarantined.items()))
            bad = sum(file.quarantined.values())
            lines.append(
                f"| {file.name} | {table.table} | {file.rows_in} | {kept} | {bad} | {rules} |"
            )
    return dg.MetadataValue.md("\n".join(lines))


def checks_by_table(report: GateReport) -> dg.MarkdownMetadataValue:
    """Checks made and checks that keep the gate shut, for every table: what the Data Docs say at
    length. A browser opens no file of this machine from a page of the UI, so the UI says it too."""
    red = {(check.table, check.check) for check in report.red}
    lines = ["| table | rows | checks | against the gate |", "|---|--:|--:|---|"]
    for table, group in groupby(report.checks, key=lambda check: check.table):
        checks = list(group)
        against = [f"{c.check} ({c.failed} rows)" for c in checks if (table, c.check) in red]
        rows = max(check.rows for check in checks)
        lines.append(f"| {table} | {rows} | {len(checks)} | {', '.join(against) or 'nothing'} |")
    return dg.MetadataValue.md("\n".join(lines))


def findings_of_gate(report: RiskReport, gate: str) -> dg.MarkdownMetadataValue:
    """What a privacy gate asked and what was measured, a line for each check."""
    lines = ["| check | of | measured | interval | bound | state |", "|---|---|--:|--:|--:|---|"]
    for finding in report.of(gate):
        demand, figure = finding.demand, finding.figure
        value, interval = "not measured", ""
        if figure:
            value = f"{figure.value:.4g}"
            if figure.low is not None and figure.high is not None:
                interval = f"{figure.low:.3g} to {figure.high:.3g}"
        bound = f"{'at least' if demand.is_least else 'at most'} {demand.bound:.4g}"
        name = demand.check.replace("_", " ")
        state = finding.state.value
        lines.append(f"| {name} | {demand.subject} | {value} | {interval} | {bound} | {state} |")
    return dg.MetadataValue.md("\n".join(lines))
