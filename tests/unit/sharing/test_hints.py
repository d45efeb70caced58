import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearward.sharing.footers import Footer
from clearward.sharing.hints import may_match

FOOTER = Footer(
    rows=10,
    columns=("n", "name", "day", "gone", "whole"),
    least={"n": 5, "name": "b", "day": "2024-01-01"},
    greatest={"n": 9, "name": "d", "day": "2024-12-31"},
    empty={"n": 0, "name": 2, "day": 0, "gone": 10, "whole": 0},
)


def sql(*predicates):
    return may_match(FOOTER, predicates=predicates, json_predicate=None)


def tree(document):
    return may_match(FOOTER, predicates=(), json_predicate=json.dumps(document))


def compare(op, name, value, kind="int"):
    column = {"op": "column", "name": name, "valueType": kind}
    return {"op": op, "children": [column, {"op": "literal", "value": value, "valueType": kind}]}


@pytest.mark.parametrize(
    ("predicate", "expected"),
    [
        ("n = 4", False),
        ("n = 5", True),
        ("n < 5", False),
        ("n <= 5", True),
        ("n > 9", False),
        ("9 < n", False),
        ("9 <= n", True),
        ("N >= 9.5", False),
        ("`n` >= 9.5", False),
        ("name = 'e'", False),
        ("name = 'c'", True),
        ("name = 'it''s'", False),
        ("name > 5", True),
        ("n > '99'", True),
        ("day > '2025-01-01'", False),
        ("day > '2025-1-1'", True),
        ("gone = 1", False),
        ("gone IS NULL", True),
        ("gone is not null", False),
        ("n IS NULL", False),
        ("whole < 0", True),
        ("unknown = 1", True),
        ("n <> 5", True),
        ("n = 4; DROP TABLE x", True),
        ("", True),
    ],
)
def test_a_file_is_left_out_only_where_no_row_can_match(predicate, expected):
    assert sql(predicate) is expected


def test_hints_hold_together_and_trees_as_they_say():
    assert not sql("n = 6", "n = 4")
    below, inside = compare("lessThan", "n", "5"), compare("equal", "n", "6")
    assert not tree({"op": "and", "children": [below, inside]})
    assert tree({"op": "or", "children": [below, inside]})
    assert tree({"op": "not", "children": [inside]})
    assert tree(compare("equal", "n", "10", kind="string"))
    assert not tree({"op": "isNull", "children": [{"op": "column", "name": "n"}]})


@pytest.mark.parametrize(
    "odd",
    [
        None,
        [],
        7,
        {"op": "and"},
        {"op": "equal", "children": [1, 2]},
        {"op": "equal", "children": []},
        {"op": []},
        compare("equal", "n", None),
        compare("equal", "n", "NaN"),
        compare("equal", "n", {"a": 1}),
        compare("equal", "n", True),
    ],
)
def test_what_cannot_be_understood_is_sent(odd):
    assert tree(odd) is True


def test_a_tree_without_a_bottom_is_sent():
    deep = "[" * 100_000
    assert may_match(FOOTER, predicates=(), json_predicate=deep)
    node = compare("equal", "n", "4")
    for _ in range(100):
        node = {"op": "and", "children": [node]}
    assert tree(node)


@given(
    st.lists(st.one_of(st.none(), st.integers(-(2**70), 2**70)), min_size=1, max_size=6),
    st.sampled_from(["equal", "lessThan", "lessThanOrEqual", "greaterThan", "greaterThanOrEqual"]),
    st.integers(-(2**70), 2**70),
)
def test_no_matching_row_is_ever_left_out(values, op, literal):
    real = [v for v in values if v is not None]
    footer = Footer(
        len(values),
        ("n",),
        {"n": min(real)} if real else {},
        {"n": max(real)} if real else {},
        {"n": len(values) - len(real)},
    )
    holds = {
        "equal": lambda v: v == literal,
        "lessThan": lambda v: v < literal,
        "lessThanOrEqual": lambda v: v <= literal,
        "greaterThan": lambda v: v > literal,
        "greaterThanOrEqual": lambda v: v >= literal,
    }[op]
    hint = json.dumps(compare(op, "n", str(literal), kind="long"))
    if any(map(holds, real)):
        assert may_match(footer, predicates=(), json_predicate=hint)
