"""What one partition of notes gave, in counts and ids: a tally per batch, a report per partition.

No text, no value and no span is ever counted by its content.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from clearward.settings import Settings
from clearward.warehouse import check_hospital, check_month, write_text


@dataclass
class Tally:
    """Counts of some notes; tallies of batches add up, in any order, to the partition's.

    Attributes:
        counts: totals by name.
        by_attribute, rejected, phi, special: findings by attribute, rejects by attribute and
            reason, spans by kind, withheld notes by category.
        by_rule: rule → cues seen; `findings_by_rule` → findings of it.
    """

    counts: Counter[str] = field(default_factory=Counter)
    by_attribute: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    phi: Counter[str] = field(default_factory=Counter)
    special: Counter[str] = field(default_factory=Counter)
    by_rule: Counter[str] = field(default_factory=Counter)
    findings_by_rule: Counter[str] = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        """Take another batch's counts in."""
        for each in fields(self):
            getattr(self, each.name).update(getattr(other, each.name))


@dataclass(frozen=True)
class NotesReport:
    """What one partition gave: counts and ids only.

    Attributes:
        notes: versions of notes written, deletions included.
        withheld_leak: notes written as deleted, without their text, because a known identifier
            stood in the scrubbed text.
        withheld_special: notes written as deleted because their text or title names a special
            disease, by category.
        findings_on_phi: findings not written because scrubbing touched their characters.
        findings_special: findings not written because they are of a special disease.
        findings_queued: findings of low confidence, for `clearward notes review`.
        titles_withheld: titles that are no known kind of document and that few patients share.
        special_list: id of the list of special diseases that was used.
        by_attribute, rejected, phi: counts by attribute, by attribute and reason, by kind.
        cues_by_rule, findings_by_rule: what each rule met and what it read, for drift.
    """

    hospital: str
    month: str
    notes: int
    deleted: int
    findings: int
    withheld_leak: int
    findings_on_phi: int
    known_identifiers: int
    by_attribute: Mapping[str, int]
    rejected: Mapping[str, int]
    phi: Mapping[str, int]
    withheld_special: Mapping[str, int] = field(default_factory=dict)
    findings_special: int = 0
    findings_queued: int = 0
    titles_withheld: int = 0
    special_list: str = ""
    cues_by_rule: Mapping[str, int] = field(default_factory=dict)
    findings_by_rule: Mapping[str, int] = field(default_factory=dict)

    def metadata(self) -> dict[str, int | float | str]:
        """Flat counts for Dagster, the CLI and `reports/`."""
        flat: dict[str, int | float | str] = {
            name: getattr(self, name)
            for name in ("hospital", "month", "notes", "deleted", "findings", "withheld_leak",
                         "findings_on_phi", "findings_special", "findings_queued",
                         "titles_withheld", "known_identifiers", "special_list")
        }  # fmt: skip
        for prefix, counts in (
            ("finding", self.by_attribute),
            ("rejected", self.rejected),
            ("phi", self.phi),
            ("withheld_special", self.withheld_special),
        ):
            flat |= {f"{prefix}_{name}": number for name, number in sorted(counts.items())}
        return flat

    def detail(self) -> dict[str, object]:
        """Everything, by rule: what ``reports/notes/`` keeps."""
        return {
            **self.metadata(),
            "cues_by_rule": dict(self.cues_by_rule),
            "findings_by_rule": dict(self.findings_by_rule),
        }


def report_of(
    tally: Tally, *, hospital: str, month: str, known_identifiers: int, special_list: str
) -> NotesReport:
    """The report of a partition whose batches are all in."""
    counts = tally.counts
    return NotesReport(
        hospital=hospital,
        month=month,
        notes=counts["notes"],
        deleted=counts["deleted"],
        findings=counts["findings"],
        withheld_leak=counts["withheld_leak"],
        findings_on_phi=counts["findings_on_phi"],
        known_identifiers=known_identifiers,
        by_attribute=_sorted(tally.by_attribute),
        rejected=_sorted(tally.rejected),
        phi=_sorted(tally.phi),
        withheld_special=_sorted(tally.special),
        findings_special=counts["findings_special"],
        findings_queued=counts["findings_queued"],
        titles_withheld=counts["titles_withheld"],
        special_list=special_list,
        cues_by_rule=_sorted(tally.by_rule),
        findings_by_rule=_sorted(tally.findings_by_rule),
    )


def write_report(settings: Settings, report: NotesReport) -> Path:
    """Write ``reports/notes/<hospital>/<month>.json``, whole or not at all."""
    folder = settings.reports / "notes" / check_hospital(report.hospital)
    text = json.dumps(report.detail(), ensure_ascii=False, indent=1)
    return write_text(folder / f"{check_month(report.month)}.json", text + "\n")


def read_reports(settings: Settings, *, hospital: str = "") -> list[dict[str, Any]]:
    """Reports on disk, by hospital and month."""
    pattern = f"{check_hospital(hospital)}/*.json" if hospital else "*/*.json"
    paths = sorted((settings.reports / "notes").glob(pattern))
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def _sorted(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items()))
