"""Plots of the risk report: drawn once, said in every language."""

import re

import pytest

from clearward.releases.risk_documents import risk_words
from clearward.releases.risk_plots import plot_all

BOUNDS = {"k": 11, "avg": 0.05, "inference": 0.05, "linkability": 0.05, "singling_out": 0.05}
INTERVAL = {"low": 0.1, "point": 0.2, "high": 0.3}
FIGURES = {
    "class_sizes": [[11, 3], [14, 2]],
    "before": {"max_prosecutor": 1.0, "avg_prosecutor": 0.6},
    "after": {"max_prosecutor": 0.09, "avg_prosecutor": 0.05},
    "history": {"sizes": [[12, 2]]},
    "attacks": {
        name: {"name": name.partition(".")[0]} | dict.fromkeys(parts, INTERVAL)
        for parts in [("attack", "control", "advantage")]
        for name in ("inference.visit.a&b", "linkability", "singling_out")
    },
}


@pytest.fixture(scope="module")
def plots():
    return plot_all(FIGURES, BOUNDS, risk_words())


def _texts(svg):
    return re.findall(r">([^<>]*)</text>", svg)


def test_every_language_has_every_plot(plots):
    assert set(plots) == set(risk_words())
    assert all(set(own) == {"classes", "risk", "attacks", "history"} for own in plots.values())


@pytest.mark.parametrize("language", sorted(risk_words()))
def test_a_language_says_what_it_would_say_drawn_alone(plots, language):
    alone = plot_all(FIGURES, BOUNDS, {language: risk_words()[language]})[language]
    assert {name: _texts(svg) for name, svg in plots[language].items()} == {
        name: _texts(svg) for name, svg in alone.items()
    }


def test_no_word_of_the_first_language_is_left_in_another(plots):
    first = set(risk_words()["en"].values())
    assert not [text for svg in plots["zh"].values() for text in _texts(svg) if text in first]


def test_a_column_name_with_markup_stays_text(plots):
    for own in plots.values():
        assert "a&amp;b" in own["attacks"]
        assert "a&b" not in own["attacks"]


def test_figures_that_are_missing_have_no_plot():
    assert plot_all({}, BOUNDS, risk_words()) == {"en": {}, "zh": {}}
