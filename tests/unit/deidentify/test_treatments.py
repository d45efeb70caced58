"""Every treatment exists, and each lets through what its table entry says."""

from __future__ import annotations

import dataclasses

import duckdb
import pytest

from clearward.deidentify.regions import CODE_LISTS, region_codes, region_sql
from clearward.deidentify.treatments import TREATMENT_SQL, Passage, treat_sql
from clearward.errors import ConfigError
from clearward.sources.spec import TREATMENTS, load_spec, source_systems

PASSAGE = Passage("north", "2024-05")


def all_columns():
    for name in source_systems():
        for table in load_spec(name).tables:
            for column in table.columns:
                yield table, column


def test_every_treatment_of_the_specs_has_its_sql_and_no_more():
    assert set(TREATMENT_SQL) == set(TREATMENTS)


def test_exactly_dropped_and_scrubbed_columns_give_nothing():
    for table, column in all_columns():
        gives_nothing = treat_sql(table, column, PASSAGE) is None
        assert gives_nothing == (column.treatment in {"drop", "scrub"})


def test_an_unknown_treatment_cannot_be_read():
    table = load_spec("synthea").table("patients")
    odd = dataclasses.replace(table.columns[0], treatment="trust")
    with pytest.raises(KeyError):
        treat_sql(table, odd, PASSAGE)


def measured(value, code="4548-4", table=("synthea", "observations")):
    spec = load_spec(table[0]).table(table[1])
    expression = treat_sql(spec, spec.column("value"), PASSAGE)
    query = f"SELECT {expression} FROM (SELECT ? AS value, ? AS {spec.code_column}) r"
    return duckdb.execute(query, [value, code]).fetchone()[0]


@pytest.mark.parametrize(
    ("value", "passes"),
    [
        ("7.1", True),
        ("0", True),
        (" 12 ", True),
        ("<0.01", True),
        ("> 90", True),
        ("≤5", True),
        ("≥ 5.5", True),
        ("＜0.5", True),
        ("<=3", True),
        ("-9.9", True),
        ("+1.25", True),
        (".5", True),
        ("12345678", True),
        ("123456789", False),
        ("13800138000", False),
        ("19500301", False),
        ("20240531", False),
        ("1950-03-01", False),
        ("555-0100", False),
        ("Smith", False),
        ("7.1 Smith", False),
        ("1.2.3", False),
        ("<", False),
        ("", False),
        ("7,1", False),
        ("7.1\nSmith", False),
    ],
)
def test_numbers_pass_and_words_do_not(value, passes):
    assert measured(value) == (value.strip() if passes else None)


def test_words_pass_for_text_codes_only_and_dropped_codes_never_pass():
    assert measured("20/40", code="79818-1") == "20/40"
    assert measured("20/40", code="79818-2") is None
    assert measured("20/40", code=None) is None
    assert measured("7.1", code=None) == "7.1"
    assert measured("7.1", code="56799-0") is None
    assert measured(None) is None


def test_a_table_without_text_codes_lets_no_word_through():
    labs = ("his", "labs")
    assert measured("<0.5", code="GLU", table=labs) == "<0.5"
    assert measured("张三", code="GLU", table=labs) is None


def region(value, code_list):
    return duckdb.execute(f"SELECT {region_sql('?', code_list)}".replace("?", "$v"), {"v": value})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("MA", "new_england"),
        (" ma ", "new_england"),
        ("Massachusetts", "new_england"),
        ("district of columbia", "south_atlantic"),
        ("Puerto Rico", None),
        ("", None),
        (None, None),
    ],
)
def test_states_become_census_divisions(value, expected):
    assert region(value, "us_state").fetchone()[0] == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("广东省", "south_china"),
        ("广东", "south_china"),
        ("内蒙古自治区", "north_china"),
        ("新疆", "northwest_china"),
        ("44", "south_china"),
        ("440106", "south_china"),
        ("11010519491231002X", "north_china"),
        ("99", None),
        ("440", None),
        ("广东省广州市天河区", None),
        (None, None),
    ],
)
def test_provinces_become_regions(value, expected):
    assert region(value, "cn_province").fetchone()[0] == expected


def test_region_lists_are_complete():
    states = region_codes("us_state")
    assert len(states) == 2 * 51 and len(set(states.values())) == 9
    assert sum(len(code) == 2 for code in states) == 51
    provinces = region_codes("cn_province")
    assert len(provinces) == 2 * 34 and len(set(provinces.values())) == 7
    assert set(region_codes("cn_prefix").values()) == set(provinces.values())


def test_every_code_list_of_the_specs_is_known_and_another_is_refused():
    named = {column.of for _, column in all_columns() if column.treatment == "region"}
    assert named == set(CODE_LISTS)
    with pytest.raises(ConfigError, match="Unknown code list"):
        region_sql("x", "mars")
