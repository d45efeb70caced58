"""When the visits of a month arrive, and how many are still expected. Counting belongs to `source`.

Expected is what arrived so far times the growth that older months had after as many months (chain
ladder, Mack 1993), made of the rounded numbers that are shown; only months of which every arrival
was seen count, and where a number of the chain is hidden nothing is expected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from clearward.products.counts import rounded
from clearward.releases.documents.document import Page, as_csv, document
from clearward.releases.documents.source import Arrived
from clearward.releases.documents.suppress import MASKED
from clearward.releases.documents.told import Told

FIELDS = ("event_month", "arrival_month", "months_later", "visits", "visits_so_far")
UNKNOWN = "not known"
EXPECTED_FIELDS = ("event_month", "arrived", "expected_in_all", "still_expected")


def lines(told: Told) -> list[dict[str, Any]]:
    """One line per month of visits and month of arrival."""
    return [
        {
            "event_month": a.event_month,
            "arrival_month": a.arrival_month,
            "months_later": _months(a.event_month, a.arrival_month),
            "visits": MASKED if a.rows is None else a.rows,
            "visits_so_far": MASKED if a.so_far is None else a.so_far,
        }
        for a in told.source.arrivals
    ]


def expected(arrivals: Sequence[Arrived], month: str, k: int) -> list[dict[str, Any]]:
    """What arrived and is expected of each month whose arrivals were seen from the first on."""
    first = min((a.arrival_month for a in arrivals), default=month)
    seen: dict[str, dict[int, int | None]] = {}
    for a in arrivals:
        if a.event_month >= first:
            delays = seen.setdefault(a.event_month, {})
            delays[_months(a.event_month, a.arrival_month)] = a.so_far
    return [_expected(seen, event, month, k) for event in sorted(seen)]


def _expected(
    seen: Mapping[str, Mapping[int, int | None]], event: str, month: str, k: int
) -> dict[str, Any]:
    age = _months(event, month)
    arrived, growth = _upto(seen[event], age), _growth(seen, month, age)
    in_all = rounded(round(arrived * growth), k) if arrived and growth else None
    return {
        "event_month": event,
        "arrived": MASKED if arrived is None else arrived,
        "expected_in_all": UNKNOWN if in_all is None else in_all,
        "still_expected": UNKNOWN if in_all is None else max(in_all - (arrived or 0), 0),
    }


def _growth(seen: Mapping[str, Mapping[int, int | None]], month: str, age: int) -> float | None:
    """By how much a month still grows that is ``age`` months old; None where it cannot be told."""
    oldest = max(_months(event, month) for event in seen)
    growth = 1.0
    for step in range(age, oldest):
        older = [delays for event, delays in seen.items() if _months(event, month) > step]
        before = [_upto(delays, step) for delays in older]
        after = [_upto(delays, step + 1) for delays in older]
        if None in before or None in after or not any(before):
            return None
        growth *= sum(filter(None, after)) / sum(filter(None, before))
    return growth if oldest else None


def _upto(delays: Mapping[int, int | None], age: int) -> int | None:
    """Visits so far at an age; a month without an arrival stays as it was."""
    known = [delay for delay in delays if delay <= age]
    return delays[max(known)] if known else None


def _months(first: str, last: str) -> int:
    return 12 * (int(last[:4]) - int(first[:4])) + int(last[5:7]) - int(first[5:7])


def _values(told: Told) -> Mapping[str, Any]:
    table = expected(told.source.arrivals, told.month, told.k)
    return {"arrivals": lines(told), "expected": table, "arrival_bars": _bars(told)}


def _bars(told: Told) -> list[dict[str, Any]]:
    """Visits by month for the plot: of the first delivery's history, what came in the month itself,
    and what came later; a hidden number is not drawn."""
    listed = lines(told)
    first = min((line["arrival_month"] for line in listed), default="")
    events: dict[str, dict[str, int]] = {}
    for line in listed:
        is_history = line["months_later"] and line["arrival_month"] == first
        part = "first" if is_history else "later" if line["months_later"] else "at_once"
        bar = events.setdefault(line["event_month"], {"first": 0, "at_once": 0, "later": 0})
        bar[part] += line["visits"] if isinstance(line["visits"], int) else 0
    return [{"month": event, **bar} for event, bar in sorted(events.items())]


def _files(told: Told, values: Mapping[str, Any]) -> Mapping[str, str]:
    return {
        "arrival_curve.csv": as_csv(values["arrivals"], FIELDS),
        "arrival_expected.csv": as_csv(values["expected"], EXPECTED_FIELDS),
    }


DOCUMENT = document(
    {"arrival_curve.html": Page("arrival.html", "Arrival of data", "数据到达")},
    values=_values,
    files=_files,
)
