"""Attacks against the same attack done record by record; intervals against what they promise."""

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from clearward.risk.attacks import code_columns, infer, link, optimism, single_out
from clearward.risk.cells import count_cells
from clearward.risk.intervals import paired_difference, wilson

rows = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), min_size=2, max_size=30)


def guess(records, overall):
    """The commonest value; ties to the value commoner in the whole release, then the smaller."""
    values = [s for _, s in records]
    return max(set(values), key=lambda v: (values.count(v), overall.count(v), -v))


@limits(max_examples=80, deadline=None)
@given(rows)
def test_inference_guesses_the_commonest_value_and_a_stranger_is_guessed_no_better(values):
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t (q INTEGER, s INTEGER)")
        connection.executemany("INSERT INTO t VALUES (?, ?)", values)
        found = infer(count_cells(connection, "t", ["q"], ["s"]), "s")
    overall = [s for _, s in values]
    hits = sum(guess([r for r in values if r[0] == q], overall) == s for q, s in values)
    assert found.targets == len(values)
    assert found.attack.point == pytest.approx(hits / len(values))
    assert 0 <= found.control.point <= found.attack.point + 1e-12
    low, point, high = found.advantage.low, found.advantage.point, found.advantage.high
    assert low <= point <= high


@pytest.mark.parametrize(
    ("most", "rivals"), [(6, 5), (19, 18), (18, 18), (25, 12), (30, 4), (60, 51), (11, 0)]
)
def test_the_optimism_is_what_drawing_such_classes_again_shows(most, rivals):
    """A value is drawn for each member anew; the commonest of the draw fits it better than the
    shares it was drawn from."""
    size = most + rivals
    drawn = np.random.default_rng(5).binomial(size, most / size, 40_000)
    leads = np.where(2 * drawn > size, most, np.where(2 * drawn < size, rivals, size / 2)) / size
    shown = np.mean(np.maximum(drawn, size - drawn) / size - leads)
    told = optimism(np.array([most]), np.array([rivals]), np.array([size]))[0]
    assert told == pytest.approx(shown, abs=0.012)


@pytest.mark.parametrize("lead", [0, 1, 2])
def test_one_more_of_a_value_in_an_even_class_changes_little(connection, lead):
    """Leaving one record out would turn the guess, and with it half of the class."""
    even = f"SELECT 1 AS q, i < {18 + lead} AS s FROM range({36 + lead}) t(i)"
    found = infer(count_cells(connection, made(connection, even), ["q"], ["s"]), "s")
    assert 0.05 < found.advantage.point < 0.08


def made(connection, select):
    connection.execute(f"CREATE OR REPLACE TABLE t AS {select}")
    return "t"


def test_a_secret_kept_by_a_large_crowd_gains_nothing(connection):
    source = made(connection, "SELECT i % 2 AS q, hash(i) % 3 AS s FROM range(4000) t(i)")
    found = infer(count_cells(connection, source, ["q"], ["s"]), "s")
    assert found.advantage.high < 0.05


def test_a_secret_that_only_the_own_record_tells_is_all_gain(connection):
    source = made(connection, "SELECT i AS q, i % 5 AS s FROM range(3000) t(i)")
    found = infer(count_cells(connection, source, ["q"], ["s"]), "s")
    assert found.attack.point == 1.0
    assert found.advantage.low > 0.5


def test_what_holds_for_everybody_in_a_group_is_knowledge_and_not_a_breach(connection):
    source = made(connection, "SELECT i % 3 AS q, i % 3 AS s FROM range(3000) t(i)")
    found = infer(count_cells(connection, source, ["q"], ["s"]), "s")
    assert found.attack.point == found.control.point == 1.0


def test_unique_records_are_linked_and_crowds_are_not(connection):
    names = ["a", "b", "c", "d"]
    source = made(connection, "SELECT i AS a, i AS b, i AS c, i AS d FROM range(500) t(i)")
    alone = link(list(code_columns(connection, source, names).values()), names, attacks=2000)
    assert alone.advantage.point == 1.0
    source = made(connection, "SELECT i%2 AS a, i%2 AS b, i%2 AS c, i%2 AS d FROM range(5000) t(i)")
    crowd = link(list(code_columns(connection, source, names).values()), names, attacks=2000)
    assert crowd.advantage.high < 0.01


def test_intervals_count_patients_and_not_attacks(connection):
    names = ["a", "b", "c", "d", "e"]
    select = ", ".join(f"hash(i + {n}) % 4 AS {name}" for n, name in enumerate(names))
    codes = code_columns(
        connection, made(connection, f"SELECT {select} FROM range(60) t(i)"), names
    )
    few = link(list(codes.values()), names, attacks=60)
    many = link(list(codes.values()), names, attacks=6000)
    assert few.targets == many.targets == 60 < many.attacks
    assert many.advantage.high - many.advantage.low > 0.02


def test_the_same_seed_tries_the_same_splits(connection):
    names = ["a", "b", "c", "d", "e"]
    select = ", ".join(f"hash(i + {n}) % 4 AS {name}" for n, name in enumerate(names))
    codes = code_columns(
        connection, made(connection, f"SELECT {select} FROM range(90) t(i)"), names
    )
    assert link(list(codes.values()), names, attacks=900) == link(
        list(codes.values()), names, attacks=900
    )


def test_a_predicate_that_points_at_one_person_singles_out():
    release = {"a": np.arange(200), "b": np.arange(200) % 2}
    found = single_out(release, release)
    assert found.attack.point == 1.0 and found.control.point == 0.0


def test_a_predicate_that_fits_more_of_the_mart_does_not():
    release = {"a": np.arange(100)}
    mart = {"a": np.concatenate([np.arange(100), np.arange(100)])}
    assert single_out(release, mart).attack.point == 0.0


def test_a_release_of_crowds_singles_nobody_out():
    release = {"a": np.arange(400) % 4, "b": np.arange(400) // 4 % 2}
    found = single_out(release, release)
    assert (found.attack.point, found.control.point) == (0.0, 0.0)


def test_the_score_interval_is_wilsons():
    # Newcombe 1998a, table I: 81/263, 15/148, 0/20, 1/29
    for hits, trials, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        found = wilson(hits, trials)
        assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


def test_no_trial_leaves_everything_open():
    assert (wilson(0, 0).low, wilson(0, 0).high) == (0.0, 1.0)
    assert (paired_difference(0, 0, 0, 0).low, paired_difference(0, 0, 0, 0).high) == (-1.0, 1.0)


def test_a_paired_interval_holds_the_truth_as_often_as_it_says():
    draw = np.random.default_rng(7)
    chances = (0.45, 0.10, 0.05, 0.40)
    truth = chances[1] - chances[2]
    inside = 0
    for both, one, two, none in draw.multinomial(120, chances, size=2000):
        found = paired_difference(both, one, two, none)
        inside += found.low <= truth <= found.high
    assert 0.93 < inside / 2000 < 0.985
