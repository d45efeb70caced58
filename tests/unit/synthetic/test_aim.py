"""Select, measure, generate: spends what it was given, learns what is there, keeps to its size."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearward.synthetic.accounting import rho_of
from clearward.synthetic.aim import CodedData, Plan, all_groups, fit_privately

SIZES = (2, 4, 3, 5)


def data(rows=5_000, seed=0, unit=1):
    """Column 1 follows column 0, column 3 follows column 2."""
    generator = np.random.default_rng(seed)
    a, c = generator.integers(0, 2, rows), generator.integers(0, 3, rows)
    b = np.where(generator.random(rows) < 0.9, a, generator.integers(0, 4, rows))
    d = np.where(generator.random(rows) < 0.9, c, generator.integers(0, 5, rows))
    codes = np.stack([a, b, c, d], axis=1).astype(np.int64)
    return CodedData(codes, np.full(rows, unit, np.int64), SIZES, unit)


def distance(found, truth, columns):
    counts = truth.counts(columns)
    return 0.5 * np.abs(found.marginal(columns) - counts / counts.sum()).sum()


def test_it_never_spends_more_than_it_was_given():
    for rho in (0.001, 0.05, 2.0):
        for plan in (Plan(all_groups(4, 2), rho), Plan(all_groups(4, 2), rho, 0.5, 3, 2)):
            found = fit_privately(data(), plan)
            assert found.spent <= rho * (1 + 1e-9)
            assert found.spent == pytest.approx(rho, rel=1e-6)


def test_it_finds_what_depends_on_what():
    truth = data()
    found = fit_privately(truth, Plan(all_groups(4, 2), 1.0))
    measured = {m.columns for m in found.measurements}
    assert {(0, 1), (2, 3)} <= measured
    # 0.003 by the middle of 700 runs, 0.04 at most: the noise has no seed
    assert max(distance(found.model, truth, c) for c in all_groups(4, 2)) < 0.1
    assert found.total == pytest.approx(5_000, rel=0.02)


def test_less_budget_gives_a_worse_model():
    truth = data()
    errors = [
        np.mean(
            [
                distance(fit_privately(truth, Plan(all_groups(4, 2), rho)).model, truth, (0, 1))
                for _ in range(3)
            ]
        )
        for rho in (1e-5, 1.0)
    ]
    assert errors[0] > 5 * errors[1]


def test_the_junction_tree_keeps_to_its_bound():
    plan = Plan(all_groups(4, 3), 5.0, max_cells=40)
    found = fit_privately(data(), plan)
    assert found.model.tree.cells(SIZES) <= 40


def test_a_weighted_patient_gives_the_same_model_as_a_plain_one():
    """Weights and unit a thousand times larger: the same privacy, the same model but for noise."""
    found = fit_privately(data(unit=1000), Plan(all_groups(4, 2), 1.0))
    assert max(distance(found.model, data(), c) for c in all_groups(4, 2)) < 0.03
    assert found.total == pytest.approx(5_000_000, rel=0.02)


def test_no_data_at_all_is_still_a_model():
    nobody = CodedData(np.empty((0, 4), np.int64), np.empty(0, np.int64), SIZES, 1)
    found = fit_privately(nobody, Plan(all_groups(4, 2), 0.1))
    drawn = found.model.sample(10, np.random.default_rng(0))
    assert drawn.shape == (10, 4)
    assert (drawn < np.array(SIZES)).all()


@given(
    st.lists(st.tuples(*(st.integers(0, s - 1) for s in SIZES)), min_size=1, max_size=12),
    st.data(),
)
@settings(deadline=None, max_examples=50)
def test_one_patient_changes_every_query_by_at_most_the_unit(rows, draw):
    """Exact sensitivity of what is measured (L1, L2) and of what is chosen by, for events of one
    patient that share the unit in any way.
    """
    unit = 100
    codes = np.array(rows, np.int64)
    weights = np.full(len(rows), unit // len(rows), np.int64)
    others = data(rows=30, seed=1, unit=unit)
    with_ = CodedData(
        np.concatenate([others.codes, codes]),
        np.concatenate([others.weights, weights]),
        SIZES,
        unit,
    )
    model = draw.draw(st.sampled_from(all_marginals()))
    for columns in [*all_groups(4, 1), *all_groups(4, 2), *all_groups(4, 3)]:
        change = with_.counts(columns) - others.counts(columns)
        assert np.abs(change).sum() <= unit
        assert np.sqrt((change**2).sum()) <= unit
        off = np.abs(with_.counts(columns) - model(columns)).sum()
        before = np.abs(others.counts(columns) - model(columns)).sum()
        assert abs(off - before) <= unit + 1e-6


def all_marginals():
    """Any guess a model could make of a table's counts."""
    return [
        lambda columns: np.full([SIZES[c] for c in columns], 7.3),
        lambda columns: np.zeros([SIZES[c] for c in columns]),
        lambda columns: data(rows=30, seed=1, unit=100).counts(columns) + 0.5,
    ]


def test_an_attacker_who_sees_the_whole_model_gains_no_more_than_epsilon():
    """The audit of `test_noise`, end to end: choosing, measuring and fitting with and without one
    patient whose values nobody else has; the fitted mass of those values is what tells most.
    """
    epsilon, delta, runs = 1.0, 1e-5, 250
    sizes = (2, 2)
    others = np.zeros((8, 2), np.int64)
    canary = np.concatenate([others, np.ones((1, 2), np.int64)])
    plan = Plan(all_groups(2, 2), rho_of(epsilon, delta), 0.3, 1, 1, steps=4)

    def masses(codes):
        records = CodedData(codes, np.ones(len(codes), np.int64), sizes, 1)
        return np.array([_mass(fit_privately(records, plan)) for _ in range(runs)])

    without, with_ = masses(others), masses(canary)
    slack = 3.3 * np.sqrt(0.25 / runs)
    for threshold in np.quantile(np.concatenate([without, with_]), np.linspace(0.05, 0.95, 19)):
        false, true = np.mean(without >= threshold), np.mean(with_ >= threshold)
        assert true - slack <= np.exp(epsilon) * (false + slack) + delta
        assert (1 - false) - slack <= np.exp(epsilon) * (1 - true + slack) + delta


def _mass(found):
    return found.total * found.model.marginal((0, 1))[1, 1]
