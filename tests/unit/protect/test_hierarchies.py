"""Builders of hierarchies: nested levels, one root, and an order that stays."""

from __future__ import annotations

import pytest

from clearward.errors import ConfigError
from clearward.protect.hierarchies import csv_hierarchy, dates, intervals, ordered, redaction


def row(hierarchy, value):
    return next(r for r in hierarchy.rows if r[0] == value)


def test_a_file_without_header_with_semicolons_and_line_ends_of_windows_is_read(tmp_path):
    path = tmp_path / "sex.csv"
    path.write_bytes(b"Male;*\r\nFemale;*\r\n")
    assert csv_hierarchy("sex", path).rows == (("Female", "*"), ("Male", "*"))


def test_intervals_nest_and_cover_numbers_nobody_has():
    ladder = intervals("age", ["31", "38", "U"], widths=(5, 10))
    assert row(ladder, "34") == ("34", "30-34", "30-39", "*")
    assert row(ladder, "U") == ("U", "U", "U", "*")
    assert len(ladder.values) == 9


def test_intervals_below_zero_can_be_read():
    assert row(intervals("day", ["-3", "4"], widths=(5,)), "-3") == ("-3", "-5..-1", "*")


def test_dates_rise_from_day_to_decade():
    ladder = dates("index_date", ["2024-05-31", "2019-12-01", "U"])
    assert row(ladder, "2024-05-31") == ("2024-05-31", "2024-05", "2024-Q2", "2024", "2020s", "*")
    assert row(ladder, "2019-12-01")[4] == "2010s"


def test_redaction_keeps_leading_zeros_and_only_the_beginning():
    ladder = redaction("zip", ["01970", "01971", "02139"], keep=(3, 2))
    assert row(ladder, "01970") == ("01970", "019**", "01***", "*")
    assert row(redaction("zip", ["12", "345"]), "12") == ("12", "12*", "1**", "*")


def test_a_scale_is_merged_with_its_neighbours_only():
    ladder = ordered("stage", ["I", "II", "III", "IV", "V"])
    assert row(ladder, "III") == ("III", "III..IV", "I..IV", "*")
    assert row(ladder, "V") == ("V", "V", "V", "*")


@pytest.mark.parametrize(
    "build",
    [
        lambda: intervals("age", ["1"], widths=(5, 12)),
        lambda: intervals("age", ["1"], widths=()),
        lambda: redaction("zip", ["123"], keep=(2, 2)),
        lambda: ordered("stage", ["I", "I"]),
    ],
)
def test_levels_that_do_not_nest_are_refused(build):
    with pytest.raises(ConfigError):
        build()
