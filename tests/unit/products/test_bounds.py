import tomllib

import pytest

from clearward.errors import ConfigError
from clearward.products.bounds import QuasiIdentifier, read_gates, read_protection
from clearward.products.spec import SPEC_FOLDER, load_product, product_names


def spec(name: str) -> dict:
    return tomllib.loads((SPEC_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", product_names())
def test_every_product_states_every_bound(name):
    product = load_product(name)
    entities = {table.entity for table in product.tables}
    places = [*product.protection.sensitive, *product.protection.code_sets]
    assert product.protection.k >= 11
    assert {place.table for place in places} <= entities
    assert product.protection.sequence.table in entities


@pytest.mark.parametrize("bound", ["k", "population", "max_suppressed", "recoding"])
def test_a_forgotten_bound_is_refused_not_guessed(bound):
    body = spec("cardiology")["protection"]
    del body[bound]
    with pytest.raises(ConfigError, match=bound):
        read_protection(body)


def test_a_misspelt_gate_is_refused():
    body = spec("cardiology")["gates"]
    body["inferrence"] = body.pop("inference")
    with pytest.raises(ConfigError, match="inferrence"):
        read_gates(body)


@pytest.mark.parametrize("bound", ["least_class", "least_joiners"])
def test_a_spec_that_lets_fewer_than_k_appear_together_is_refused(bound):
    body = spec("cardiology")["protection"]
    body["successive"] = {**body["successive"], bound: body["k"] - 1}
    with pytest.raises(ConfigError, match="fewer than k patients appear together"):
        read_protection(body)


@pytest.mark.parametrize("bound", ["successive", "code_sets"])
def test_protection_without_a_table_of_bounds_is_refused(bound):
    body = spec("cardiology")["protection"]
    del body[bound]
    with pytest.raises(ConfigError, match=bound):
        read_protection(body)


@pytest.mark.parametrize("name", product_names())
def test_the_hospital_is_a_quasi_identifier_of_every_product(name):
    bounds = load_product(name).protection
    assert QuasiIdentifier("hospital_id", "exact") in bounds.quasi_identifiers
    entities = {table.entity for table in load_product(name).tables}
    assert {place.table for place in bounds.extremes} <= entities


@pytest.mark.parametrize("ladder", ["category", "region", None])
def test_a_spec_that_would_hide_the_hospital_is_refused(ladder):
    body = spec("cardiology")["protection"]
    body["quasi_identifiers"] = {**body["quasi_identifiers"], "hospital_id": ladder}
    if ladder is None:
        del body["quasi_identifiers"]["hospital_id"]
    with pytest.raises(ConfigError, match="records themselves tell"):
        read_protection(body)


@pytest.mark.parametrize("m", [0, 4, "2"])
def test_sets_of_codes_that_nobody_counts_are_refused(m):
    body = spec("cardiology")["protection"]
    body["code_sets"] = {**body["code_sets"], "diagnosis.code": m}
    with pytest.raises(ConfigError, match="cannot be counted"):
        read_protection(body)


def test_protection_without_sensitive_columns_is_refused():
    body = spec("cardiology")["protection"]
    del body["sensitive"]
    with pytest.raises(ConfigError, match="sensitive"):
        read_protection(body)
