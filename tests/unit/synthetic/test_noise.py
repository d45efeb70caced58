"""The noise: whole numbers from OpenDP, priced as theory says, and an attack on what comes out."""

import math

import numpy as np
import pytest

from clearward.errors import ProtectionError
from clearward.synthetic.accounting import Account, epsilon_of, rho_of
from clearward.synthetic.noise import gaussian_scale, noisy_counts, select_top


def test_a_measurement_costs_what_the_gaussian_mechanism_costs():
    account = Account(1.0)
    noisy = noisy_counts(np.zeros((3, 4), np.int64), 50.0, sensitivity=10, account=account)
    assert account.spent == pytest.approx((10 / 50) ** 2 / 2, rel=1e-9)
    assert noisy.shape == (3, 4)
    assert np.array_equal(noisy, np.round(noisy))


def test_noise_has_the_spread_it_was_asked_for():
    account = Account(100.0)
    noise = noisy_counts(np.zeros(20_000, np.int64), 7.0, sensitivity=1, account=account)
    assert noise.mean() == pytest.approx(0, abs=0.25)
    assert noise.std() == pytest.approx(7.0, rel=0.04)


def test_nothing_is_measured_when_it_cannot_be_paid():
    with pytest.raises(ProtectionError):
        noisy_counts(np.zeros(2, np.int64), 1.0, sensitivity=10, account=Account(0.01))


@pytest.mark.parametrize("k", [1, 3])
def test_choosing_costs_what_it_was_given_for_all_choices(k):
    account = Account(1.0)
    chosen = select_top(np.arange(9.0), sensitivity=2.0, rho=0.04, k=k, account=account)
    assert account.spent <= 0.04
    assert account.spent == pytest.approx(0.04, rel=1e-6)
    assert len(set(chosen)) == k


def test_the_best_is_chosen_when_it_stands_out():
    scores = np.array([0.0, 5.0, 10_000.0, 20_000.0])
    chosen = select_top(scores, sensitivity=1.0, rho=1.0, k=2, account=Account(1.0))
    assert set(chosen) == {2, 3}


def test_the_scale_of_a_price_is_the_price_of_the_scale():
    assert (1 / gaussian_scale(0.02, 1)) ** 2 / 2 == pytest.approx(0.02)


def test_an_attacker_who_sees_a_noisy_count_gains_no_more_than_epsilon():
    """Likelihood-ratio audit: a threshold on the answer tells 10 patients from 11 with rates that
    (ε, δ) allows; exact for the counts of true and false alarms, at 99.9 % confidence (Jagielski
    et al. 2020).
    """
    epsilon, delta, runs = 1.0, 1e-5, 8_000
    rho = rho_of(epsilon, delta)
    scale = gaussian_scale(rho, 1)

    def answers(patients):
        account = Account(math.inf)
        same = np.full(runs, patients, np.int64)
        # one release per run: independent noise on every cell of the vector
        return noisy_counts(same, scale, sensitivity=1, account=account)

    without, with_ = answers(10), answers(11)
    for threshold in range(5, 30):
        false = np.mean(without >= threshold)
        true = np.mean(with_ >= threshold)
        slack = 3.3 * math.sqrt(0.25 / runs)
        assert true - slack <= math.exp(epsilon) * (false + slack) + delta
        assert (1 - false) - slack <= math.exp(epsilon) * ((1 - true) + slack) + delta


def test_the_audit_would_notice_noise_that_is_too_small():
    """The same attack on a tenth of the noise breaks the bound, so the test above can fail."""
    epsilon, runs = 1.0, 8_000
    scale = gaussian_scale(rho_of(epsilon, 1e-5), 1) / 10
    account = Account(math.inf)
    without = noisy_counts(np.full(runs, 10), scale, sensitivity=1, account=account)
    with_ = noisy_counts(np.full(runs, 11), scale, sensitivity=1, account=account)
    slack = 3.3 * math.sqrt(0.25 / runs)
    broken = [
        np.mean(with_ >= t) - slack > math.exp(epsilon) * (np.mean(without >= t) + slack)
        for t in range(5, 30)
    ]
    assert any(broken)
    assert epsilon_of(account.spent / 2 / 1, 1e-5) > epsilon
