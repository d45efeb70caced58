"""The code: what an innocent scores, what a guilty one does, and that the bound is one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearward.marking import tardos
from clearward.marking.tardos import Reading

BIASES = tardos.biases(b"b" * 32)
GUILTY = [tardos.codeword(bytes([n]) * 32, BIASES) for n in range(3)]


def attack(words, how, cells=2_000, seed=7):
    """What a file says when these copies were put together so."""
    places = np.random.default_rng(seed).permutation(tardos.CODE_LENGTH)[:cells]
    bits = np.array([word[places] for word in words], dtype=float)
    evidence = 2 * how(bits, np.random.default_rng(seed + 1)) - 1
    return Reading(places, evidence, BIASES[places], cells)


def interleave(bits, generator):
    return bits[generator.integers(0, len(bits), bits.shape[1]), np.arange(bits.shape[1])]


ATTACKS = {
    "interleaved": interleave,
    "averaged": lambda bits, _: bits.mean(0),
    "least": lambda bits, _: bits.min(0),
    "greatest": lambda bits, _: bits.max(0),
    "majority": lambda bits, _: np.median(bits, 0),
    "coin": lambda bits, g: np.where(np.ptp(bits, 0) > 0, g.integers(0, 2, bits.shape[1]), bits[0]),
    "minority": lambda bits, _: np.where(bits.mean(0) > 0.5, bits.min(0), bits.max(0)),
}


def test_biases_are_those_of_gauss_and_legendre():
    values, chances = tardos.bias_values()
    assert values == pytest.approx([0.11270, 0.5, 0.88730], abs=1e-5)
    assert chances == pytest.approx([0.33201, 0.33598, 0.33201], abs=1e-5)
    drawn = [np.mean(np.isclose(BIASES, value)) for value in values]
    assert drawn == pytest.approx(chances, abs=0.01)


def test_a_licensees_bits_are_their_secrets_alone_and_follow_the_biases():
    again = tardos.codeword(bytes(32), BIASES)
    assert (again == GUILTY[0]).all()
    assert 0.3 < np.mean(GUILTY[0] == GUILTY[1]) < 0.75
    for value in tardos.bias_values()[0]:
        assert np.mean(GUILTY[0][np.isclose(BIASES, value)]) == pytest.approx(value, abs=0.02)


@pytest.mark.parametrize("name", ATTACKS)
def test_three_colluders_are_found_whatever_they_do_and_innocents_are_not(name):
    what = attack(GUILTY, ATTACKS[name])
    scores = [tardos.score(what, word) for word in GUILTY]
    innocent = tardos.innocents(what, 2_000, seed=1)
    limit = tardos.needed(what, 1e-6 / 600)
    assert max(abs(innocent)) < limit
    assert min(map(abs, scores)) > limit, scores
    assert abs(innocent.mean()) < 0.1 and innocent.std() == pytest.approx(1, abs=0.06)


def test_one_licensee_is_found_by_few_cells_and_digits_turned_over_do_not_hide_them():
    what = attack(GUILTY[:1], lambda bits, _: bits[0], cells=200)
    assert tardos.chance(what, tardos.score(what, GUILTY[0])) < 1e-12
    turned = attack(GUILTY[:1], lambda bits, _: 1 - bits[0], cells=200)
    z = tardos.score(turned, GUILTY[0])
    assert z < -5 and tardos.chance(turned, z) < 1e-12


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("bound", [0.05, 0.01, 0.001])
def test_ten_thousand_innocents_are_accused_no_oftener_than_promised(name, bound):
    what = attack(GUILTY, ATTACKS[name], cells=300)
    limit = tardos.needed(what, bound)
    accused = np.sum(abs(tardos.innocents(what, 10_000, seed=3)) >= limit)
    # The promise is a chance: this many and no more would come from one that is kept, 1 in 10,000
    assert accused <= bound * 10_000 + 4 * np.sqrt(bound * 10_000)


def test_of_ten_thousand_innocents_none_is_accused_under_the_bound_a_trace_uses():
    what = attack(GUILTY, interleave, cells=1_000)
    assert max(abs(tardos.innocents(what, 10_000, seed=5))) < tardos.needed(what, 1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(5, 60))
def test_the_bound_is_above_the_exact_chance(seed, cells):
    """Small codes, uneven evidence: every word of eight positions is weighed."""
    generator = np.random.default_rng(seed)
    places = generator.permutation(tardos.CODE_LENGTH)[:8]
    what = Reading(places, generator.uniform(-cells, cells, 8), BIASES[places], cells)
    words = (np.arange(256)[:, None] >> np.arange(8)) & 1
    weights = np.prod(np.where(words, what.biases, 1 - what.biases), axis=1)
    scores = (words - what.biases) @ what.coefficients / what.weight
    for z in (0.5, 1.0, 2.0, 3.0):
        exact = weights[abs(scores) >= z].sum()
        assert tardos.chance(what, z) >= exact - 1e-9


def test_a_file_that_says_nothing_accuses_nobody():
    nothing = Reading(np.empty(0, np.int64), np.empty(0), np.empty(0), 0)
    assert tardos.score(nothing, GUILTY[0]) == 0
    assert tardos.chance(nothing, 99.0) == 1
    assert tardos.needed(nothing, 0.01) == float("inf")
    assert list(tardos.innocents(nothing, 3, seed=1)) == [0, 0, 0]
    silent = attack(GUILTY, lambda bits, _: np.full(bits.shape[1], 0.5))
    assert tardos.needed(silent, 0.01) == float("inf")


def test_too_few_cells_can_accuse_nobody():
    what = attack(GUILTY[:1], lambda bits, _: bits[0], cells=4)
    assert tardos.needed(what, 1e-9) == float("inf")
