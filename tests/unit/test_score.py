from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from benchmarks.score import Counts, Miss, Score, half_of, score_of
from benchmarks.score import sets as sets_package
from benchmarks.score.__main__ import scorers, write_misses
from benchmarks.score.board import COLUMNS, HEAD, PAGE, page
from benchmarks.score.measure import bootstrap

ROOT = Path(__file__).parents[2]
PERFECT, WRONG = Counts(3, 0, 0), Counts(0, 1, 2)


def made(*documents: Counts, **more: object) -> Score:
    names = {"dataset": "made", "half": "sealed", "lang": "en", "attribute": "a"}
    return score_of(documents, **(names | more))  # type: ignore[arg-type]


def test_a_score_adds_up_its_documents() -> None:
    score = made(PERFECT, WRONG)
    assert (score.tp, score.fp, score.fn) == (3, 1, 2)
    assert (score.precision, score.recall) == (0.75, 0.6)
    assert score.f1 == pytest.approx(2 * 0.75 * 0.6 / 1.35)


def test_a_share_has_wilsons_interval() -> None:
    # Newcombe 1998, table I: 81 of 263
    score = made(Counts(81, 182, 0), measure="precision")
    assert score.interval == pytest.approx((0.2553, 0.3662), abs=1e-4)
    low, high = made(Counts(20, 0, 0), measure="accuracy").interval or (0, 0)
    assert low == pytest.approx(0.8389, abs=1e-4) and high == 1.0


def test_a_bootstrap_of_like_documents_has_no_width_and_of_unlike_ones_holds_the_figure() -> None:
    assert bootstrap([PERFECT] * 9) == (1.0, 1.0)
    score = made(*[PERFECT, WRONG] * 20)
    low, high = score.interval or (0, 0)
    assert low < score.f1 < high
    assert bootstrap(score.documents) == bootstrap(score.documents)


def test_a_set_in_which_nothing_was_scored_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing was scored"):
        made(Counts(0, 0, 0))


def test_a_half_or_measure_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="half is one of"):
        made(PERFECT, half="dev")
    with pytest.raises(ValueError, match="measure one of"):
        made(PERFECT, measure="auc")


def test_a_target_binds_the_figure_its_measure_names() -> None:
    documents = (PERFECT, WRONG)
    assert made(*documents, measure="precision", target=0.75).is_met is True
    assert made(*documents, measure="recall", target=0.75).is_met is False
    assert made(*documents).is_met is None


def test_copies_of_a_text_fall_on_one_side_and_both_sides_are_used() -> None:
    assert half_of("No  Edema.") == half_of("no edema. ")
    assert {half_of(str(number)) for number in range(40)} == {"tuned", "sealed"}


def test_every_scorer_has_the_one_function_and_a_docstring() -> None:
    assert scorers()
    for name in scorers():
        module = importlib.import_module(f"{sets_package.__name__}.{name}")
        assert callable(module.score) and module.__doc__


def test_misses_go_to_a_file_per_set(tmp_path: Path) -> None:
    miss = Miss("d1", "missed", "True", "False", "no [[edema]]")
    assert write_misses([made(WRONG, misses=[miss])], tmp_path) == 1
    assert "no [[edema]]" in (tmp_path / "made.csv").read_text(encoding="utf-8")


def test_the_page_is_the_same_whatever_the_order_and_numbers_its_notes() -> None:
    one = made(PERFECT, attribute="a", note="Counted by document.")
    two = made(PERFECT, WRONG, attribute="b", target=0.9, note="Counted by document.")
    text = page([two, one])
    assert text == page([one, two])
    assert text.count("Counted by document.") == 1
    assert "| **no** |" in text


def test_the_scoreboard_in_the_documents_has_the_generators_form() -> None:
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    assert text.startswith(HEAD)
    rows = [line for line in text[len(HEAD) :].splitlines() if line.startswith("|")]
    assert rows[0] == "| " + " | ".join(COLUMNS) + " |"
    for row in rows[2:]:
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert len(cells) == len(COLUMNS)
        assert cells[1] in ("tuned", "sealed", "whole")
        assert re.fullmatch(r"(f1|precision|recall|accuracy) [01]\.\d{3}( \[.+\])?", cells[8])
    assert {row.split("|")[1].strip() for row in rows[2:]}
