"""Whether an extract may be taken now, and what it does to its month. No file is opened here."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from clearward.errors import ExtractError
from clearward.sources.extract import Extract
from clearward.sources.report import IngestReport

DELETE_SHARE = 0.005
DELETE_FLOOR = 20
"""A full extract may drop up to this share of a table, and always this many rows."""
MOVED_SHARE = 0.02
MOVED_FLOOR = 20
"""It may change up to this share of what one earlier month brought, and always so many."""
SIZE_MONTHS, SIZE_LEAST = 6, 3
"""Extracts whose median an extract's size is held against, and how few of them say nothing."""

DECISIONS = {
    "new": "a month without an accepted extract",
    "replace": "a corrected extract of the newest month: its partition is written anew",
    "merge": "a further delta of the newest month: its rows join the partition",
    "repeat": "an extract that was taken before: nothing to do",
}


def decide(extract: Extract, accepted: Sequence[IngestReport]) -> str:
    """A key of `DECISIONS`; raises ExtractError for a gap, an older extract, a changed system."""
    if taken_before(extract, accepted) is not None:
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


def taken_before(extract: Extract, accepted: Sequence[IngestReport]) -> IngestReport | None:
    """The report of the same files, taken before; of an older month whatever the hospital's words
    for its code systems were then: they change what the newest month becomes, no closed one."""
    for report in accepted:
        prints = (report.fingerprint, *report.superseded)
        if extract.fingerprint in prints:
            return report
        same_files = extract.fingerprint[:64] in {text[:64] for text in prints}
        if same_files and report is not accepted[-1]:
            return report
    return None


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
            do="ask the hospital; if it is right, `clearward extract signoff`, or "
            '"known_changes": ["deletes"] in the manifest',
        )


def check_moved(extract: Extract, table: str, *, moved: Sequence[tuple[str, int, int]]) -> None:
    """Refuse a full extract that rewrites a closed month: the rows an earlier month brought.

    Args:
        extract: what was sent; its ``known_changes`` may hold the sign-off.
        table: name in the spec.
        moved: month, rows changed, rows before.
    """
    for month, rows, before in moved:
        allowed = max(MOVED_FLOOR, int(before * MOVED_SHARE))
        if rows > allowed and "moved" not in extract.known_changes:
            raise ExtractError(
                f"The full extract rewrites {table} of {month}, a closed month.",
                seen=f"{rows} of {before} rows changed",
                expected=f"at most {allowed} ({MOVED_SHARE:.0%}, or {MOVED_FLOOR} rows)",
                do="ask the hospital; if it is right, `clearward extract signoff`",
            )


def size_against_median(rows: int, accepted: Sequence[IngestReport], *, kind: str) -> float | None:
    """Rows of an extract as a multiple of the median of the last six of its kind; None for fewer
    than three, which say nothing of what is usual."""
    usual = [sum(t.rows_in for t in report.tables) for report in accepted if report.kind == kind]
    middle = median(usual[-SIZE_MONTHS:]) if len(usual) >= SIZE_LEAST else 0
    return round(rows / middle, 3) if middle else None
