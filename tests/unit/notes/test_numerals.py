from __future__ import annotations

import pytest

from clearward.notes.clock import clock, minutes
from clearward.notes.numerals import number


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12", 12), ("1,245", 1245), ("4O", 40), ("2.5级", 2.5), ("٣", 3), ("０.5", 0.5),
        ("IV", 4), ("Ⅲ级", 3), ("三", 3), ("十二", 12), ("二十", 20), ("半", 0.5), ("两", 2),
        ("one forty", 140), ("one twenty five", 125), ("one hundred and eighteen", 118),
        ("seventy two", 72), ("eighty", 80), ("one o five", 105), ("zero", 0), ("twice", 2),
    ],
)  # fmt: skip
def test_a_number_is_read_as_people_write_it(text: str, expected: float) -> None:
    assert number(text) == expected


@pytest.mark.parametrize("text", ["", "many", "OO", "VIII-", "forty winks"])
def test_what_says_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no number"):
        number(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8:30 am", "T0830"), ("10:15 pm", "T2215"), ("0730", "T0730"), ("12:05 am", "T0005"),
        ("9 pm", "T2100"), ("@ 9:15a", "T0915"), ("22:30", "T2230"), ("8时30分", "T0830"),
        ("12 pm", "T1200"), ("", ""), ("25:10", ""), ("2575", ""),
    ],
)  # fmt: skip
def test_a_time_of_day_has_one_form(text: str, expected: str) -> None:
    assert clock(text) == expected


def test_a_span_is_in_minutes() -> None:
    assert [minutes("2", "hours"), minutes("半", "小时"), minutes("3", "天")] == [120, 30, 4320]
