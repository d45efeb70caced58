"""Reports as tables in the UI: counts and names of files, never values."""

import dagster as dg

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
