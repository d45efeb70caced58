"""Rule sets hold only what was shown to hold."""

from __future__ import annotations

import pytest

from clearward.deidentify.profiles import (
    Verdict,
    check_profiles,
    profiles,
)
from clearward.errors import ConfigError
from clearward.products.spec import load_product, product_names

CLEAN = {"patient": {"patient_key": "VARCHAR", "sex": "VARCHAR", "index_year": "INTEGER"}}
FACTS = {"oldest_age": 89, "keys_are_keyed": True}


def broken(schema, facts, name="hipaa_safe_harbor"):
    results = check_profiles([name], schema=schema, facts=facts)
    return {r.rule for r in results if r.verdict is Verdict.NOT_HELD}


def test_a_clean_release_holds_all_of_safe_harbor():
    assert broken(CLEAN, FACTS) == set()


@pytest.mark.parametrize(
    ("column", "type_", "rule"),
    [
        ("last_name", "VARCHAR", "A"),
        ("zip", "VARCHAR", "B"),
        ("admitted_at", "TIMESTAMP WITH TIME ZONE", "C"),
        ("home_phone", "VARCHAR", "D"),
        ("mrn", "VARCHAR", "H"),
        ("ip_address", "VARCHAR", "O"),
    ],
)
def test_one_identifier_breaks_its_rule(column, type_, rule):
    assert rule in broken({"patient": {**CLEAN["patient"], column: type_}}, FACTS)


def test_what_was_not_measured_is_not_held():
    assert broken(CLEAN, {}) == {"C-age", "R"}
    assert broken(CLEAN, {**FACTS, "oldest_age": float("nan")}) == {"C-age"}
    assert broken(CLEAN, {**FACTS, "oldest_age": 90}) == {"C-age"}


def test_all_eighteen_identifiers_have_their_rule():
    rules = {rule["id"] for rule in profiles()["hipaa_safe_harbor"]["rules"]}
    assert set("ABCDEFGHIJKLMNOPQR") <= rules


def test_an_empty_release_or_an_unknown_profile_is_no_pass():
    for names, schema in (([], CLEAN), (["none"], CLEAN), (["expert"], {})):
        with pytest.raises(ConfigError):
            check_profiles(names, schema=schema, facts=FACTS)


def test_a_rule_whose_fact_cannot_be_had_is_not_applicable_and_says_why():
    results = check_profiles(
        ["hipaa_safe_harbor"],
        schema=CLEAN,
        facts={"keys_are_keyed": True},
        not_applicable={"oldest_age": "no year of birth is published"},
    )
    waived = [(r.rule, r.reason) for r in results if r.verdict is Verdict.NOT_APPLICABLE]
    assert waived == [("C-age", "no year of birth is published")]
    assert all(r.verdict is Verdict.HELD for r in results if r.rule != "C-age")


@pytest.mark.parametrize("product", product_names())
def test_every_product_names_profiles_that_exist(product):
    assert set(load_product(product).protection.profiles) <= set(profiles())
