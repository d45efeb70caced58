"""Whom the release stands for: sex, age and region of its patients beside those it was taken from.
Counting belongs to `measure` and `source`.

Standardised mean differences of shares (Austin 2009): 0.1 and more is commonly read as a
difference that matters. The source's numbers are rounded up to multiples of k, and the differences
are made of what is shown. A reference population is compared only where a file of it is given.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from math import sqrt
from typing import Any

from clearward.products.counts import is_small
from clearward.releases.documents.document import Page, as_csv, document
from clearward.releases.documents.suppress import MASKED, hidden
from clearward.releases.documents.told import Told

FIELDS = (
    *("characteristic", "value", "patients", "percent"),
    *("source_patients", "source_percent", "smd"),
)
CHARACTERISTICS = {
    "sex": ("Sex", "性别"),
    "birth_year": ("Year of birth", "出生年份"),
    "region_l1": ("Region", "地区"),
}
WITHHELD = "*"
MATTERS = 0.1


def lines(told: Told) -> list[dict[str, Any]]:
    """One line per characteristic and published value."""
    found = []
    for column in CHARACTERISTICS:
        counts: Counter[str] = Counter()
        for person in told.measured.people:
            if column in person:
                counts[str(person[column])] += int(person["patients"])
        source = told.source.patients.get(column, {})
        values = sorted({*counts, *source})
        masked = hidden({v: counts[v] for v in values}, [values], told.k)
        total, all_source = sum(counts.values()), sum(source.values())
        for value in values:
            n = MASKED if value in masked else counts[value]
            found.append(_line(column, value, n, total, source.get(value), all_source))
    return found


def _line(
    column: str,
    value: str,
    n: int | str,
    total: int,
    from_source: int | None,
    all_source: int,
) -> dict[str, Any]:
    share = n / total if isinstance(n, int) and total else None
    other = (from_source or 0) / all_source if all_source else None
    return {
        "characteristic": column,
        "value": value,
        "patients": n,
        "percent": MASKED if share is None else round(100 * share),
        "source_patients": "not measured" if other is None else from_source or 0,
        "source_percent": "not measured" if other is None else round(100 * other),
        "smd": _smd(share, other, value),
    }


def _smd(share: float | None, other: float | None, value: str) -> float | str:
    if value == WITHHELD:
        return "not published"
    if share is None or other is None:
        return MASKED if share is None else "not measured"
    spread = sqrt((share * (1 - share) + other * (1 - other)) / 2)
    return round((share - other) / spread, 2) + 0.0 if spread else 0.0


def _values(told: Told) -> Mapping[str, Any]:
    found: dict[str, list[dict[str, Any]]] = {}
    listed = lines(told)
    for line in listed:
        found.setdefault(line["characteristic"], []).append(line)
    patients = sum(int(person["patients"]) for person in told.measured.people)
    return {
        "representativeness": found,
        "represented": listed,
        "characteristics": CHARACTERISTICS,
        "source_total": told.source.total,
        "is_small_release": is_small(patients, told.k),
    }


def _files(told: Told, values: Mapping[str, Any]) -> Mapping[str, str]:
    return {"representativeness.csv": as_csv(values["represented"], FIELDS)}


DOCUMENT = document(
    {"representativeness.html": Page("representativeness.html", "Representativeness", "代表性")},
    values=_values,
    files=_files,
)
