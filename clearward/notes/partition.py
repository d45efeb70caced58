"""The work on one partition's notes, batch by batch: read, scrub, audit, and count.

Where notes come from and rows go to belongs to `pipeline`; the rules are in `reader` and `scrub`.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from operator import attrgetter
from typing import Any

import pyarrow as pa

from clearward.deidentify.special import list_id, special_category
from clearward.deidentify.special_text import named_category
from clearward.keyring import Keyring, pseudonym
from clearward.notes.document import fold, open_document
from clearward.notes.finding import Finding
from clearward.notes.identifiers import Identifier
from clearward.notes.invariants import check_moved, check_reading
from clearward.notes.phi import phi_patterns
from clearward.notes.reader import ENGINE_VERSION, TextReading, read_text
from clearward.notes.report import NotesReport, Tally, report_of
from clearward.notes.roster import own_identifiers
from clearward.notes.scrub import KnownPeople, Scrubbed, scrub
from clearward.notes.squeeze import squeeze
from clearward.notes.surrogates import Surrogates
from clearward.notes.tables import SCHEMAS, to_arrow
from clearward.notes.titles import known_titles, plain_title

Shift = Callable[[str], int]
Row = Mapping[str, Any]
_CARRIED = (
    "lang", "attribute", "concept_code", "concept_system", "value_num", "value_low", "value_high",
    "comparator", "value_text", "unit_ucum", "laterality", "method", "is_negated", "certainty",
    "temporality", "experiencer", "speaker", "section", "rule_id", "pack_version",
    "engine_version", "confidence",
)  # fmt: skip
_carried = attrgetter(*_CARRIED)


# below it a finding waits for a person: a convention filled a gap, or a side was guessed
REVIEW_BELOW = 0.8


@dataclass(frozen=True)
class Batch:
    """What one batch gave: rows by table, as Arrow, and counts."""

    tables: Mapping[str, pa.Table]
    tally: Tally


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
        phi_patterns()  # compiled once, before workers are forked
        self._patient: tuple[str, KnownPeople, Surrogates, int] | None = None
        self._shared_titles = shared_titles
        # a hospital has few titles, and packs say few different things
        self._may_keep = lru_cache(maxsize=4096)(self._is_plain_title)
        self._special = lru_cache(maxsize=8192)(special_category)
        self._tally = Tally()

    def read(self, rows: list[Row]) -> Batch:
        """Rows of every table for one batch, and its counts; no batch depends on another."""
        self._tally = Tally()
        made: dict[str, list[Row]] = {table: [] for table in SCHEMAS}
        for row in rows:
            self._read(row, made)
        counts = self._tally.counts
        counts["notes"], counts["findings"] = len(made["note"]), len(made["finding"])
        return Batch({name: to_arrow(name, each) for name, each in made.items()}, self._tally)

    def report(self, tally: Tally) -> NotesReport:
        """The report of a partition whose batches are all in."""
        return report_of(
            tally,
            hospital=self._hospital,
            month=self._month,
            known_identifiers=self._everyone.size,
            special_list=list_id(),
        )

    def _of_patient(self, row: Row) -> tuple[KnownPeople, Surrogates, int]:
        """Rows come by patient, so that a patient's list is built once."""
        if self._patient is None or self._patient[0] != row["patient_key"]:
            own = KnownPeople(own_identifiers(row["people"]))
            draw = Surrogates(
                self._surrogate_key, row["patient_key"], is_known=self._everyone.touches
            )
            days = self._shift(row["patient_key"])
            self._patient = (row["patient_key"], own, draw, days)
        return self._patient[1:]

    def _read(self, row: Row, made: dict[str, list[Row]]) -> None:
        tally = self._tally
        if row["op"] == "D" or row["text"] is None:
            tally.counts["deleted"] += row["op"] == "D"
            made["note"].append(self._note(row, None, lang=None))
            return
        category = named_category(f"{row['title'] or ''}\n{row['text']}")
        if category:
            tally.special[category] += 1
            made["note"].append(self._withheld(row))
            return
        written = row["written_at"].date() if row["written_at"] else None
        reading = read_text(row["text"], written=written)
        check_reading(row["text"], reading, note_key=row["row_key"], written=written)
        scrubbed = self._scrub(row)
        if self._leaks(scrubbed.text):
            tally.counts["withheld_leak"] += 1
            made["note"].append(self._withheld(row))
            return
        made["note"].append(self._note(row, scrubbed.text, lang=reading.lang))
        tally.by_rule.update(reading.cues)
        made["note_reject"] += self._rejects(row, reading)
        for finding, place in self._findings(row, reading, scrubbed):
            made["finding"].append(finding)
            made["finding_place"].append(place)
        tally.phi.update(span.kind for span in scrubbed.spans)
        made["note_phi"] += self._phi_rows(row, scrubbed)

    def _scrub(self, row: Row) -> Scrubbed:
        own, surrogates, days = self._of_patient(row)
        return scrub(
            open_document(row["text"]),
            known=(own, self._staff),
            surrogates=surrogates,
            days=days,
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
        if self._may_keep(title):
            return title
        self._tally.counts["titles_withheld"] += 1
        return None

    def _is_plain_title(self, title: str) -> bool:
        """Whether a title says what kind of note it is and no more. What many patients share may
        still be their doctor's name."""
        plain = plain_title(title)
        if plain in known_titles():
            return True
        return plain in self._shared_titles and not (
            self._everyone.leaks(open_document(title).plain)
            or any(self._staff.find(title, squeeze(fold(title))))
            or named_category(title)
        )

    def _note(self, row: Row, text: str | None, *, lang: str | None) -> Row:
        carried = ("hospital_id", "month", "row_key", "patient_key", "op", "file_id", "source_row")
        return {name: row[name] for name in carried} | {
            "encounter_key": row["encounter_key"],
            "written_at": self._moved(row),
            "title": self._title(row),
            "lang": lang,
            "text": text,
            # of the scrubbed text: a hash of the original could be tested against the original
            "note_sha256": None if text is None else _sha256(text),
        }

    def _rejects(self, row: Row, reading: TextReading) -> list[Row]:
        self._tally.rejected.update(f"{r.attribute}_{r.reason}" for r in reading.rejects)
        ids = {name: row[name] for name in ("hospital_id", "month", "patient_key")}
        return [
            ids
            | {
                "note_key": row["row_key"],
                "lang": reading.lang,
                "attribute": reject.attribute,
                "rule_id": reject.rule_id,
                "engine_version": ENGINE_VERSION,
                "reason": reject.reason,
                "span_text": row["text"][reject.start : reject.end],
                "span_start": reject.start,
                "span_end": reject.end,
            }
            for reject in reading.rejects
        ]

    def _findings(
        self, row: Row, reading: TextReading, scrubbed: Scrubbed
    ) -> Iterator[tuple[Row, Row]]:
        """Each finding twice: in the scrubbed text, and in the note as it came."""
        text: str = row["text"]
        found = reading.findings
        places = scrubbed.moved([(f.start, f.end) for f in found])
        cues = scrubbed.moved([(f.cue_start, f.cue_end) for f in found])
        check_moved([text[f.start : f.end] for f in found], scrubbed.text, places, row["row_key"])
        ids = self._ids(row, found)
        of_note = {"note_sha256": _sha256(scrubbed.text), "encounter_key": row["encounter_key"],
                   "recorded_at": self._moved(row)}  # fmt: skip
        sha256 = _sha256(text)
        for finding, finding_id, place, cue in zip(found, ids, places, cues, strict=True):
            if place is None:
                self._tally.counts["findings_on_phi"] += 1
                continue
            if self._special(finding.concept_code, f"{finding.attribute} {finding.value_text}"):
                self._tally.counts["findings_special"] += 1
                continue
            shared = self._finding(row, finding, finding_id)
            self._count(finding, shared)
            span = finding.start, finding.end
            yield (
                shared | _places(place, cue) | of_note,
                shared
                | _places(span, (finding.cue_start, finding.cue_end))
                | {"note_sha256": sha256, "span_text": text[slice(*span)]},
            )

    def _count(self, finding: Finding, made: Row) -> None:
        self._tally.by_attribute[finding.attribute] += 1
        self._tally.findings_by_rule[finding.rule_id] += 1
        self._tally.counts["findings_queued"] += made["review_status"] == "queued"

    def _ids(self, row: Row, found: Sequence[Finding]) -> list[str]:
        """A name per finding; two of one attribute on the same characters are numbered."""
        seen: Counter[tuple[str, int, int]] = Counter()
        ids: list[str] = []
        for finding in found:
            key = (finding.attribute, finding.start, finding.end)
            again = (str(seen[key]),) if seen[key] else ()
            seen[key] += 1
            span = (str(finding.start), str(finding.end))
            ids.append(pseudonym(self._row_key, row["row_key"], finding.attribute, *span, *again))
        return ids

    def _finding(self, row: Row, finding: Finding, finding_id: str) -> dict[str, Any]:
        values = [None if value == "" else value for value in _carried(finding)]
        queued = finding.confidence < REVIEW_BELOW
        return dict(zip(_CARRIED, values, strict=True)) | {
            "hospital_id": row["hospital_id"],
            "month": row["month"],
            "finding_id": finding_id,
            "note_key": row["row_key"],
            "patient_key": row["patient_key"],
            "review_status": "queued" if queued else "unreviewed",
        }


def _places(span: tuple[int, int], cue: tuple[int, int] | None) -> dict[str, int | None]:
    first, last = cue or (None, None)
    return {"span_start": span[0], "span_end": span[1], "cue_start": first, "cue_end": last}


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
