"""Empty cells by column, hospital and index year, and in all. Counting belongs to `measure`.

A number of empty cells is hidden where it, or the number of filled ones beside it, is 1 to k - 1,
or the group's own rows or patients are; and where it would follow from the column's total, which
the dictionary tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clearward.products.counts import is_small
from clearward.releases.documents.document import Page, as_csv, document
from clearward.releases.documents.measure import Group
from clearward.releases.documents.suppress import MASKED, hidden
from clearward.releases.documents.told import Told
from clearward.releases.tables import Column, TableFile

FIELDS = ("table", "column", "hospital_id", "index_year", "rows", "missing", "missing_percent")
ALL = "ALL"


def lines(told: Told) -> list[dict[str, Any]]:
    """One line per table, column and group, and one over all groups (``ALL``)."""
    found = []
    for table in told.tables:
        groups = told.measured.groups.get(table.table, [])
        closed = hidden_rows(groups, told.k)
        for column in table.columns if groups else ():
            found.append(_total(table, column, told.k))
            masked = hidden_cells(groups, column.name, closed=closed, k=told.k)
            found += [
                _line(table.table, column.name, group, place in closed, place in masked)
                for place, group in enumerate(groups)
            ]
    return found


def hidden_rows(groups: list[Group], k: int) -> frozenset[int]:
    """Places of groups whose number of rows is hidden; the table's rows are known."""
    rows = {place: group.rows for place, group in enumerate(groups)}
    few = [place for place, group in enumerate(groups) if is_small(group.patients, k)]
    return hidden(rows, [list(rows)], k, also=few)


def hidden_cells(
    groups: list[Group], column: str, *, closed: frozenset[int], k: int
) -> frozenset[int]:
    """Places of groups whose number of empty cells of a column is hidden."""
    empty = {place: group.nulls[column] for place, group in enumerate(groups)}
    filled = {place: group.rows - empty[place] for place, group in enumerate(groups)}
    totals = (sum(empty.values()), sum(filled.values()))
    sums = [] if any(is_small(total, k) for total in totals) else [list(empty)]
    found, before = closed, None
    while found != before:
        before = found
        found = hidden(empty, sums, k, also=found)
        found = hidden(filled, sums, k, also=found)
    return found


def _total(table: TableFile, column: Column, k: int) -> dict[str, Any]:
    filled = table.rows - column.nulls
    is_masked = is_small(filled, k) or is_small(column.nulls, k)
    whole = Group(ALL, ALL, table.rows, table.rows, {column.name: column.nulls})
    return _line(table.table, column.name, whole, is_small(table.rows, k), is_masked)


def _line(
    table: str, column: str, group: Group, is_closed: bool, is_masked: bool
) -> dict[str, Any]:
    empty = group.nulls[column]
    return {
        "table": table,
        "column": column,
        "hospital_id": group.hospital,
        "index_year": group.year,
        "rows": MASKED if is_closed else group.rows,
        "missing": MASKED if is_masked else empty,
        "missing_percent": MASKED if is_masked else round(100 * empty / group.rows),
    }


def _values(told: Told) -> Mapping[str, Any]:
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    listed = lines(told)
    for line in listed:
        found.setdefault(line["table"], {}).setdefault(line["column"], []).append(line)
    return {"missingness": found, "missing_lines": listed}


def _files(told: Told, values: Mapping[str, Any]) -> Mapping[str, str]:
    return {"missingness.csv": as_csv(values["missing_lines"], FIELDS)}


DOCUMENT = document(
    {"missingness.html": Page("missingness.html", "Missing values", "缺失情况")},
    values=_values,
    files=_files,
)
