"""Clinical notes made with their identifiers marked, English and Chinese, to measure scrubbing by.
Nothing here knows how scrubbing works: people, forms and sentences are lists of their own.

Two halves: `tuned`, which may be looked at, and `sealed`, which has other people, other seeds and
sentences of its own, and is only counted.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from benchmarks.scrub_forms import written
from benchmarks.scrub_people import Person, hospital, whole_name
from benchmarks.scrub_words import CHINESE, ENGLISH, Pools


@dataclass(frozen=True)
class Gold:
    """An identifier's place. `own`: in the patient's record; `what`: its kind and form."""

    start: int
    end: int
    what: str
    own: bool


@dataclass
class Note:
    """Text and the identifiers in it."""

    person: int
    lang: str
    text: str = ""
    gold: list[Gold] = field(default_factory=list)

    def add(self, piece: str) -> None:
        self.text += piece

    def mark(self, piece: str, what: str, *, own: bool) -> None:
        start = len(self.text)
        self.text += piece
        self.gold.append(Gold(start, len(self.text), what, own))


def notes(half: str, lang: str, *, patients: int, each: int = 2, dense: int = 9) -> Iterator[Note]:
    """Notes of a hospital's patients, the same on each call; `dense` sentences name somebody."""
    people, staff = hospital(half, lang, patients=patients)
    pools = (ENGLISH if lang == "en" else CHINESE)[half]
    rng = random.Random(f"{half}-{lang}-notes")
    for person in people:
        for _ in range(each):
            yield _note(rng, person, staff, pools, dense=dense)


def _note(
    rng: random.Random,
    person: Person,
    staff: list[dict[str, str]],
    pools: Pools,
    *,
    dense: int,
) -> Note:
    note = Note(person.number, person.lang)
    sentences = rng.sample(pools.sentences, dense) + rng.sample(pools.medicine, 16 - dense)
    rng.shuffle(sentences)
    for sentence in [pools.heads[rng.randrange(len(pools.heads))], *sentences]:
        rest = sentence
        while "{" in rest:
            before, _, tail = rest.partition("{")
            slot, _, rest = tail.partition("}")
            note.add(before)
            _fill(rng, note, slot, person, staff, pools)
        note.add(rest + ("\n" if rng.random() < 0.35 else " " if person.lang == "en" else ""))
    return note


def _fill(
    rng: random.Random,
    note: Note,
    slot: str,
    person: Person,
    staff: list[dict[str, str]],
    pools: Pools,
) -> None:
    if slot == "staff":
        note.mark(rng.choice(staff)["name"], "staff name", own=True)
    elif slot == "stranger":
        note.mark(whole_name(rng, pools, person.lang), "stranger", own=False)
    elif slot in {"email", "url", "plate", "chat", "age", "hospital", "card"}:
        note.mark(_general(rng, slot, pools), slot, own=False)
    else:
        text, what = written(rng, slot, person)
        note.mark(text, what, own=True)


def _general(rng: random.Random, slot: str, pools: Pools) -> str:
    digits = "".join(str(rng.randrange(10)) for _ in range(6))
    if slot == "age":
        return str(rng.randrange(90, 108))
    if slot == "card":
        return "6222 02" + digits[:2] + " " + digits[2:6] + f" {rng.randrange(1000, 9999)}"
    return rng.choice(pools.general[slot]).replace("######", digits).replace("#####", digits[:5])
