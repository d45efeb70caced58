"""A value's own day beside the note's: what is dated earlier is past."""

from datetime import date

import pytest

from clearward.notes import read_note

WRITTEN = date(2024, 5, 20)


def times(text: str, written: date | None = WRITTEN) -> list[str]:
    return [f.temporality for f in read_note(text, written=written) if f.attribute != "diagnosis"]


@pytest.mark.parametrize(
    "text",
    [
        "EF 30 % on TTE 2/2019.",
        "EF 30 % (02/2019).",
        "TTE 2/2019: EF 30%.",
        "Echo (15 Jan 2020): LVEF 58%.",
        "On March 12, 2022 her MMSE was 25.",
        "MoCA 20/30 in Aug 2022.",
        "IOP OD 24 on 2022-03-12.",
        "VA 20/40 OD on 13/12/2023.",
        "In 2015 she underwent PCI with 3 DES.",
        "2023年6月视力右0.15。",
        "2018年行PCI术，植入支架3枚。",
        "外院（2021-08-15）心脏彩超LVEF 38%。",
    ],
)
def test_a_value_dated_before_the_month_of_the_note_is_prior(text: str) -> None:
    assert set(times(text)) == {"prior"}


@pytest.mark.parametrize(
    "text",
    [
        "EF 30 % on TTE 5/2024.",
        "IOP 14 OD on 5/1/2024.",
        "DOB 3/4/1950 BP 120/80.",
        "On amlodipine since 2015 BP 150/90.",
        "CABG 3/4/2015, BP 120/80.",
        "Seen 3/4/2022. EF 40% today.",
        "In 2019 stable, today EF 45%.",
        "2019年手术，现视力右0.5。",
    ],
)
def test_a_date_that_is_recent_or_of_something_else_changes_nothing(text: str) -> None:
    assert "prior" not in times(text)


def test_each_of_two_values_has_its_own_date() -> None:
    assert times("EF 60% in 2019, now EF 45%.") == ["prior", "current"]
    assert times("TTE 2/2019: EF 30%. TTE 5/2024: EF 50%.") == ["prior", "current"]
    assert times("2023-10-08眼压右28左26；今日眼压右17左16。") == ["prior"] * 2 + ["current"] * 2


def test_a_day_of_the_note_s_own_month_is_current_whatever_the_clause_says() -> None:
    assert times("EF 60 (2020) and 35 (2024)") == ["prior", "current"]
    assert times("Her last echo on 5/2/2024 showed EF 45%.") == ["current"]


def test_a_word_of_today_holds_for_every_value_of_its_part() -> None:
    text = "Last visit IOP 24 OD 25 OS; today 17 OD 16 OS."
    assert times(text) == ["prior", "prior", "current", "current"]


def test_a_note_without_a_day_goes_by_its_later_dates_or_by_today() -> None:
    assert times("TTE 2/2019: EF 30%. TTE 5/2024: EF 50%.", None)[0] == "prior"
    assert times("IOP 3/12/22: 24 OD. IOP today: 15 OD.", None) == ["prior", "current"]
    assert times("IOP 24 OD on 3/12/2022.", None) == ["current"]


def test_a_date_ahead_of_the_note_is_read_day_first() -> None:
    assert times("EF 40% on 11/06/2024.", date(2024, 7, 1)) == ["current"]
    assert times("EF 40% on 11/06/2023.", date(2023, 8, 1)) == ["prior"]


def test_a_time_of_onset_is_never_past_by_its_date() -> None:
    found = read_note("Stroke onset 08:20 on 3/4/2022, LKW 07:00.", written=WRITTEN)
    assert {f.temporality for f in found if f.attribute in ("onset_time", "last_known_well")} == {
        "current"
    }


def test_thousands_of_dates_cost_no_more_than_their_number() -> None:
    from time import process_time

    def once(text: str) -> float:
        start = process_time()
        read_note(text, written=WRITTEN)
        return process_time() - start

    def cost(lines: int) -> float:  # the least of three: a collection may fall into any of them
        return min(once("EF 40% on 3/4/2022.\n" * lines) for _ in range(3))

    cost(10)
    assert cost(1600) < 12 * max(cost(400), 0.01)


@pytest.mark.parametrize("text", ["2/30/2023", "99/99/2020", "2023-13-45", "0/2020", "20/20/20"])
def test_what_is_no_day_is_passed_over(text: str) -> None:
    assert times(f"{text}: EF 40%.") in (["current"], ["prior"])
