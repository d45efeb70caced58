"""How well and how fast notes are scrubbed, on made notes whose identifiers are known exactly.

``python -m benchmarks.scrub`` prints recall of the patients' own identifiers, precision by token,
notes that the leak audit would withhold; ``--misses`` lists what was missed in the tuned half.
``--speed 50000`` prints notes per second of CPU beside a hospital of so many people, and memory.
"""

from __future__ import annotations

import argparse
import platform
import re
import resource
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import process_time

from benchmarks.scrub_notes import Note, notes
from benchmarks.scrub_people import Person, hospital
from clearward.notes.document import fold, open_document
from clearward.notes.identifiers import audited, identifiers_of
from clearward.notes.scrub import KnownPeople, Scrubbed, scrub
from clearward.notes.squeeze import squeeze
from clearward.notes.surrogates import Surrogates

KEY = b"benchmark-key-of-thirty-two-byte"
TOKEN = re.compile(r"[^\W\d_\u3400-\u9fff]+|\d+|[\u3400-\u9fff]")


@dataclass
class Tally:
    """Counts over notes."""

    notes: int = 0
    withheld: int = 0
    own: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    other: Counter[str] = field(default_factory=Counter)
    other_missed: Counter[str] = field(default_factory=Counter)
    tokens_right: int = 0
    tokens_taken: int = 0
    documents: list[tuple[int, int, int]] = field(default_factory=list)
    misses: list[str] = field(default_factory=list)
    wrong: Counter[str] = field(default_factory=Counter)

    @property
    def recall(self) -> float:
        return 1 - self.missed.total() / max(1, self.own.total())

    @property
    def precision(self) -> float:
        return self.tokens_right / max(1, self.tokens_taken)


@dataclass(frozen=True)
class Hospital:
    """A made hospital ready to scrub for."""

    own: Sequence[KnownPeople]
    staff: KnownPeople
    everyone: KnownPeople

    @classmethod
    def of(cls, people: Sequence[Person], staff: Iterable[dict[str, str]]) -> Hospital:
        rows = [identifiers_of(person.row) for person in people]
        staff_items = [item for row in staff for item in identifiers_of(row, staff=True)]
        every = [item for row in [*rows, staff_items] for item in audited(row)]
        return cls([KnownPeople(row) for row in rows], KnownPeople(staff_items), KnownPeople(every))

    def scrub(self, note: Note) -> Scrubbed:
        return scrub(
            open_document(note.text),
            known=(self.own[note.person], self.staff),
            surrogates=Surrogates(KEY, f"p{note.person}", is_known=self.everyone.touches),
            days=37,
            year=2024,
        )

    def leaks(self, note: Note, text: str) -> int:
        plain = open_document(text).plain
        return self.everyone.leaks(plain) or self.own[note.person].leaks(plain)


def measure(half: str, lang: str, *, patients: int = 300) -> Tally:
    """Scrub a half's notes and count."""
    made = Hospital.of(*hospital(half, lang, patients=patients))
    tally = Tally()
    for note in notes(half, lang, patients=patients):
        result = made.scrub(note)
        tally.notes += 1
        tally.withheld += bool(made.leaks(note, result.text))
        _count(tally, note, result)
    return tally


def _count(tally: Tally, note: Note, result: Scrubbed) -> None:
    taken = {n for _, start, end, _ in result.spans for n in range(start, end)}
    gold = {n for mark in note.gold for n in range(mark.start, mark.end)}
    missed = 0
    for mark in note.gold:
        tokens = TOKEN.finditer(note.text, mark.start, mark.end)
        gone = all(n in taken for token in tokens for n in range(*token.span()))
        (tally.own if mark.own else tally.other)[mark.what] += 1
        if not gone:
            missed += mark.own
            (tally.missed if mark.own else tally.other_missed)[mark.what] += 1
            around = note.text[max(0, mark.start - 25) : mark.end + 15]
            tally.misses.append(f"{mark.what}: {around!r}")
    right = wrong = 0
    dates = {n for kind, start, end, _ in result.spans if kind == "date" for n in range(start, end)}
    for token in TOKEN.finditer(note.text):
        places = range(*token.span())
        if all(n in dates for n in places):
            continue
        if any(n in taken for n in places):
            hit = any(n in gold for n in places)
            right, wrong = right + hit, wrong + (not hit)
            if not hit:
                tally.wrong[note.text[max(0, token.start() - 12) : token.end() + 12]] += 1
    tally.tokens_right += right
    tally.tokens_taken += right + wrong
    tally.documents.append((sum(m.own for m in note.gold) - missed, wrong, missed))


def speed(lang: str, *, patients: int, dense: int) -> str:
    """Scrub and audit notes beside a large hospital; one line of figures.

    A patient has two notes in the month, and their list of identifiers is built for them. The floor
    in the same run: the words of the same notes cut out by one regular expression, and no more.
    """
    people, staff = hospital("tuned", lang, patients=patients)
    before, start = _memory(), process_time()
    everyone = KnownPeople(i for p in people for i in audited(identifiers_of(p.row)))
    built, memory = process_time() - start, _memory() - before
    made = list(notes("tuned", lang, patients=1_000, dense=dense))
    staff_list = KnownPeople(i for row in staff[:500] for i in identifiers_of(row, staff=True))
    start = process_time()
    for first in range(0, len(made), 2):
        own = KnownPeople(identifiers_of(people[made[first].person].row))
        draw = Surrogates(KEY, f"p{made[first].person}", is_known=everyone.touches)
        for note in made[first : first + 2]:
            document = open_document(note.text)
            known = (own, staff_list)
            text = scrub(document, known=known, surrogates=draw, days=37, year=2024).text
            plain = fold(text)
            squeezed = squeeze(plain)
            _ = everyone.leaks(plain, squeezed) or own.leaks(plain, squeezed)
    spent = process_time() - start
    start = process_time()
    for note in made:
        re.findall(r"\w+", note.text)
    floor = process_time() - start
    size = sum(len(note.text) for note in made) / len(made)
    named = sum(len(note.gold) for note in made) / len(made)
    return (
        f"{lang}  {len(made) / spent:6.0f} notes/s/core  {named:4.1f} identifiers a note  "
        f"{size:4.0f} characters  {spent / floor:5.1f} x words  "
        f"everyone: {everyone.size:,} forms, {built:.1f} s, {memory:.0f} MB"
    )


def _memory() -> float:
    """Resident memory now, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--misses", action="store_true", help="list misses of the tuned half")
    parser.add_argument("--patients", type=int, default=300)
    parser.add_argument("--half", default="")
    parser.add_argument("--speed", type=int, default=0, metavar="PEOPLE")
    asked = parser.parse_args()
    print(f"{platform.machine()}, Python {platform.python_version()}; made notes, 2 a patient")
    for lang in ("en", "zh") if asked.speed else ():
        for dense in (2, 9):
            print(speed(lang, patients=asked.speed, dense=dense), flush=True)
    if asked.speed:
        return
    for half in [asked.half] if asked.half else ["tuned", "sealed"]:
        for lang in ("en", "zh"):
            start = process_time()
            tally = measure(half, lang, patients=asked.patients)
            spent = process_time() - start
            print(
                f"{half:7} {lang}  own {tally.own.total():6}  recall {tally.recall:.4f}"
                f"  precision {tally.precision:.4f}  withheld {tally.withheld}/{tally.notes}"
                f"  others missed {tally.other_missed.total()}/{tally.other.total()}  {spent:.1f} s"
            )
            if asked.misses and half == "tuned":
                print("  missed", dict(tally.missed), dict(tally.other_missed))
                print("\n".join(f"    {line}" for line in tally.misses[:40]))
                print("  wrong", tally.wrong.most_common(40))


if __name__ == "__main__":
    main()
