"""The work on one partition's notes, batch by batch: read, scrub, audit, and count.

Where notes come from and rows go to belongs to `pipeline`; the rules are in `reader` and `scrub`.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from clearward.deidentify.special import list_id, special_category
from clearward.deidentify.special_text import named_category
from clearward.keyring import Keyring, pseudonym
from clearward.notes.document import fold, open_document
from clearward.notes.finding import Finding
from clearward.notes.identifiers import Identifier
from clearward.notes.reader import TextReading, read_text
from clearward.notes.roster import own_identifiers
from clearward.notes.scrub import KnownPeople, Scrubbed, scrub
from clearward.notes.squeeze import squeeze
from clearward.notes.surrogates import Surrogates
from clearward.notes.titles import known_titles, plain_title

Shift = Callable[[str], int]
Row = Mapping[str, Any]


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
        titles_withheld: titles that are no known kind of document and that few patients share.
        special_list: id of the list of special diseases that was used.
        by_attribute, rejected, phi: counts by attribute, by attribute and reason, by kind.
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
    titles_withheld: int = 0
    special_list: str = ""

    def metadata(self) -> dict[str, int | float | str]:
        """Flat counts for Dagster, the CLI and `reports/`."""
        flat: dict[str, int | float | str] = {
            name: getattr(self, name)
            for name in ("hospital", "month", "notes", "deleted", "findings", "withheld_leak",
                         "findings_on_phi", "findings_special", "titles_withheld",
                         "known_identifiers", "special_list")
        }  # fmt: skip
        for prefix, counts in (
            ("finding", self.by_attribute),
            ("rejected", self.rejected),
            ("phi", self.phi),
            ("withheld_special", self.withheld_special),
        ):
            flat |= {f"{prefix}_{name}": number for name, number in sorted(counts.items())}
        return flat


class PartitionWork:
    """The known people of one partition, and what has been counted so far."""

    def __init__(
        self,
        keyring: Keyring,
        shift: Shift,
        *,
        hospital: str,
        month: str,
        staff: list[Identifier],
        everyone: KnownPeople,
        shared_titles: frozenset[str] = frozenset(),
    ) -> None:
        self._shift, self._hospital, self._month = shift, hospital, month
        self._row_key, self._surrogate_key = keyring.key("row"), keyring.key("surrogate")
        self._staff, self._everyone = KnownPeople(staff), everyone
        self._patient: tuple[str, KnownPeople, Surrogates] | None = None
        self._spans: list[Row] = []
        self._shared_titles = shared_titles
        self._counts: Counter[str] = Counter()
        self._special: Counter[str] = Counter()
        self._by_attribute: Counter[str] = Counter()
        self._rejected: Counter[str] = Counter()
        self._phi: Counter[str] = Counter()

    def read(self, rows: list[Row]) -> tuple[list[Row], list[Row]]:
        """Rows of `note` and of `finding` for one batch."""
        notes: list[Row] = []
        findings: list[Row] = []
        for row in rows:
            if row["op"] == "D" or row["text"] is None:
                self._counts["deleted"] += row["op"] == "D"
                notes.append(self._note(row, None, lang=None))
                continue
            category = named_category(f"{row['title'] or ''}\n{row['text']}")
            if category:
                self._special[category] += 1
                notes.append(self._withheld(row))
                continue
            reading = read_text(row["text"])
            scrubbed = self._scrub(row)
            if self._leaks(scrubbed.text):
                self._counts["withheld_leak"] += 1
                notes.append(self._withheld(row))
                continue
            notes.append(self._note(row, scrubbed.text, lang=reading.lang))
            findings += self._findings(row, reading, scrubbed)
            self._phi.update(span.kind for span in scrubbed.spans)
            self._spans += self._phi_rows(row, scrubbed)
        self._counts["notes"] += len(notes)
        self._counts["findings"] += len(findings)
        return notes, findings

    def report(self) -> NotesReport:
        """Counts of all batches."""
        return NotesReport(
            hospital=self._hospital,
            month=self._month,
            notes=self._counts["notes"],
            deleted=self._counts["deleted"],
            findings=self._counts["findings"],
            withheld_leak=self._counts["withheld_leak"],
            findings_on_phi=self._counts["findings_on_phi"],
            known_identifiers=self._everyone.size,
            by_attribute=dict(sorted(self._by_attribute.items())),
            rejected=dict(sorted(self._rejected.items())),
            phi=dict(sorted(self._phi.items())),
            withheld_special=dict(sorted(self._special.items())),
            findings_special=self._counts["findings_special"],
            titles_withheld=self._counts["titles_withheld"],
            special_list=list_id(),
        )

    def take_spans(self) -> list[Row]:
        """Rows of `note_phi` since the last call; they stay in the identified zone."""
        spans, self._spans = self._spans, []
        return spans

    def _of_patient(self, row: Row) -> tuple[KnownPeople, Surrogates]:
        """Rows come by patient, so that a patient's list is built once."""
        if self._patient is None or self._patient[0] != row["patient_key"]:
            own = KnownPeople(own_identifiers(row["people"]))
            draw = Surrogates(
                self._surrogate_key, row["patient_key"], is_known=self._everyone.touches
            )
            self._patient = (row["patient_key"], own, draw)
        return self._patient[1:]

    def _scrub(self, row: Row) -> Scrubbed:
        own, surrogates = self._of_patient(row)
        return scrub(
            open_document(row["text"]),
            known=(own, self._staff),
            surrogates=surrogates,
            days=self._shift(row["patient_key"]),
            year=row["written_at"].year,
        )

    def _leaks(self, text: str) -> int:
        """Of everybody's whole identifiers, and of every form of the patient's own."""
        own = self._patient[1] if self._patient else KnownPeople(())
        plain = fold(text)
        squeezed = squeeze(plain)
        return self._everyone.leaks(plain, squeezed) or own.leaks(plain, squeezed)

    def _phi_rows(self, row: Row, scrubbed: Scrubbed) -> Iterator[Row]:
        carried = {name: row[name] for name in ("hospital_id", "month", "patient_key")}
        for span in scrubbed.spans:
            yield carried | {
                "note_key": row["row_key"],
                "kind": span.kind,
                "span_start": span.start,
                "span_end": span.end,
                "rule_id": span.rule,
            }

    def _moved(self, row: Row) -> datetime | None:
        if row["written_at"] is None or row["patient_key"] is None:
            return None
        moved: datetime = row["written_at"] + timedelta(days=self._shift(row["patient_key"]))
        return moved

    def _withheld(self, row: Row) -> Row:
        """Written as deleted, so that an older version of the note does not stay in force."""
        return self._note({**row, "op": "D"}, None, lang=None)

    def _title(self, row: Row) -> str | None:
        if row["op"] == "D" or row["title"] is None:
            return None
        title: str = row["title"]
        plain = plain_title(title)
        # What many patients share may still be their doctor's name.
        is_shared = plain in self._shared_titles and not (
            self._everyone.leaks(open_document(title).plain)
            or any(self._staff.find(title, squeeze(fold(title))))
            or named_category(title)
        )
        if plain in known_titles() or is_shared:
            return title
        self._counts["titles_withheld"] += 1
        return None

    def _note(self, row: Row, text: str | None, *, lang: str | None) -> Row:
        carried = ("hospital_id", "month", "row_key", "patient_key", "op", "file_id", "source_row")
        return {name: row[name] for name in carried} | {
            "encounter_key": row["encounter_key"],
            "written_at": self._moved(row),
            "title": self._title(row),
            "lang": lang,
            "text": text,
            # of the scrubbed text: a hash of the original could be tested against the original
            "note_sha256": None if text is None else hashlib.sha256(text.encode()).hexdigest(),
        }

    def _findings(self, row: Row, reading: TextReading, scrubbed: Scrubbed) -> Iterator[Row]:
        self._rejected.update(f"{r.attribute}_{r.reason}" for r in reading.rejects)
        places = scrubbed.moved([(f.start, f.end) for f in reading.findings])
        for finding, place in zip(reading.findings, places, strict=True):
            if place is None:
                self._counts["findings_on_phi"] += 1
                continue
            if special_category(finding.concept_code, f"{finding.attribute} {finding.value_text}"):
                self._counts["findings_special"] += 1
                continue
            self._by_attribute[finding.attribute] += 1
            yield self._finding(row, finding, place)

    def _finding(self, row: Row, finding: Finding, place: tuple[int, int]) -> Row:
        names = ("lang", "attribute", "concept_code", "concept_system", "value_num", "value_low",
                 "value_high", "comparator", "value_text", "unit_ucum", "laterality", "method",
                 "is_negated", "certainty", "temporality", "experiencer", "speaker", "section",
                 "rule_id", "pack_version", "engine_version", "confidence")  # fmt: skip
        values = {name: getattr(finding, name) for name in names}
        span = (str(finding.start), str(finding.end))
        return {name: None if value == "" else value for name, value in values.items()} | {
            "hospital_id": row["hospital_id"],
            "month": row["month"],
            "finding_id": pseudonym(self._row_key, row["row_key"], finding.attribute, *span),
            "note_key": row["row_key"],
            "patient_key": row["patient_key"],
            "encounter_key": row["encounter_key"],
            "recorded_at": self._moved(row),
            "span_start": place[0],
            "span_end": place[1],
        }
