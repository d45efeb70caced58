"""Measures of use: nothing lost is 0, everything lost shows."""

from __future__ import annotations

import numpy as np
import pytest

from clearward.errors import ConfigError
from clearward.protect.utility import train_test, two_way_tvd


def made(count: int = 600) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    age = rng.integers(2, 8, count) * 10
    sex = rng.choice(["F", "M"], count)
    ill = np.where((age >= 50) ^ (rng.random(count) < 0.1), "yes", "no")
    return {"age": age, "sex": sex, "ill": ill}


def test_the_same_data_have_no_distance_and_disjoint_data_have_distance_one():
    data = made()
    assert two_way_tvd(data, data) == 0
    assert two_way_tvd(data, {name: np.full(5, "other") for name in data}) == 1


def test_the_distance_of_two_tables_is_half_the_sum_of_their_differences():
    one = {"a": np.array(["x", "x", "y", "y"]), "b": np.array(["u", "u", "u", "v"])}
    two = {"a": np.array(["x", "y"]), "b": np.array(["u", "v"])}
    assert two_way_tvd(one, two) == pytest.approx(0.25)


def test_shuffling_a_column_destroys_what_can_be_learnt():
    data = made()
    shuffled = data | {"ill": np.random.default_rng(1).permutation(data["ill"])}
    same, lost = train_test(data, data, target="ill"), train_test(data, shuffled, target="ill")
    assert same.original > 0.8
    assert same.ratio == pytest.approx(1)
    assert lost.ratio < 0.5
    assert lost.guessing == 0.5


def test_columns_that_do_not_match_are_refused():
    data = made(10)
    with pytest.raises(ConfigError, match="cannot be compared"):
        two_way_tvd(data, {"age": data["age"]})
    with pytest.raises(ConfigError, match="Nothing can be learnt"):
        train_test({"ill": data["ill"]}, {"ill": data["ill"]}, target="ill")
