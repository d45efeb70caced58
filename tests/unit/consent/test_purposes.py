"""The table of purposes is complete, and narrow."""

from __future__ import annotations

from clearward.consent.purposes import (
    ADMISSION_USES,
    EVERYTHING,
    GATE_USES,
    OWN_EVENT_USES,
    PURPOSES,
    USES,
    coverage,
)
from clearward.products.spec import load_product, product_names


def test_general_admission_covers_care_payment_and_quality_only():
    assert PURPOSES["general_admission"].uses == {"care", "payment", "quality"}
    assert not PURPOSES["general_admission"].opens_gate


def test_every_other_use_has_a_purpose_of_its_own_and_no_other_permits_it():
    assert set(OWN_EVENT_USES) == {"commercial_licensing", "ai_training", "research"}
    for use in OWN_EVENT_USES:
        permitting = {n for n, p in PURPOSES.items() if use in p.uses and p.may_permit}
        assert permitting == {use}


def test_every_use_is_decided_by_some_purpose_and_refusable_at_once():
    assert set(USES) == ADMISSION_USES | set(OWN_EVENT_USES)
    assert PURPOSES[EVERYTHING].uses == set(USES)
    assert not PURPOSES[EVERYTHING].may_permit


def test_every_purpose_is_described_and_in_the_sql_table():
    assert all(purpose.description for purpose in PURPOSES.values())
    pairs = {(row["purpose"], row["use"]) for row in coverage().to_pylist()}
    assert pairs == {(name, use) for name, purpose in PURPOSES.items() for use in purpose.uses}


def test_the_gate_opens_for_what_products_are_licensed_for_and_for_nothing_else():
    licensed = {purpose for name in product_names() for purpose in load_product(name).purposes}
    assert set(GATE_USES) == licensed
