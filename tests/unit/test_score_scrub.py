"""The made notes mark what they say they mark, and the scorer counts tokens as it says."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise

import pytest

from benchmarks.score.sets.scrub import Marked, _tokens
from benchmarks.scrub import measure
from benchmarks.scrub_notes import notes
from benchmarks.scrub_people import hospital


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_mark_of_a_made_note_lies_on_its_identifier(lang: str) -> None:
    people, _ = hospital("tuned", lang, patients=20)
    for note in notes("tuned", lang, patients=20):
        row = people[note.person].row
        for mark in note.gold:
            text = note.text[mark.start : mark.end]
            assert text.strip() == text and text
            if mark.what == "record number":
                assert text == row["patient_id"]
        ends = [(m.start, m.end) for m in note.gold]
        assert all(one[1] <= other[0] for one, other in pairwise(ends))


def test_the_halves_share_no_surname() -> None:
    for lang in ("en", "zh"):
        rows = [
            {p.row.get("last_name") or p.row["name"][:1] for p in made}
            for half in ("tuned", "sealed")
            for made in [hospital(half, lang, patients=60)[0]]
        ]
        assert rows[0].isdisjoint(rows[1])


def test_the_generator_knows_nothing_of_the_scrubber() -> None:
    code = "import sys, benchmarks.scrub_notes as s; print('clearward.notes' in sys.modules)"
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert made.stdout.strip() == "False"


def test_tokens_are_counted_right_wrong_and_missed() -> None:
    text = "Dr. Parkes saw Zed at noon, call 415-555-0199"
    gold = [(4, 10), (15, 18), (33, 45)]
    assert _tokens(Marked("1", text, gold)) == (4, 0, 1)
    assert _tokens(Marked("2", text, [])) == (0, 4, 0)


def test_a_small_half_is_scrubbed_to_the_target() -> None:
    for lang in ("en", "zh"):
        tally = measure("tuned", lang, patients=60)
        assert tally.recall >= 0.995 and tally.precision >= 0.95
        assert tally.withheld <= 1
