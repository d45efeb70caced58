"""The data card: the first page of a release, and its text for those who read no HTML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clearward.products.counts import is_small, rounded
from clearward.protect.hierarchies import years_told
from clearward.releases.documents.document import Page, document
from clearward.releases.documents.told import Told


def _values(told: Told) -> Mapping[str, Any]:
    people = [table for table in told.tables if table.is_of_people]
    rows = sum(table.rows for table in people)
    # Beside the tables' own rows an exact sum would tell the one that is hidden
    has_hidden = any(is_small(table.rows, told.k) for table in people)
    return {
        "rows_in_all": rounded(rows, told.k) if has_hidden else rows,
        "hospitals_in_data": len({person.get("hospital_id") for person in told.measured.people}),
        "columns_in_all": sum(len(table.columns) for table in told.tables),
        "entered": _entered(told),
        "bytes_in_all": sum(table.bytes for table in told.tables),
    }


def _entered(told: Told) -> str:
    """First and last year of the patients' index days, as protection left them; empty if it left
    none."""
    return years_told(str(person.get("index_year", "")) for person in told.measured.people)


DOCUMENT = document(
    {"index.html": Page("index.html", "Data card", "数据卡片")},
    texts={"README.md": "README.md"},
    values=_values,
)
