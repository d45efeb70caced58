"""Values and codes: what is not on the list becomes no new value, and bands give back their own."""

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearward.products.synthesis import Banded, Listed
from clearward.synthetic.domain import Attribute


def encode(attribute, values, kind="VARCHAR"):
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE t (i INTEGER, {attribute.column} {kind})")
        connection.executemany("INSERT INTO t VALUES (?, ?)", list(enumerate(values)))
        sql = attribute.encode_sql("t")
        return [r[0] for r in connection.execute(f"SELECT {sql} FROM t ORDER BY i").fetchall()]


def listed(*values, has_null=False):
    return Attribute("patient", "sex", Listed(values), has_null)


def banded(*edges, decimals=0, has_null=False):
    return Attribute("patient", "age", Banded(edges, decimals), has_null)


def test_a_value_that_is_not_listed_is_untold():
    assert encode(listed("M", "U", "F"), ["F", "M", "X", None]) == [2, 0, 1, 1]
    assert encode(listed("eye", "other"), ["heart", "eye"]) == [1, 0]


def test_a_value_that_is_not_listed_is_empty_where_that_is_allowed():
    assert encode(listed("M", "F", has_null=True), ["X", None, "F"]) == [2, 2, 1]


def test_a_value_that_is_not_listed_never_leaves_the_domain():
    attribute = listed("a", "b")
    assert set(encode(attribute, ["'; DROP TABLE t; --", "", "zz", None])) <= {0, 1}


def test_a_list_may_hold_a_quote():
    assert encode(listed("d'or", "U"), ["d'or"]) == [0]


def test_numbers_outside_the_edges_go_to_the_outer_bands():
    attribute = banded(0, 10, 20, 30, has_null=True)
    seen = encode(attribute, [-1e300, 0, 9.99, 10, 29, 30, 1e300, None], "DOUBLE")
    assert seen == [0, 0, 0, 1, 2, 2, 2, 3]


def test_not_a_number_is_inside_the_domain():
    seen = encode(banded(0, 10, 20), [float("nan"), float("inf"), float("-inf")], "DOUBLE")
    assert set(seen) <= {0, 1}


def test_an_empty_number_that_may_not_be_empty_goes_to_the_first_band():
    assert encode(banded(0, 10, 20), [None], "DOUBLE") == [0]


@given(st.lists(st.integers(0, 3), min_size=1, max_size=50), st.integers(0, 2))
def test_a_decoded_band_is_encoded_to_itself(codes, decimals):
    attribute = banded(0, 5, 10, 40, decimals=decimals, has_null=True)
    values = attribute.decode(np.array(codes), np.random.default_rng(0)).to_pylist()
    again = encode(attribute, values, "DOUBLE")
    for code, back, value in zip(codes, again, values, strict=True):
        on_edge = value in {5, 10, 40}  # rounding may reach the next band's edge
        assert back == code or on_edge


def test_a_decoded_list_is_its_values():
    attribute = listed("M", "F", has_null=True)
    assert attribute.decode(np.array([1, 0, 2]), np.random.default_rng(0)).to_pylist() == [
        "F",
        "M",
        None,
    ]


def test_published_bands_read_like_those_of_a_release():
    attribute = banded(1900, 1920, 1940, decimals=None)
    drawn = attribute.decode(np.array([0, 1]), np.random.default_rng(0)).to_pylist()
    assert drawn == ["1900-1919", "1920-1939"]


@pytest.mark.parametrize(
    "attribute", [listed("M", "F"), banded(0, 1), banded(0, 1, 2, has_null=True)]
)
def test_every_code_is_below_the_size(attribute):
    assert attribute.size == len({*range(attribute.size)})
    attribute.decode(np.arange(attribute.size), np.random.default_rng(0))
