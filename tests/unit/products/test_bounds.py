import tomllib

import pytest

from clearward.errors import ConfigError
from clearward.products.bounds import WEAKEST, QuasiIdentifier, read_gates, read_protection
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


WEAKER = {
    "k": {"k": 10, "successive": {"least_class": 33, "least_joiners": 11, "max_withheld": 0.5}},
    "k of an open release": {"release_model": "public"},
    "another release model": {"release_model": "open"},
    "no profile": {"profiles": []},
    "t": {"sensitive": {"patient.smoking": {"t": 0.31}}},
    "nothing sensitive": {"sensitive": {}},
}


@pytest.mark.parametrize("weaker", WEAKER.values(), ids=WEAKER.keys())
def test_a_spec_that_asks_for_less_than_any_product_may_is_refused(weaker):
    with pytest.raises(ConfigError, match="no product may have"):
        read_protection(spec("cardiology")["protection"] | weaker)


@pytest.mark.parametrize("bound", [*WEAKEST, "attacks"])
def test_a_gate_weaker_than_any_product_may_have_is_refused(bound):
    gates = spec("cardiology")["gates"]
    for value in (gates[bound] - 1, float("nan")) if bound == "attacks" else (2.0, -1.0):
        with pytest.raises(ConfigError, match="no product may have"):
            read_gates(gates | {bound: value})


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
