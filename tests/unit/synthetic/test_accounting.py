"""zCDP and its exchange with (ε, δ), against OpenDP's own conversion and by hand."""

import math

import opendp.prelude as dp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearward.errors import ConfigError, ProtectionError
from clearward.synthetic.accounting import Account, delta_of, epsilon_of, rho_of

dp.enable_features("contrib")


@pytest.mark.parametrize("scale", [2.0, 10.0, 40.0])
@pytest.mark.parametrize("delta", [1e-9, 1e-6, 1e-3])
def test_epsilon_is_never_below_and_hardly_above_what_opendp_says(scale, delta):
    space = dp.vector_domain(dp.atom_domain(T=int)), dp.l2_distance(T=float)
    mechanism = dp.m.make_gaussian(*space, scale=scale)
    theirs = dp.c.make_zCDP_to_approxDP(mechanism).map(1.0).epsilon(delta)
    ours = epsilon_of(mechanism.map(1.0), delta)
    assert ours == pytest.approx(theirs, rel=2e-3)


@given(st.floats(0.05, 8.0), st.sampled_from([1e-9, 1e-6, 1e-4]))
def test_the_rho_of_a_budget_keeps_it_and_no_larger_one_does(epsilon, delta):
    rho = rho_of(epsilon, delta)
    assert delta_of(rho, epsilon) <= delta * (1 + 1e-9)
    assert delta_of(rho * 1.001, epsilon) > delta
    assert epsilon_of(rho, delta) == pytest.approx(epsilon, rel=1e-6)


def test_it_beats_the_simple_conversion():
    rho, delta = 0.1, 1e-6
    assert epsilon_of(rho, delta) < rho + 2 * math.sqrt(rho * math.log(1 / delta))


def test_two_samples_cost_less_than_the_sum_of_their_epsilons():
    rho = rho_of(3.0, 1e-6)
    assert 3.0 < epsilon_of(2 * rho, 1e-6) < 6.0


@pytest.mark.parametrize(
    ("epsilon", "delta"), [(0, 1e-6), (-1, 1e-6), (1, 0), (1, 0.5), (1e9, 1e-6)]
)
def test_a_budget_that_protects_nothing_is_refused(epsilon, delta):
    with pytest.raises(ConfigError):
        rho_of(epsilon, delta)


def test_an_account_pays_to_the_last_bit_and_not_beyond():
    account = Account(0.3)
    for _ in range(3):
        account.pay(0.1)
    assert account.left == pytest.approx(0, abs=1e-12)
    with pytest.raises(ProtectionError):
        account.pay(0.001)
    assert account.measurements == 3


@pytest.mark.parametrize("cost", [-0.1, math.inf, math.nan])
def test_an_account_refuses_a_cost_that_is_none(cost):
    with pytest.raises(ProtectionError):
        Account(1.0).pay(cost)
