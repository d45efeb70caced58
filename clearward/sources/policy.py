"""Whether an extract may be taken now, and what it does to its month. No file is opened here."""

from __future__ import annotations

from collections.abc import Sequence

from clearward.errors import ExtractError
from clearward.sources.extract import Extract
from clearward.sources.report import IngestReport

DELETE_SHARE = 0.005
DELETE_FLOOR = 20
"""A full extract may drop up to this share of a table, and always this many rows."""

DECISIONS = {
    "new": "a month without an accepted extract",
    "replace": "a corrected extract of the newest month: its partition is written anew",
    "merge": "a further delta of the newest month: its rows join the partition",
    "repeat": "an extract that was taken before: nothing to do",
}


def decide(extract: Extract, accepted: Sequence[IngestReport]) -> str:
    """A key of `DECISIONS`; raises ExtractError for a gap, an older extract, a changed system."""
    if any(extract.fingerprint in (r.fingerprint, *r.superseded) for r in accepted):
        return "repeat"
    last = accepted[-1] if accepted else None
    _check_sequence(extract, last)
    if last is None:
        return "new"
    if last.system != extract.system and "system" not in extract.known_changes:
        raise ExtractError(
            f"{extract.hospital} sends another source system than before.",
            seen=extract.system,
            expected=last.system,
            do='name the change: "known_changes": ["system"] in the manifest',
        )
    if extract.month > last.month:
        return "new"
    if extract.month < last.month:
        raise ExtractError(
            f"{extract.hospital} sends {extract.month} after {last.month}.",
            expected=f"a month from {last.month} on",
            do="put late and corrected rows into the extract of the newest month",
        )
    if extract.kind == "full":
        return "replace"
    if extract.sequence > last.sequence:
        return "merge"
    if last.merged:
        raise ExtractError(
            f"A delta of {extract.month} cannot be corrected: it was merged with another.",
            do="send a full extract, or a further delta with the next sequence",
        )
    return "replace"


def _check_sequence(extract: Extract, last: IngestReport | None) -> None:
    expected = last.sequence + 1 if last else 1
    if extract.sequence > expected:
        missing = [str(number) for number in range(expected, min(extract.sequence, expected + 20))]
        raise ExtractError(
            f"Extract {extract.sequence} of {extract.hospital} is held: there is a gap before it.",
            seen=f"sequence {extract.sequence}",
            expected=f"sequence {expected}; missing: {', '.join(missing)}",
            do="ingest the missing extracts first",
        )
    corrects = last is not None and (extract.sequence, extract.month) == (last.sequence, last.month)
    if extract.sequence < expected and not corrects:
        raise ExtractError(
            f"Extract {extract.sequence} of {extract.hospital} is older than what was taken.",
            seen=f"sequence {extract.sequence} of {extract.month}, not the one taken then",
            expected=f"sequence {expected}, or a corrected extract of the newest month",
            do="send the correction as the next extract; an old one brings no row back",
        )


def check_deletes(extract: Extract, table: str, *, deletes: int, before: int) -> None:
    """Refuse a full extract that silently drops more rows than a hospital usually does."""
    allowed = max(DELETE_FLOOR, int(before * DELETE_SHARE))
    if deletes > allowed and "deletes" not in extract.known_changes:
        raise ExtractError(
            f"The full extract drops too many rows of {table}.",
            seen=f"{deletes} of {before} rows are gone",
            expected=f"at most {allowed} ({DELETE_SHARE:.1%}, or {DELETE_FLOOR} rows)",
            do='ask the hospital; if it is right, "known_changes": ["deletes"] in the manifest',
        )
