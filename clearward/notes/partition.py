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
from typing import Any

import pyarrow as pa

from clearward.collector import uncollected
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
from clearward.notes.tables import findings_to_arrow, to_arrow
from clearward.notes.titles import known_titles, plain_title

Shift = Callable[[str], int]
Row = Mapping[str, Any]
Values = tuple[Any, ...]
_MADE = ("note", "finding", "note_reject", "note_phi")
# of a `Finding`
_VALUE, _PLACES, _RULE = (
    slice(Finding._fields.index(first), Finding._fields.index(last) + 1)
    for first, last in (("lang", "section"), ("start", "cue_end"), ("rule_id", "engine_version"))
)
_NOWHERE = (None, None)
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
        self._hospital, self._month = hospital, month
        self._shift = lru_cache(maxsize=16)(shift)  # rows come by patient
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
        made: dict[str, list[Values]] = {table: [] for table in _MADE}
        with uncollected():  # looking for cycles costs a tenth of reading
            for row in rows:
                self._read(row, made)
        counts = self._tally.counts
        counts["notes"], counts["findings"] = len(made["note"]), len(made["finding"])
        tables = findings_to_arrow(made.pop("finding"))
        tables |= {name: to_arrow(name, each) for name, each in made.items()}
        return Batch(tables, self._tally)

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

    def _read(self, row: Row, made: dict[str, list[Values]]) -> None:
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
        made["finding"] += self._findings(row, reading, scrubbed)
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

    def _phi_rows(self, row: Row, scrubbed: Scrubbed) -> Iterator[Values]:
        ids = (row["hospital_id"], row["month"], row["row_key"], row["patient_key"])
        for kind, start, end, rule in scrubbed.spans:
            yield (*ids, kind, start, end, rule)

    def _moved(self, row: Row) -> datetime | None:
        if row["written_at"] is None or row["patient_key"] is None:
            return None
        moved: datetime = row["written_at"] + timedelta(days=self._shift(row["patient_key"]))
        return moved

    def _withheld(self, row: Row) -> Values:
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

    def _note(self, row: Row, text: str | None, *, lang: str | None) -> Values:
        return (
            *(row[name] for name in ("hospital_id", "month", "row_key", "patient_key")),
            row["encounter_key"],
            row["op"],
            self._moved(row),
            self._title(row),
            lang,
            text,
            # of the scrubbed text: a hash of the original could be tested against the original
            None if text is None else _sha256(text),
            row["file_id"],
            row["source_row"],
        )

    def _rejects(self, row: Row, reading: TextReading) -> Iterator[Values]:
        self._tally.rejected.update(f"{r.attribute}_{r.reason}" for r in reading.rejects)
        ids = (row["hospital_id"], row["month"], row["row_key"], row["patient_key"])
        for reject in reading.rejects:
            start, end = reject.start, reject.end
            yield (
                *(*ids, reading.lang, reject.attribute, reject.rule_id, ENGINE_VERSION),
                *(reject.reason, row["text"][start:end], start, end),
            )

    def _findings(self, row: Row, reading: TextReading, scrubbed: Scrubbed) -> Iterator[Values]:
        """Each finding with its place in the scrubbed text and in the note as it came."""
        text: str = row["text"]
        found = reading.findings
        spans = [(f.start, f.end) for f in found] + [(f.cue_start, f.cue_end) for f in found]
        moved = scrubbed.moved(spans)
        places, cues = moved[: len(found)], moved[len(found) :]
        check_moved([text[f.start : f.end] for f in found], scrubbed.text, places, row["row_key"])
        ids = (row["hospital_id"], row["month"])
        keys = (row["row_key"], row["patient_key"])
        of_note = (row["encounter_key"], self._moved(row))
        after, before = _sha256(scrubbed.text), _sha256(text)
        for finding, name, place, cue in zip(
            found, self._ids(row, found), places, cues, strict=True
        ):
            if place is None:
                self._tally.counts["findings_on_phi"] += 1
            elif self._special(finding.concept_code, f"{finding.attribute} {finding.value_text}"):
                self._tally.counts["findings_special"] += 1
            else:
                self._count(finding)
                fields: Values = finding
                status = "queued" if finding.confidence < REVIEW_BELOW else "unreviewed"
                yield (
                    *(*ids, name, *keys, *fields[_VALUE], *fields[_RULE], finding.confidence),
                    *(status, *of_note, *place, *(cue or _NOWHERE), after),
                    *(*fields[_PLACES], before, text[finding.start : finding.end]),
                )

    def _count(self, finding: Finding) -> None:
        self._tally.by_attribute[finding.attribute] += 1
        self._tally.findings_by_rule[finding.rule_id] += 1
        self._tally.counts["findings_queued"] += finding.confidence < REVIEW_BELOW

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


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
