"""From identified to scrubbed text: known identifiers, general patterns, dates, then one rewrite.

What is known comes from `identifiers`, patterns from `phi`; the proof that nothing known is left
is `KnownPeople.leaks`, which reads the scrubbed text alone.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import ChainMap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from clearward.notes.document import Document
from clearward.notes.known import KnownPeople
from clearward.notes.phi import PhiSpan, find_phi
from clearward.notes.squeeze import squeeze
from clearward.notes.surrogates import Surrogates
from clearward.notes.textdates import shifted_dates

__all__ = ["KnownPeople", "PhiSpan", "Scrubbed", "merge", "scrub"]


@dataclass(frozen=True)
class Scrubbed:
    """A note without identifiers.

    Attributes:
        text: what may leave.
        spans: kind, start, end in the original; never the text.
        edits: start, end in the original and length of the replacement, in order.
    """

    text: str
    spans: tuple[PhiSpan, ...]
    edits: tuple[tuple[int, int, int], ...]

    def moved(self, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int] | None]:
        """The same characters in `text`; None for a span an edit touched."""
        starts = [start for start, _, _ in self.edits]
        gained = [0, *accumulate(size - (end - start) for start, end, size in self.edits)]
        found: list[tuple[int, int] | None] = []
        for start, end in spans:
            index = bisect_right(starts, start)
            touched = (index and self.edits[index - 1][1] > start) or (
                index < len(starts) and starts[index] < end
            )
            found.append(None if touched else (start + gained[index], end + gained[index]))
        return found


def scrub(
    document: Document,
    *,
    known: Sequence[KnownPeople],
    surrogates: Surrogates,
    days: int,
    year: int,
) -> Scrubbed:
    """Replace every identifier of a note and move its dates.

    Args:
        document: the note.
        known: lists to look for: the patient's own, the hospital's staff.
        surrogates: draws the replacements.
        days: the patient's own date shift.
        year: year the note was written, for dates that name none.
    """
    plain = document.plain
    squeezed = squeeze(plain)
    spans = [span for people in known for span in people.find(plain, squeezed)]
    spans += find_phi(plain, document.lang)
    dates = {(e.start, e.end): e.text for e in shifted_dates(plain, days, year=year)}
    spans += [PhiSpan("date", start, end, "date") for start, end in dates]
    parts = ChainMap(*(people.parts for people in known))

    def is_own(text: str) -> bool:
        near = squeeze(text)
        return any(people.leaks(text, near) for people in known)

    merged = merge(spans)
    pieces: list[str] = []
    edits: list[tuple[int, int, int]] = []
    position = 0
    for kind, start, end, _ in merged:
        new = dates.get((start, end)) if kind == "date" else None
        if new is None:
            new = surrogates.replace(
                kind, document.text[start:end], start, parts=parts, is_own=is_own
            )
        pieces += (document.text[position:start], new)
        edits.append((start, end, len(new)))
        position = end
    pieces.append(document.text[position:])
    return Scrubbed("".join(pieces), tuple(merged), tuple(edits))


def merge(spans: Iterable[PhiSpan]) -> list[PhiSpan]:
    """Spans that overlap become one, of the kind of the longest: no part may stay behind."""
    merged: list[PhiSpan] = []
    longest = 0
    for span in sorted(set(spans), key=_precedence):
        size = span.end - span.start
        if not merged or span.start >= merged[-1].end:
            merged.append(span)
            longest = size
            continue
        last = merged[-1]
        chief = span if size > longest else last
        longest = max(longest, size)
        merged[-1] = PhiSpan(chief.kind, last.start, max(last.end, span.end), chief.rule)
    return merged


def _precedence(span: PhiSpan) -> tuple[int, int, int, str, str]:
    """Of two that are as long, what is known goes first and a number of no kind last."""
    rank = {"known": 0, "slip": 2, "card_number": 2, "long_number": 3}.get(span.rule, 1)
    return span.start, -span.end, rank, span.kind, span.rule
