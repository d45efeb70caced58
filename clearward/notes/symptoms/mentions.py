"""Where a text names a symptom. Which words count is the pack's; whether the patient has it is
said by `status`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from clearward.notes.answers import Mention
from clearward.notes.dialogue import Turn, turn_at
from clearward.notes.document import Document
from clearward.notes.scan import Hit
from clearward.notes.symptoms.pack import SPOKEN, SymptomPack

LOOK = 12
MEMORY = 8


def mentions_of(
    document: Document, hits: Sequence[Hit], talk: Sequence[Turn], pack: SymptomPack
) -> list[Mention]:
    """Names in the order of the text, the longest where they overlap. Short spoken words count in
    a dialogue, and there only within the eight turns after their concept was named in full."""
    if not talk:
        hits = [hit for hit in hits if not hit.tag.startswith(SPOKEN)]
    kept = [hit for hit in longest(hits) if _stands(document, hit, pack)]
    found = list(_with_memory(kept, talk)) if talk else [Mention(*hit) for hit in kept]
    return found


def longest(hits: Iterable[Hit]) -> Iterator[Hit]:
    """Leftmost-longest hits that do not overlap, of hits in scan order."""
    reached = 0
    for hit in hits:
        if hit.start >= reached:
            reached = hit.end
            yield hit


def _stands(document: Document, hit: Hit, pack: SymptomPack) -> bool:
    plain = document.plain
    if pack.refuse_after.match(plain, hit.end, min(len(plain), hit.end + LOOK)):
        return False
    return not pack.refuse_before.search(plain, max(0, hit.start - LOOK), hit.start)


def _with_memory(hits: Sequence[Hit], talk: Sequence[Turn]) -> Iterator[Mention]:
    named: dict[str, int] = {}
    for start, end, tag in hits:
        turn, name = turn_at(talk, start), tag.removeprefix(SPOKEN)
        if tag != name and turn - named.get(name, -2 * MEMORY) > MEMORY:
            continue
        named[name] = turn
        if turn < 0 or end <= talk[turn].end:
            yield Mention(start, end, name)
