"""No small count can be had from what is told of a table's changes, by any subtraction."""

from itertools import product

import pytest

from clearward.products.counts import is_small
from clearward.releases.changes import TableChange, publishable

K = 3


def worlds(rows, before, columns):
    """Everything that can have happened between two row counts, as (change, its small counts)."""
    for inserted in range(rows + 1):
        kept = rows - inserted
        deleted = before - kept
        if deleted < 0:
            continue
        for counts in product(range(kept + 1), repeat=columns):
            for updated in range(max(counts, default=0), min(kept, sum(counts)) + 1):
                told = {f"c{i}": count for i, count in enumerate(counts) if count}
                yield TableChange("t", rows, before, inserted, updated, deleted, told)


def quantities(change):
    kept = change.rows - change.inserted
    found = {
        "inserted": change.inserted,
        "deleted": change.deleted,
        "updated": change.updated,
        "kept": kept,
        "unchanged": kept - change.updated,
    }
    for name in ("c0", "c1", "c2"):
        count = change.columns.get(name, 0)
        found |= {name: count, f"without {name}": change.updated - count}
    return found


def key(change):
    shown = publishable(change, K)
    columns = tuple(sorted(shown.columns.items()))
    return shown.inserted, shown.deleted, shown.updated, columns


@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize(("rows", "before"), [(9, 9), (10, 6), (6, 10), (7, 8), (12, 0), (4, 9)])
def test_whoever_knows_the_rule_and_all_that_is_told_learns_no_small_count(rows, before, columns):
    seen = {}
    for change in worlds(rows, before, columns):
        seen.setdefault(key(change), []).append(quantities(change))
    for told, possible in seen.items():
        for name in possible[0]:
            values = {world[name] for world in possible}
            assert len(values) > 1 or not is_small(values.pop(), K), (name, told)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((50, 20, 30), (50, 20, 30)),
        ((0, 0, 0), (0, 0, 0)),
        ((50, 3, 30), (50, None, 30)),
        ((50, 20, 3), (None, 20, None)),
        ((3, 20, 0), (None, 20, None)),
        ((11, 11, 11), (11, 11, 11)),
        ((95, 0, 95), (None, 0, None)),  # five stayed
        ((0, 95, 0), (0, None, 0)),  # five stayed the same
    ],
)
def test_counts_are_told_where_nothing_small_follows_from_them(counts, expected):
    inserted, updated, deleted = counts
    before = 100 - inserted + deleted
    shown = publishable(TableChange("t", 100, before, inserted, updated, deleted), 11)
    assert (shown.inserted, shown.updated, shown.deleted) == expected


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"a": 40, "b": 20}, {"a": 40, "b": 20}),
        ({"a": 40, "b": 3}, {"a": 40, "b": None}),
        ({"a": 37, "b": 20}, {"a": None, "b": None}),  # three rows without a
        ({"a": 28, "b": 10, "c": 10}, {"a": None, "b": None, "c": None}),  # 40 - 28 tells both
    ],
)
def test_columns_are_told_where_nothing_small_follows_from_them(columns, expected):
    change = TableChange("t", 1000, 1000, 0, 40, 0, columns)
    assert publishable(change, 11).columns == expected
