"""Belief propagation against the whole joint table, and samples against the model."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearward.synthetic.estimate import Measurement, fit
from clearward.synthetic.junction import build_tree
from clearward.synthetic.model import Model, uniform

SIZES = (2, 3, 2, 4, 3)
GROUPS = [(0, 1), (1, 2), (2, 3), (1, 2, 4)]


def random_model(seed, groups=GROUPS):
    tree = build_tree(groups, SIZES)
    generator = np.random.default_rng(seed)
    potentials = tuple(generator.normal(0, 2, [SIZES[c] for c in k]) for k in tree.cliques)
    return Model(tree, SIZES, potentials)


def joint(model):
    """The whole table, without any tree."""
    total = np.zeros(SIZES)
    for clique, potential in zip(model.tree.cliques, model.potentials, strict=True):
        total = total + potential.reshape(
            [SIZES[c] if c in clique else 1 for c in range(len(SIZES))]
        )
    return np.exp(total) / np.exp(total).sum()


@given(
    st.integers(0, 10_000),
    st.lists(
        st.sets(st.integers(0, 4), min_size=1, max_size=3).map(lambda s: tuple(sorted(s))),
        max_size=6,
    ),
    st.permutations(range(5)).map(tuple),
    st.integers(1, 5),
)
@settings(deadline=None, max_examples=60)
def test_every_marginal_is_that_of_the_joint_table(seed, groups, order, count):
    model = random_model(seed, groups)
    columns = order[:count]
    whole = joint(model)
    away = tuple(c for c in range(5) if c not in columns)
    kept = [c for c in range(5) if c in columns]
    expected = np.transpose(whole.sum(axis=away), [kept.index(c) for c in columns])
    assert model.marginal(columns) == pytest.approx(expected, abs=1e-12)


def test_a_sample_has_the_counts_of_the_model():
    model = random_model(3)
    drawn = model.sample(50_000, np.random.default_rng(0))
    for columns in [(0, 1), (1, 2), (0, 3), (1, 4)]:
        shape = [SIZES[c] for c in columns]
        cells = np.ravel_multi_index([drawn[:, c] for c in columns], shape)
        seen = np.bincount(cells, minlength=np.prod(shape)).reshape(shape) / len(drawn)
        assert seen == pytest.approx(model.marginal(columns), abs=0.01)


def test_a_sample_keeps_what_is_given():
    model = random_model(5)
    given_codes = np.array([0] * 20_000 + [1] * 20_000)
    drawn = model.sample(40_000, np.random.default_rng(1), given=given_codes)
    assert np.array_equal(drawn[:, 0], given_codes)
    table = model.marginal((0, 1))
    for code in (0, 1):
        seen = np.bincount(drawn[given_codes == code, 1], minlength=3) / 20_000
        assert seen == pytest.approx(table[code] / table[code].sum(), abs=0.01)


def test_a_value_the_model_excludes_can_still_be_given():
    tree = build_tree([(0, 1)], (2, 3))
    potentials = (np.array([[0.0, 1.0, 2.0], [-np.inf] * 3]),)
    drawn = Model(tree, (2, 3), potentials).sample(
        100, np.random.default_rng(0), given=np.ones(100, np.int64)
    )
    assert set(drawn[:, 1]) <= {0, 1, 2}


def test_a_fit_explains_exact_marginals():
    truth = random_model(11)
    groups = list(GROUPS)
    measured = [Measurement(g, 1e4 * truth.marginal(g), 1.0) for g in groups]
    tree = build_tree(groups, SIZES)
    fitted = fit(tree, measured, start=uniform(tree, SIZES), total=1e4, steps=3000)
    for columns in [*groups, (0, 3), (3, 4)]:
        assert fitted.marginal(columns) == pytest.approx(truth.marginal(columns), abs=2e-3)


def test_a_fit_without_information_stays_uniform():
    tree = build_tree([], SIZES)
    fitted = fit(tree, [], start=uniform(tree, SIZES), total=10.0, steps=5)
    assert fitted.marginal((1, 3)) == pytest.approx(np.full((3, 4), 1 / 12))
