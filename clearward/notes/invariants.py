"""What must hold of every reading, checked on every run and not only in tests. A breach stops the
partition: nothing of it is written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date

from clearward.errors import DeidentifyError
from clearward.notes.finding import Finding
from clearward.notes.reader import TextReading, read_text

# one note in so many is read a second time
AGAIN = 64


def check_reading(
    text: str, reading: TextReading, *, note_key: str, written: date | None = None
) -> None:
    """Every finding stands in its note and names its rule; the same text gives the same reading.

    Args:
        text: the note as stored.
        reading: what was read in it.
        note_key: for the message; the note's text is never shown.
        written: the note's own day, as it was read with.

    Raises:
        DeidentifyError: one of these does not hold.
    """
    for finding in reading.findings:
        _check_place(text, finding, note_key)
    for reject in reading.rejects:
        if not (0 <= reject.start < reject.end <= len(text) and reject.reason and reject.rule_id):
            raise _breach("A rejected value has no place, reason or rule", note_key, reject.rule_id)
    if reading.findings and _is_chosen(text) and read_text(text, written=written) != reading:
        raise _breach("Reading the same note twice gave two results", note_key, "")


def check_moved(
    original: Sequence[str], scrubbed: str, places: Sequence[tuple[int, int] | None], note_key: str
) -> None:
    """Where a finding stands in the scrubbed text the same characters stand.

    Raises:
        DeidentifyError: a place holds other characters than were read.
    """
    for read, place in zip(original, places, strict=True):
        if place is not None and scrubbed[place[0] : place[1]] != read:
            raise _breach("A finding moved off its characters", note_key, "")


def _check_place(text: str, finding: Finding, note_key: str) -> None:
    start, end = finding.start, finding.end
    if not (0 <= start < end <= len(text) and text[start:end].strip()):
        raise _breach("A finding stands nowhere in its note", note_key, finding.rule_id)
    if not 0 <= finding.cue_start <= finding.cue_end <= len(text):
        raise _breach("A finding's cue stands nowhere in its note", note_key, finding.rule_id)
    if not (finding.rule_id and finding.pack_version and finding.engine_version):
        raise _breach("A finding names no rule, pack or engine", note_key, finding.rule_id)
    if not 0 <= finding.confidence <= 1:
        raise _breach("A finding's confidence is no share", note_key, finding.rule_id)


def _is_chosen(text: str) -> bool:
    return hashlib.sha256(text.encode()).digest()[0] % AGAIN == 0


def _breach(failed: str, note_key: str, rule: str) -> DeidentifyError:
    return DeidentifyError(
        f"{failed}.",
        seen=f"note {note_key}" + (f", rule {rule}" if rule else ""),
        do="nothing of this partition was written; report the rule, its pack must be mended",
    )
