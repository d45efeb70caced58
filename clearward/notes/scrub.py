"""From identified to scrubbed text: known identifiers, general patterns, dates, then one rewrite.

What is known comes from `identifiers`, patterns from `phi`; the proof that nothing known is left
is `KnownPeople.leaks`, which reads the scrubbed text alone.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import ahocorasick

from clearward.notes.document import Document
from clearward.notes.identifiers import Identifier
from clearward.notes.phi import PhiSpan, find_phi, is_eponym
from clearward.notes.squeeze import Squeezed, squeeze
from clearward.notes.surrogates import Surrogates
from clearward.notes.textdates import shifted_dates

# "Roe. Jane" is the end of one sentence and the start of another; "J. Roe" is a name
_SENTENCE = re.compile(r"[^\W\d_]{2,}[.;:!?]\s|[。;!?\n]")


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


class KnownPeople:
    """One Aho–Corasick over a list of identifiers, matched on squeezed text."""

    def __init__(self, items: Iterable[Identifier]) -> None:
        by_text: dict[str, list[Identifier]] = {}
        for item in items:
            by_text.setdefault(item.text, []).append(item)
        self._automaton = ahocorasick.Automaton()
        for text, group in by_text.items():
            # the form that asks least decides
            self._automaton.add_word(text, min(group, key=lambda i: (i.cased, i.keep)))
        self.size = len(by_text)
        if by_text:
            self._automaton.make_automaton()

    def touches(self, squeezed: str) -> bool:
        """Whether a squeezed text holds a known identifier anywhere, inside words as well."""
        return bool(self.size) and any(True for _ in self._automaton.iter(squeezed))

    def find(self, plain: str, squeezed: Squeezed) -> Iterator[PhiSpan]:
        """Where a known identifier stands in the text, as a word of its own."""
        if not self.size:
            return
        for last, item in self._automaton.iter(squeezed.text):
            start, end = squeezed.span(last + 1 - len(item.text), last + 1)
            if _stands_alone(plain, start, end) and _is_close(plain, start, end, item):
                if item.kind == "name" and is_eponym(plain, end):
                    continue
                yield PhiSpan(item.kind, start, end - item.keep)

    def leaks(self, plain: str) -> int:
        """How many known identifiers a scrubbed text still holds; eponyms are no excuse here."""
        if not self.size:
            return 0
        squeezed = squeeze(plain)
        found = 0
        for last, item in self._automaton.iter(squeezed.text):
            start, end = squeezed.span(last + 1 - len(item.text), last + 1)
            found += _stands_alone(plain, start, end) and _is_close(plain, start, end, item)
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
    spans += [PhiSpan("date", start, end) for start, end in dates]
    merged = merge(spans)
    pieces: list[str] = []
    edits: list[tuple[int, int, int]] = []
    position = 0
    for kind, start, end in merged:
        new = dates.get((start, end)) if kind == "date" else None
        if new is None:
            new = surrogates.replace(kind, document.text[start:end], start)
        pieces += (document.text[position:start], new)
        edits.append((start, end, len(new)))
        position = end
    pieces.append(document.text[position:])
    return Scrubbed("".join(pieces), tuple(merged), tuple(edits))


def merge(spans: Iterable[PhiSpan]) -> list[PhiSpan]:
    """Spans that overlap become one, of the kind of the longest: no part may stay behind."""
    merged: list[PhiSpan] = []
    longest = 0
    for span in sorted(set(spans), key=lambda s: (s.start, -s.end, s.kind)):
        size = span.end - span.start
        if not merged or span.start >= merged[-1].end:
            merged.append(span)
            longest = size
            continue
        last = merged[-1]
        kind = span.kind if size > longest else last.kind
        longest = max(longest, size)
        merged[-1] = PhiSpan(kind, last.start, max(last.end, span.end))
    return merged


def _stands_alone(plain: str, start: int, end: int) -> bool:
    """A letter may not go on outside a Latin word, nor a digit outside a number."""
    first, last = plain[start], plain[end - 1]
    if start and _runs_on(plain[start - 1], first):
        return False
    return not (end < len(plain) and _runs_on(last, plain[end]))


def _runs_on(left: str, right: str) -> bool:
    if left.isdigit() and right.isdigit():
        return True
    return left.isascii() and right.isascii() and left.isalpha() and right.isalpha()


def _is_close(plain: str, start: int, end: int, item: Identifier) -> bool:
    """Only a few separators inside, on one line; a lone word that needs a capital has it."""
    gap = end - start - len(item.text)
    if gap > 0 and (gap > 2 + len(item.text) // 2 or "\n\n" in plain[start:end]):
        return False
    if item.kind == "name" and gap > 0 and _SENTENCE.search(plain, start, end):
        return False
    return not item.cased or plain[start].isupper() or "\u3400" <= plain[start] <= "\u9fff"
