"""What ingest says about an extract: counts and ids only. The same values go to the marker that
makes an extract accepted, to Dagster and to the CLI.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from clearward.errors import ExtractError

LEAST, MOST = 0.7, 1.3
"""Sizes against the median outside of which an extract is warned of."""


@dataclass(frozen=True)
class FileCount:
    """Reconciliation of one file with one table.

    Attributes:
        rows_in: rows the reader made of the file for this table.
        quarantined: rows by rule.
    """

    file_id: str
    name: str
    rows_in: int
    inserted: int
    updated: int
    unchanged: int
    quarantined: Mapping[str, int] = field(default_factory=dict)

    @property
    def kept(self) -> int:
        """Rows that are in the raw zone, whether or not they had to be written."""
        return self.inserted + self.updated + self.unchanged

    def check(self, table: str) -> None:
        """Raise ExtractError unless every row is accounted for, exactly."""
        out = self.kept + sum(self.quarantined.values())
        if self.rows_in != out:
            raise ExtractError(
                f"{self.name} does not add up in table {table}.",
                seen=f"{self.rows_in} rows in, {out} rows kept or quarantined",
                do="report this as a defect; nothing of the extract was taken",
            )


@dataclass(frozen=True)
class TableCount:
    """What became of one table.

    Attributes:
        sent: False when no file of the extract feeds the table; its rows then stay as they were.
        deleted: rows that got a ``D`` version.
        warnings: ``impossible_date`` (before 1900, or over 31 days after the month's end),
            ``orphan_patient`` (rows of a patient the hospital never sent),
            ``deleted_with_patient`` (rows that went because their patient was deleted),
            ``deletion_unmatched`` (deletions that name no row).
    """

    table: str
    sent: bool
    files: tuple[FileCount, ...] = ()
    deleted: int = 0
    warnings: Mapping[str, int] = field(default_factory=dict)

    @property
    def rows_in(self) -> int:
        """Rows of all files."""
        return sum(file.rows_in for file in self.files)

    @property
    def kept(self) -> int:
        """Rows of all files that are in the raw zone."""
        return sum(file.kept for file in self.files)

    @property
    def quarantined(self) -> dict[str, int]:
        """Rows of all files by rule."""
        total: Counter[str] = Counter()
        for file in self.files:
            total.update(file.quarantined)
        return dict(sorted(total.items()))


@dataclass(frozen=True)
class IngestReport:
    """The outcome of `ingest_extract`.

    Attributes:
        status: ``ingested``, or ``repeated`` when the extract had been taken before.
        superseded: fingerprints of earlier extracts of this month that this one replaced.
        merged: the month also holds rows of an earlier extract of the same month.
        size_against_median: rows as a multiple of the median of the hospital's last six extracts
            of this kind; None while there are fewer than three.
    """

    hospital: str
    system: str
    month: str
    kind: str
    sequence: int
    manifest_sha256: str
    fingerprint: str
    tables: tuple[TableCount, ...]
    status: str = "ingested"
    superseded: tuple[str, ...] = ()
    merged: bool = False
    dropped_columns: tuple[str, ...] = ()
    unknown_files: tuple[str, ...] = ()
    export_errors: int = 0
    size_against_median: float | None = None

    def table(self, name: str) -> TableCount:
        """Counts of one table; KeyError when the system has none of that name."""
        for table in self.tables:
            if table.table == name:
                return table
        raise KeyError(name)

    def metadata(self) -> dict[str, int | float | str]:
        """Counts and ids for Dagster and the CLI."""
        files = [file for table in self.tables for file in table.files]
        values: dict[str, int | float | str] = {
            "hospital": self.hospital,
            "month": self.month,
            "system": self.system,
            "kind": self.kind,
            "sequence": self.sequence,
            "status": self.status,
            "manifest_sha256": self.manifest_sha256,
            "rows_in": sum(file.rows_in for file in files),
            "inserted": sum(file.inserted for file in files),
            "updated": sum(file.updated for file in files),
            "unchanged": sum(file.unchanged for file in files),
            "deleted": sum(table.deleted for table in self.tables),
            "quarantined": sum(sum(file.quarantined.values()) for file in files),
            "dropped_columns": len(self.dropped_columns),
            "unknown_files": len(self.unknown_files),
            "export_errors": self.export_errors,
        }
        if self.size_against_median is not None:
            values["size_against_median"] = self.size_against_median
        for name, number in sorted(self._by_rule().items()):
            values[name] = number
        return values

    def _by_rule(self) -> Counter[str]:
        total: Counter[str] = Counter()
        for table in self.tables:
            total.update({f"quarantined_{k}": n for k, n in table.quarantined.items()})
            total.update({f"warned_{k}": n for k, n in table.warnings.items()})
        if self.size_against_median and not LEAST <= self.size_against_median <= MOST:
            total["warned_unusual_size"] = 1
        return total


def report_to_json(report: IngestReport) -> dict[str, Any]:
    """The report as plain JSON values."""
    return asdict(report)


def report_from_json(document: Mapping[str, Any]) -> IngestReport:
    """The report a marker holds."""
    tables = tuple(
        TableCount(**{**table, "files": tuple(FileCount(**file) for file in table["files"])})
        for table in document["tables"]
    )
    lists = {k: tuple(document[k]) for k in ("superseded", "dropped_columns", "unknown_files")}
    return IngestReport(**{**document, **lists, "tables": tables})
