"""Which step of a month waits for which."""

from graphlib import TopologicalSorter

import pytest

from clearward.products.spec import product_names
from orchestration.course import Kind, Plan, Step, beside, course, ranks, steps_of

MARCH = Plan("2024-03", ("lakeside", "renmin"))
APRIL = Plan("2024-04", ("renmin", "stmary"))


def before(step, waits):
    """Everything that must have ended before a step begins."""
    found, left = set(), [step]
    while left:
        new = waits[left.pop()] - found
        found |= new
        left += new
    return found


def test_the_hospitals_of_a_month_do_not_wait_for_each_other():
    waits = course([MARCH])
    assert waits[Step("2024-03", Kind.HOSPITAL, "renmin")] == {Step("2024-03", Kind.OPEN)}
    assert waits[Step("2024-03", Kind.MODELS)] == {
        Step("2024-03", Kind.HOSPITAL, name) for name in MARCH.hospitals
    }


def test_the_months_of_a_hospital_go_in_order():
    waits = course([MARCH, APRIL])
    first = Step("2024-03", Kind.HOSPITAL, "renmin")
    assert first in waits[Step("2024-04", Kind.HOSPITAL, "renmin")]
    assert first not in before(Step("2024-04", Kind.HOSPITAL, "stmary"), waits)


@pytest.mark.parametrize("product", product_names())
def test_the_months_of_a_product_go_in_order_and_wait_for_no_other_product(product):
    waits = course([MARCH, APRIL])
    behind = before(Step("2024-04", Kind.PRODUCT, product), waits)
    assert {s.name for s in behind if s.kind is Kind.PRODUCT} == {product}
    assert Step("2024-04", Kind.MODELS) in behind


def test_hospitals_of_the_next_month_may_run_beside_the_products_of_this_one():
    waits = course([MARCH, APRIL])
    for name in APRIL.hospitals:
        behind = before(Step("2024-04", Kind.HOSPITAL, name), waits)
        assert not any(step.kind in (Kind.MODELS, Kind.PRODUCT) for step in behind)


def test_the_models_of_a_month_follow_those_of_the_month_before():
    waits = course([MARCH, APRIL])
    assert Step("2024-03", Kind.MODELS) in waits[Step("2024-04", Kind.MODELS)]


def test_a_month_closes_last_and_after_the_month_before():
    waits = course([MARCH, APRIL])
    everything = {step for steps in steps_of(APRIL).values() for step in steps}
    closing = Step("2024-04", Kind.CLOSE)
    assert before(closing, waits) >= everything - {closing} | {Step("2024-03", Kind.CLOSE)}


def test_a_month_that_looks_done_is_opened_when_the_month_before_is_closed():
    done = Plan("2024-04", ("renmin",), looks_done=True)
    assert course([MARCH, done])[Step("2024-04", Kind.OPEN)] == {Step("2024-03", Kind.CLOSE)}
    assert course([MARCH, APRIL])[Step("2024-04", Kind.OPEN)] == set()


def test_every_step_waits_for_steps_of_the_course_and_none_for_itself():
    waits = course([MARCH, APRIL, Plan("2024-05", ("renmin",), looks_done=True)])
    assert list(TopologicalSorter(waits).static_order())
    assert set().union(*waits.values()) <= waits.keys()


def test_a_step_alone_in_its_month_has_the_machine_to_itself():
    one = Plan("2024-03", ("lakeside",))
    steps = {kind: steps[0] for kind, steps in steps_of(one).items()}
    assert beside(steps[Kind.HOSPITAL], [one], 2) == 1
    assert beside(steps[Kind.MODELS], [one], 2) == 1
    assert beside(steps[Kind.PRODUCT], [one], 2) == 2
    assert beside(steps[Kind.HOSPITAL], [one, APRIL], 2) == 2


def test_what_most_others_wait_for_goes_first():
    waits = course([MARCH, APRIL])
    rank = ranks(waits)
    product = Step("2024-03", Kind.PRODUCT, product_names()[0])
    assert rank[Step("2024-04", Kind.MODELS)] < rank[product]
    assert rank[Step("2024-03", Kind.MODELS)] < rank[Step("2024-04", Kind.HOSPITAL, "renmin")]
    assert all(rank[before] < rank[step] for step in waits for before in waits[step])


def test_of_two_steps_that_as_many_wait_for_the_earlier_of_the_plan_goes_first():
    rank = ranks(course([MARCH]))
    first, second = (Step("2024-03", Kind.HOSPITAL, name) for name in MARCH.hospitals)
    assert rank[first] < rank[second]
