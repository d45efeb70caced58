"""The statistics gate lets honest marks pass and stops everything that changes a distribution."""

import pytest

from clearward.errors import GateError
from clearward.marking.preserved import TOLERANCES, Preserved, check_preserved, compare
from tests.unit.marking.table import VALUE, connect, lab_sql, mark, write

ROWS = 20_000


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder, connection = tmp_path_factory.mktemp("lab"), connect()
    return connection, write(connection, lab_sql(ROWS), folder / "lab.parquet"), folder


def changed(lab, value):
    connection, source, folder = lab
    target = write(
        connection, f"SELECT * REPLACE ({value} AS value) FROM '{source}'", folder / "x.parquet"
    )
    return compare(connection, VALUE, before=source, after=target)


def test_marks_pass(lab):
    connection, source, folder = lab
    marked = mark(connection, source, folder / "m.parquet", number=0)
    found = compare(connection, VALUE, before=source, after=marked)
    assert found.broken == () and set(found.differences) == set(TOLERANCES)
    check_preserved([found])


@pytest.mark.parametrize(
    ("value", "broken"),
    [
        ("value + 0.002", "mean"),
        ("value * 1.02 - 0.12", "spread"),
        ("value + if(code = 'c1', 0.01, 0.0)", "group_mean"),
        ("round(value, 1)", "last_digit"),
        ("if(value > 8, value + 0.3, value)", "quantile"),
        ("if(hash(lab_cv_key) % 3 = 0, 4.5, value)", "distance"),
        ("value - 0.0001 * (day - 2000)", "correlation"),
        ("NULL::DOUBLE", "mean"),
    ],
)
def test_a_change_of_distribution_is_stopped(lab, value, broken):
    found = changed(lab, value)
    assert broken in found.broken, found.differences
    with pytest.raises(GateError, match="Marks would change what the data say"):
        check_preserved([found])


def test_marks_on_digits_that_carry_information_are_stopped(tmp_path):
    """A column recorded in steps of 0.05, whatever its contract says."""
    connection = connect()
    coarse = f"SELECT * REPLACE (round(value * 20) / 20 AS value) FROM ({lab_sql(ROWS)})"
    source = write(connection, coarse, tmp_path / "coarse.parquet")
    marked = mark(connection, source, tmp_path / "m.parquet", number=0)
    found = compare(connection, VALUE, before=source, after=marked)
    assert "last_digit" in found.broken


def test_a_statistic_that_was_not_measured_is_outside(lab):
    with pytest.raises(GateError, match="no column was measured"):
        check_preserved([])
    partly = Preserved("t", "v", {name: 0.0 for name in TOLERANCES if name != "mean"})
    assert partly.broken == ("mean",)
    nothing = Preserved("t", "v", dict.fromkeys(TOLERANCES, float("nan")))
    assert set(nothing.broken) == set(TOLERANCES)
