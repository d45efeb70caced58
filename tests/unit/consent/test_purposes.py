"""The table of purposes is complete, and narrow."""

from __future__ import annotations

import pytest

from clearward.consent.purposes import (
    ADMISSION_USES,
    ASKED_RECIPIENTS,
    EVERYTHING,
    OWN_EVENT_USES,
    PURPOSES,
    SECONDARY_USE,
    USES,
    gate_uses,
    own_words,
    product_uses,
)
from clearward.consent.scopes import RECIPIENT_CLASSES, WIDTHS, Scope, coverage
from clearward.consent.vocabularies import (
    DPV_TERMS,
    DUO_TERMS,
    FHIR_PURPOSES,
    dpv_terms,
    duo_terms,
)
from clearward.errors import ConfigError
from clearward.products.spec import load_product, product_names


def test_general_admission_covers_care_payment_and_quality_only():
    assert PURPOSES["general_admission"].uses == {"care", "payment", "quality"}
    assert not PURPOSES["general_admission"].uses & set(gate_uses())


def test_every_other_use_has_a_purpose_of_its_own_and_no_other_permits_it():
    assert set(OWN_EVENT_USES) == {"commercial_licensing", "ai_training", "research"}
    for use in OWN_EVENT_USES:
        permitting = {n for n, p in PURPOSES.items() if use in p.uses and p.may_permit}
        assert permitting == {use}


def test_every_use_is_decided_by_some_purpose_and_refusable_at_once():
    assert set(USES) == ADMISSION_USES | set(OWN_EVENT_USES)
    assert PURPOSES[EVERYTHING].uses == set(USES)
    assert PURPOSES[SECONDARY_USE].uses == set(OWN_EVENT_USES)
    assert not PURPOSES[EVERYTHING].may_permit and not PURPOSES[SECONDARY_USE].may_permit


def test_the_widths_of_purposes_nest_for_every_use():
    for use in USES:
        about = [p for p in PURPOSES.values() if use in p.uses]
        for one in about:
            for other in about:
                assert (one.width < other.width) == (one.uses < other.uses)
    assert {p.width for p in PURPOSES.values()} == set(WIDTHS["purpose"])


def test_every_purpose_is_described_and_in_the_sql_table():
    assert all(purpose.description for purpose in PURPOSES.values())
    rows = coverage([Scope(name, "", "") for name in PURPOSES], in_detail=False).to_pylist()
    pairs = {(row["purpose"], row["use"]) for row in rows}
    assert pairs == {(name, use) for name, purpose in PURPOSES.items() for use in purpose.uses}


def test_every_use_has_terms_in_other_vocabularies_and_a_class_of_recipients():
    assert set(DPV_TERMS) == set(ASKED_RECIPIENTS) == set(USES)
    assert set(ASKED_RECIPIENTS.values()) <= set(RECIPIENT_CLASSES)
    assert all(term.startswith("https://w3id.org/dpv#") for use in USES for term in dpv_terms(use))
    assert duo_terms("research") and not duo_terms("commercial_licensing")


def test_every_duo_term_says_what_it_does_and_permits_and_excludes_known_uses():
    assert len(DUO_TERMS) == 12
    for term in DUO_TERMS.values():
        assert term.short and term.description
        assert {*term.permits, *term.excludes} <= set(OWN_EVENT_USES)
        assert not set(term.permits) & set(term.excludes)


def test_a_fhir_code_permits_only_what_its_purpose_may_permit():
    for purpose, permits in FHIR_PURPOSES.values():
        assert purpose in PURPOSES
        assert not permits or PURPOSES[purpose].may_permit


def test_the_gate_opens_for_what_products_are_licensed_for_and_for_nothing_else():
    licensed = {purpose for name in product_names() for purpose in load_product(name).purposes}
    assert set(gate_uses()) == licensed


@pytest.mark.parametrize("purposes", [(), ("general_admission",), ("care",), ("marketing",)])
def test_a_product_for_a_purpose_nobody_is_asked_about_is_refused(purposes):
    with pytest.raises(ConfigError, match="cannot be answered by consent"):
        product_uses(purposes)


def test_words_that_speak_for_themselves_share_no_use():
    spoken = [use for name in own_words() for use in PURPOSES[name].uses]
    assert len(spoken) == len(set(spoken))
    assert set(OWN_EVENT_USES) <= set(own_words())
    assert not {"everything", "secondary_use"} & set(own_words())
