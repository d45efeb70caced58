"""The order of scopes is a table, it is complete, and the SQL follows it."""

from __future__ import annotations

from itertools import product

import pytest

from clearward.consent.scopes import (
    ALL_WIDTHS,
    CATEGORIES,
    LIFTS,
    ORDERS,
    TABLE_CATEGORIES,
    TIMES,
    WIDTHS,
    order,
)
from clearward.sources.spec import load_spec, source_systems

from .hospital import event
from .test_policies import state_of

PURPOSE_OF = {1: "research", 2: "secondary_use", 3: "everything"}
CATEGORIES_OF = {1: "structured", 2: ""}
RECIPIENTS_OF = {1: "research_institution:X", 2: "research_institution", 3: ""}
WHEN = {"earlier": "2024-02-01", "same": "2024-02-02", "later": "2024-02-03"}


def test_every_combination_of_widths_is_in_the_table_once():
    assert len(ALL_WIDTHS) == len(set(ALL_WIDTHS)) == 3 * 2 * 3
    assert set(ALL_WIDTHS) == set(product(*(WIDTHS[part] for part in WIDTHS)))


def test_the_order_is_a_partial_order():
    assert {order(a, b) for a, b in product(ALL_WIDTHS, repeat=2)} == set(ORDERS)
    mirrored = {"narrower": "wider", "wider": "narrower", "same": "same", "mixed": "mixed"}
    for a, b in product(ALL_WIDTHS, repeat=2):
        assert order(b, a) == mirrored[order(a, b)]
        assert (order(a, b) == "same") == (a == b)
    for a, b, c in product(ALL_WIDTHS, repeat=3):
        if order(a, b) == order(b, c) == "narrower":
            assert order(a, c) == "narrower"


def test_who_wins_is_said_for_every_case():
    assert set(LIFTS) == set(product(("deny", "withdraw"), TIMES, ORDERS))
    lifted = {case for case, lifts in LIFTS.items() if lifts}
    assert lifted == {
        ("deny", "later", "same"),
        ("deny", "later", "narrower"),
        ("deny", "same", "narrower"),
        ("withdraw", "later", "same"),
        ("withdraw", "later", "narrower"),
    }


@pytest.mark.parametrize("kind", ["deny", "withdraw"])
@pytest.mark.parametrize("time", TIMES)
def test_the_sql_lifts_exactly_what_the_table_lifts(kind, time):
    for refused, permitted in product(ALL_WIDTHS, repeat=2):
        # Only permits that can be given and that speak of the whole class are compared.
        if permitted[0] != 1 or permitted[2] == 1 or refused[2] == 1:
            continue
        events = [
            event("p1", kind, WHEN["same"], **scope(refused)),
            event("p1", "permit", WHEN[time], **scope(permitted)),
        ]
        expected = LIFTS[kind, time, order(permitted, refused)]
        found = state_of(events, use="research") == "permitted"
        assert found == expected, (kind, time, refused, permitted)


def scope(width):
    p, c, r = width
    return {
        "purpose": PURPOSE_OF[p],
        "categories": CATEGORIES_OF[c],
        "recipients": RECIPIENTS_OF[r],
    }


@pytest.mark.parametrize("system", source_systems())
def test_every_table_that_may_pass_holds_a_known_kind_of_data(system):
    tables = [table.name for table in load_spec(system).tables if table.passes]
    assert [name for name in tables if name not in TABLE_CATEGORIES] == []
    assert set(TABLE_CATEGORIES.values()) <= set(CATEGORIES)


@pytest.mark.parametrize("system", source_systems())
def test_every_table_with_free_text_counts_as_notes(system):
    for table in load_spec(system).tables:
        if any(column.treatment == "scrub" for column in table.columns):
            assert TABLE_CATEGORIES[table.name] == "notes"
