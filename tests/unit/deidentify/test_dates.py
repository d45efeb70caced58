"""Shifts are secret, per patient and never nothing; birth years are pooled."""

from __future__ import annotations

import datetime

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearward.deidentify import regions
from clearward.deidentify.dates import (
    MAX_SHIFT_DAYS,
    OLDEST_AGE,
    birth_year_sql,
    install_shift,
    install_shift_of,
    shift_days,
    shift_of,
    shifted_sql,
)
from clearward.deidentify.regions import POOLED, region_codes, zip3_sql
from clearward.keyring import Keyring, init_keyring
from clearward.licensing.copy_keys import licensee_keys


@pytest.fixture
def keyring(tmp_path):
    return init_keyring(tmp_path / "keyring.json")


def fixed_keyring(tmp_path, byte=b"d"):
    return Keyring(tmp_path, {"dates": byte * 32})


def test_sql_and_python_find_the_same_shift_within_the_bounds(keyring):
    names = [f"{number:020x}" for number in range(5_000)]
    with duckdb.connect() as connection:
        install_shift(connection, keyring)
        connection.execute("CREATE TABLE p AS SELECT unnest(?) AS k", [names])
        found = dict(connection.execute("SELECT k, shift_days_of(k) FROM p").fetchall())
    assert found == {name: shift_days(keyring, name) for name in names}
    assert 0 not in found.values()
    assert min(found.values()) == -MAX_SHIFT_DAYS and max(found.values()) == MAX_SHIFT_DAYS


def test_shifts_are_spread_evenly(tmp_path):
    keyring = fixed_keyring(tmp_path)
    shifts = [shift_days(keyring, str(number)) for number in range(36_600)]
    counts = [shifts.count(day) for day in set(shifts)]
    assert len(counts) == 2 * MAX_SHIFT_DAYS
    chi_square = sum((n - 100) ** 2 / 100 for n in counts)
    # 365 degrees of freedom: mean 365, standard deviation 27.
    assert 230 < chi_square < 500


def test_another_key_gives_other_shifts(tmp_path):
    one, other = fixed_keyring(tmp_path), fixed_keyring(tmp_path, b"e")
    names = [str(number) for number in range(200)]
    assert sum(shift_days(one, n) == shift_days(other, n) for n in names) < 20


@settings(max_examples=60, deadline=None)
@given(
    born=st.dates(datetime.date(1900, 1, 1), datetime.date(2024, 5, 31)),
    days=st.integers(-183, 183).filter(bool),
)
def test_nobody_is_older_than_89_by_the_published_year(born, days):
    expression = birth_year_sql("$born::DATE", "$days", "2024-05")
    year = duckdb.execute(f"SELECT {expression}", {"born": born, "days": days}).fetchone()[0]
    assert 2024 - year <= OLDEST_AGE
    assert year == max((born + datetime.timedelta(days=days)).year, 1935)


def test_no_birth_date_is_no_year():
    expression = birth_year_sql("NULL::DATE", "5", "2024-05")
    assert duckdb.execute(f"SELECT {expression}").fetchone()[0] is None


@pytest.mark.parametrize("type_", ["DATE", "TIMESTAMP"])
def test_the_type_stays(type_):
    expression = shifted_sql(f"{type_} '2024-02-28'", "2", type_)
    row = duckdb.execute(f"SELECT typeof({expression}), {expression}::VARCHAR").fetchone()
    assert row[0] == type_ and row[1].startswith("2024-03-01")


def test_each_licensee_has_shifts_of_its_own_the_same_in_sql(keyring):
    names = [f"{number:020x}" for number in range(2_000)]
    found = {}
    for licensee in ("acme", "globex"):
        secret = licensee_keys(keyring, "cardiology", licensee).dates
        with duckdb.connect() as connection:
            install_shift_of(connection, "copy_days", secret)
            connection.execute("CREATE TABLE p AS SELECT unnest(?) AS k", [names])
            query = "SELECT k, copy_days(k) FROM p"
            found[licensee] = dict(connection.execute(query).fetchall())
        assert found[licensee] == {name: shift_of(secret, name) for name in names}
    same = sum(found["acme"][n] == found["globex"][n] for n in names)
    assert same < 30  # 2,000 / 366 are expected by chance
    assert sum(found["acme"][n] == shift_days(keyring, n) for n in names) < 30


@pytest.mark.parametrize(
    ("zip_code", "area"),
    [("02126", "021"), ("02126-1234", "021"), ("03601", "000"), ("89301", "000"), ("100084", None)],
)
def test_a_zip_leaves_as_an_area_of_more_than_20000_people_or_as_nothing(zip_code, area):
    assert duckdb.execute(f"SELECT {zip3_sql('$z')}", {"z": zip_code}).fetchone() == (area,)


def test_every_region_has_a_population_and_a_small_one_would_be_pooled(monkeypatch):
    for code_list in ("us_state", "cn_province", "cn_prefix"):
        assert POOLED not in region_codes(code_list).values()
    region_codes.cache_clear()
    monkeypatch.setattr(regions, "LEAST_PEOPLE", 20_000_000)
    assert region_codes("us_state")["MA"] == POOLED
    assert region_codes("us_state")["CA"] == "pacific"
    region_codes.cache_clear()
