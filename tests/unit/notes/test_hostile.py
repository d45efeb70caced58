"""Text that nobody writes by hand: what it costs stays near what as much ordinary text costs."""

from __future__ import annotations

from collections.abc import Callable
from time import process_time

import pytest

from clearward.notes.document import open_document
from clearward.notes.identifiers import identifiers_of
from clearward.notes.known import KnownPeople
from clearward.notes.reader import read_text
from clearward.notes.scrub import scrub
from clearward.notes.surrogates import Surrogates

ORDINARY = (
    "VA 20/40 OD, 20/50 OS. IOP 16 and 18 mmHg. BP 120/80. LVEF 55 %. The patient denies pain and "
    "was seen in clinic for review of the plan. 右眼视力0.5，左眼0.8，眼压16mmHg，无头痛。\n"
)
HOSTILE = {
    "fractions": "20/",
    "cues": "VA ",
    "cues of two kinds": "IOP BP ",
    "Chinese cues": "视力",
    "labels": "OD OS ",
    "digits": "1234567890",
    "digits apart": "1 ",
    "slashes": "/",
    "brackets": "(",
    "nested quotes": "“「\"'",
    "Chinese characters": "视",
    "a line without a blank": "x",
    "lines": "\n",
}
SIZE, LINE = 50_000, 1_000_000
MOST, SLACK = 20, 0.2


@pytest.fixture(scope="module")
def clean() -> Callable[[str], object]:
    people = {"first_name": "Robert", "last_name": "Smith", "national_id": "999-12-3456"}
    known = KnownPeople(identifiers_of(people))

    def run(text: str) -> object:
        draw = Surrogates(b"key", "patient", is_known=known.touches)
        return scrub(open_document(text), known=(known,), surrogates=draw, days=3, year=2024)

    return run


def seconds(job: Callable[[str], object], piece: str, size: int) -> float:
    text = ("VA " + piece * (size // len(piece) + 1))[:size]
    start = process_time()
    job(text)
    return process_time() - start


@pytest.fixture(scope="module")
def ordinary(clean: Callable[[str], object]) -> dict[str, float]:
    """Seconds of as much ordinary text, packs and patterns loaded."""
    for job in (read_text, clean):
        job(ORDINARY)
    return {
        "read": seconds(read_text, ORDINARY, SIZE),
        "scrub": seconds(clean, ORDINARY, SIZE),
    }


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_costs_about_what_ordinary_text_costs(
    piece: str, clean: Callable[[str], object], ordinary: dict[str, float]
) -> None:
    assert seconds(read_text, piece, SIZE) < SLACK + MOST / 4 * ordinary["read"]
    assert seconds(clean, piece, SIZE) < SLACK + MOST * ordinary["scrub"]


@pytest.mark.parametrize("piece", ["20/", "x", "视"])
def test_a_line_of_a_million_characters_is_read_at_the_same_rate(
    piece: str, ordinary: dict[str, float]
) -> None:
    assert seconds(read_text, piece, LINE) < SLACK + 5 * LINE / SIZE * ordinary["read"]


def test_cues_that_announce_nothing_hide_no_value_behind_them() -> None:
    (found,) = read_text(
        "VA " * 400 + "seen in clinic for review of the plan. " * 6 + "LVEF 35%"
    ).findings
    assert (found.attribute, found.value_num) == ("lvef", 35)


def test_a_table_of_many_values_is_read_whole() -> None:
    rows = "\n".join(f"VA OD 20/{n} OS 20/{n + 5}" for n in range(20, 95, 5))
    assert len(read_text(rows).findings) == 30


def test_a_text_of_nothing_but_names_costs_what_its_length_says(
    clean: Callable[[str], object], ordinary: dict[str, float]
) -> None:
    assert seconds(clean, "Robert Smith ", 5_000) < 2 * SLACK + MOST * ordinary["scrub"] / 5
