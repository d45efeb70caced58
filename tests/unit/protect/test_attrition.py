"""The published attrition adds up and tells no count of a few people."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearward.errors import ProtectionError
from clearward.protect.attrition import ALL_HOSPITALS, Step, close, publishable

K = 11


def chain(hospital: str, *counts: int) -> list[Step]:
    return [
        Step(hospital, i + 1, a, b, {"step_id": f"s{i + 1}", "reason": "r", "product": "p"})
        for i, (a, b) in enumerate(itertools.pairwise(counts))
    ]


def told(steps: list[Step]) -> list[tuple]:
    return [(s.hospital, s.number, s.n_in, s.n_out, s.excluded) for s in steps]


def test_hospitals_are_told_apart_when_every_count_is_large():
    steps = chain("H01", 100, 80, 80) + chain("H02", 50, 30, 30)
    assert told(publishable(steps, K)) == told(steps)


def test_one_small_count_pools_all_hospitals():
    steps = chain("H01", 100, 80, 60) + chain("H02", 50, 45, 25)
    assert told(publishable(steps, K)) == [
        (ALL_HOSPITALS, 1, 150, 125, 25),
        (ALL_HOSPITALS, 2, 125, 85, 40),
    ]


def test_a_small_step_is_told_with_the_next_one():
    published = publishable(chain("H01", 100, 97, 60), K)
    assert told(published) == [(ALL_HOSPITALS, 2, 100, 60, 40)]
    assert published[0].texts == {"step_id": "s1; s2", "reason": "r", "product": "p"}


def test_a_small_last_step_is_told_with_the_one_before():
    assert told(publishable(chain("H01", 100, 60, 57), K)) == [(ALL_HOSPITALS, 2, 100, 57, 43)]


def test_few_excluded_in_all_steps_together_leave_only_the_final_count():
    assert told(publishable(chain("H01", 100, 99, 97), K)) == [(ALL_HOSPITALS, 2, None, 97, None)]


@given(
    losses=st.lists(st.lists(st.integers(0, 30), min_size=3, max_size=3), min_size=1, max_size=3),
    final=st.integers(K, 60),
)
def test_no_published_count_is_small_and_steps_still_add_up(losses, final):
    steps = []
    for i, lost in enumerate(losses):
        counts = [final + sum(lost[j:]) for j in range(4)]
        steps += chain(f"H0{i + 1}", *counts)
    published = publishable(steps, K)
    for step in published:
        for count in (step.n_in, step.n_out, step.excluded):
            assert count is None or count == 0 or count >= K
    for a, b in itertools.pairwise(published):
        assert a.hospital != b.hospital or a.n_out == b.n_in
    last = {s.hospital: s.n_out for s in published}
    assert sum(last.values()) == final * len(losses)


def test_the_step_of_protection_is_added_for_every_hospital():
    steps = close(
        chain("H01", 100, 80) + chain("H02", 20, 0), [{"H01": 80}, {}, {"H01": 70}], is_first=True
    )
    assert told(steps) == [
        ("H01", 1, 100, 80, 20),
        ("H01", 2, 80, 70, 10),
        ("H02", 1, 20, 0, 20),
        ("H02", 2, 0, 0, 0),
    ]
    assert steps[1].texts["step_id"] == "k-anonymity"
    assert steps[1].texts["product"] == "p"


def test_steps_that_do_not_lead_to_the_patients_are_refused():
    with pytest.raises(ProtectionError, match="does not add up"):
        close(chain("H01", 100, 80), [{"H01": 79}, {"H01": 70}], is_first=True)


def test_a_hospital_without_a_line_is_refused():
    with pytest.raises(ProtectionError, match="leaves hospitals out"):
        close(chain("H01", 9, 8), [{"H01": 8, "H02": 3}, {"H01": 8}], is_first=True)


def test_a_step_without_a_text_leaves_none_of_it_behind_when_steps_are_told_together():
    steps = close(chain("H01", 100, 80), [{"H01": 80}, {"H01": 77}], is_first=True)
    published = publishable(steps, K)
    assert published[-1].texts["step_id"] == "s1; k-anonymity"
    assert published[-1].texts["product"] == "p"


def test_later_releases_tell_who_was_held_back_beside_others_as_a_step_of_its_own():
    counts = [{"H01": 80}, {"H01": 66}, {"H01": 44}]
    steps = close(chain("H01", 100, 80), counts, is_first=False)
    assert [s.texts["step_id"] for s in steps] == ["s1", "k-anonymity", "successive-releases"]
    assert told(publishable(steps, K, is_first=False)) == [
        ("H01", 1, 110, 88, 22),
        ("H01", 2, 88, 66, 22),
        ("H01", 3, 66, 44, 22),
    ]


@given(
    leavers=st.integers(0, 10),
    suppressed=st.integers(0, 30),
    cohort=st.integers(150, 400),
)
def test_attrition_beside_the_data_does_not_tell_how_many_withdrew(leavers, suppressed, cohort):
    """An attacker counts pseudonyms that vanished and subtracts the decoys attrition would give."""
    gone = K if leavers else 0
    eligible, kept = cohort - leavers, cohort - suppressed - gone
    counts = [{"H01": eligible}, {"H01": eligible - suppressed}, {"H01": kept}]
    published = publishable(
        close(chain("H01", cohort + 50, eligible), counts, is_first=False), K, is_first=False
    )
    before = [s.n_in for s in published if s.n_in is not None][-1:]
    assert all(n % K == 0 for n in before)
    assert published[-1].n_out == kept
