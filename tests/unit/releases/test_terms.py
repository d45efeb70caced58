"""Which change of a promise breaks a buyer's code, and that no such change ships as minor."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearward.errors import ReleaseError
from clearward.releases.contract import as_document, contract_of, read_contract
from clearward.releases.manifest import Manifest
from clearward.releases.tables import Column, TableFile
from clearward.releases.terms import ColumnTerms, TableTerms, Term, compare
from clearward.releases.version import Change, Version, classify, next_version

WEIGHT = ColumnTerms("DOUBLE", unit="kg")
GRADE = ColumnTerms("VARCHAR", codes=("I", "II", "III"))
KEY = ColumnTerms("VARCHAR", is_filled=True)


def table(key=("id",), **columns):
    return {"t": TableTerms(tuple(key), {"id": KEY, **columns})}


OLD = table(weight=WEIGHT, grade=GRADE)


@pytest.mark.parametrize(
    ("new", "term", "is_breaking"),
    [
        ({}, Term.TABLE, True),
        ({**OLD, "u": TableTerms(("id",), {"id": KEY})}, Term.TABLE, False),
        (table(weight=WEIGHT), Term.COLUMN, True),
        (table(weight=WEIGHT, grade=GRADE, more=KEY), Term.COLUMN, False),
        (table(weight=replace(WEIGHT, type="INTEGER"), grade=GRADE), Term.TYPE, True),
        (table(weight=replace(WEIGHT, unit="g"), grade=GRADE), Term.UNIT, True),
        (table(weight=replace(WEIGHT, unit=""), grade=GRADE), Term.UNIT, True),
        (table(weight=WEIGHT, grade=replace(GRADE, codes=("I", "II"))), Term.CODES, True),
        (table(weight=WEIGHT, grade=replace(GRADE, codes=("1", "2", "3"))), Term.CODES, True),
        (table(weight=WEIGHT, grade=replace(GRADE, codes=())), Term.CODES, True),
        (
            table(weight=WEIGHT, grade=replace(GRADE, codes=("I", "II", "III", "IV"))),
            Term.CODES,
            False,
        ),
        (table(weight=replace(WEIGHT, is_filled=True), grade=GRADE), Term.FILLING, False),
        (table(("id", "weight"), weight=WEIGHT, grade=GRADE), Term.GRAIN, True),
    ],
)
def test_what_a_reader_can_no_longer_rely_on_is_breaking(new, term, is_breaking):
    [change] = compare(OLD, new)
    assert (change.term, change.is_breaking) == (term, is_breaking)


def test_a_column_that_may_be_empty_and_was_not_is_breaking():
    [change] = compare(table(a=KEY), table(a=replace(KEY, is_filled=False)))
    assert (change.term, change.is_breaking) == (Term.FILLING, True)


def test_an_order_of_columns_or_key_is_no_promise():
    new = {"t": TableTerms(("b", "a"), {"b": KEY, "a": KEY})}
    assert compare({"t": TableTerms(("a", "b"), {"a": KEY, "b": KEY})}, new) == ()


NAMES = st.sampled_from("abcd")
COLUMNS = st.builds(
    ColumnTerms,
    type=st.sampled_from(["VARCHAR", "INTEGER", "DOUBLE"]),
    unit=st.sampled_from(["", "kg", "g"]),
    codes=st.sets(st.sampled_from("xyz")).map(lambda found: tuple(sorted(found))),
    is_filled=st.booleans(),
)
TABLES = st.builds(
    TableTerms,
    key=st.sets(NAMES, min_size=1).map(lambda found: tuple(sorted(found))),
    columns=st.dictionaries(NAMES, COLUMNS, min_size=1),
)
CONTRACTS = st.dictionaries(st.sampled_from("tu"), TABLES, min_size=1)
MONTHS = st.sampled_from(["2024-05", "2024-06"])


def relies_on(contract):
    """Everything that a reader may rely on, one fact each; more facts never hurt a reader."""
    for name, terms in contract.items():
        yield name
        yield name, "key", frozenset(terms.key)
        for column, told in terms.columns.items():
            yield name, column, told.type
            yield from [(name, column, "unit", told.unit)] if told.unit else []
            yield from [(name, column, "filled")] if told.is_filled else []
            for code in told.codes:
                yield name, column, "code", code
            if told.codes:
                yield name, column, "has codes"


@given(CONTRACTS, CONTRACTS, MONTHS)
def test_a_release_that_takes_a_promise_back_is_a_new_major_one_whatever_else_is_in_it(
    old, new, month
):
    change = classify(compare(old, new), month=month, previous_month="2024-05")
    is_taken_back = not set(relies_on(old)) <= set(relies_on(new))
    version = next_version(Version(1, 4, 2), change)
    assert (version == Version(2, 0, 0)) == is_taken_back == (change is Change.SCHEMA_BREAK)


@given(CONTRACTS, CONTRACTS)
def test_a_compatible_release_of_the_same_month_is_minor_with_additions_and_a_patch_without(
    old, new
):
    terms = compare(old, new)
    if any(term.is_breaking for term in terms):
        return
    change = classify(terms, month="2024-05", previous_month="2024-05")
    number = next_version(Version(1, 4, 2), change)
    assert number == (Version(1, 5, 0) if terms else Version(1, 4, 3))


@given(CONTRACTS)
def test_a_contract_is_kept_in_the_manifest_as_it_was(contract):
    manifest = Manifest(
        *("p", Version(1, 0, 0), "2024-05", "", "", "", "", {}, ()),
        facts={"contract": as_document(contract)},
    )
    assert read_contract(manifest) == contract
    assert compare(read_contract(manifest), contract) == ()


def test_the_contract_takes_types_from_the_file_and_the_rest_from_dbt(tmp_path):
    columns = (Column("id", "VARCHAR", 0), Column("weight_kg", "DOUBLE", 3))
    file = TableFile("t", "p__t", ("id",), tmp_path, "0" * 64, 1, 9, columns)
    meta = {"unit": "kg", "values": ["2", "1"]}
    node = {"resource_type": "model", "name": "p__t", "columns": {"weight_kg": {"meta": meta}}}
    terms = contract_of({"nodes": {"m": node}}, [file])["p__t"]
    assert terms.key == ("id",)
    assert terms.columns == {
        "id": ColumnTerms("VARCHAR", is_filled=True),
        "weight_kg": ColumnTerms("DOUBLE", "kg", ("1", "2")),
    }
    node["columns"]["weight_kg"]["constraints"] = [{"type": "not_null"}]
    with pytest.raises(ReleaseError, match="empty cells"):
        contract_of({"nodes": {"m": node}}, [file])
