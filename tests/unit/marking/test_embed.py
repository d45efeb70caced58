"""Marks change the last recorded digit of some cells and nothing that is read clinically."""

from decimal import ROUND_FLOOR, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearward.marking import embed
from clearward.marking.contract import Markable
from tests.unit.marking.table import KEY, VALUE, connect, lab_sql, mark, write

ROWS = 20_000


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder, connection = tmp_path_factory.mktemp("lab"), connect()
    source = write(connection, lab_sql(ROWS), folder / "lab.parquet")
    marked = [mark(connection, source, folder / f"{n}.parquet", number=n) for n in range(2)]
    connection.execute(
        f"CREATE VIEW moves AS SELECT a.*, b.value AS new FROM '{source}' a"
        f" JOIN '{marked[0]}' b USING (lab_cv_key)"
    )
    connection.execute(
        f"CREATE VIEW pair AS SELECT a.value AS a, b.value AS b FROM '{marked[0]}' a"
        f" JOIN '{marked[1]}' b USING (lab_cv_key)"
    )
    return connection, source, folder


def one(lab, query):
    return lab[0].execute(query).fetchone()


def test_a_sixteenth_of_the_cells_moves_by_one_step_and_no_more(lab):
    rows, moved, most = one(
        lab, "SELECT count(*), avg((value <> new)::INT), max(abs(value - new)) FROM moves"
    )
    assert rows == ROWS
    assert moved == pytest.approx(embed.SHARE / 2, abs=0.01)
    assert most == pytest.approx(0.01)


def test_every_value_rounds_to_the_same_at_clinical_precision_and_keeps_its_decimals(lab):
    rows = lab[0].execute("SELECT value::VARCHAR, new::VARCHAR FROM moves").fetchall()
    assert all(rounded(old) == rounded(new) for old, new in rows)
    assert max(len(new.split(".")[1]) for _, new in rows) == 2


def rounded(text):
    """Half up, in decimals: nothing of the code under test."""
    return (Decimal(text) * 10 + Decimal("0.5")).to_integral_value(ROUND_FLOOR)


def test_no_value_moves_beyond_the_least_or_greatest(lab):
    before = one(lab, "SELECT min(value), max(value) FROM moves")
    after = one(lab, "SELECT min(new), max(new) FROM moves")
    assert before[0] <= after[0] and after[1] <= before[1]


def test_two_licensees_differ_and_one_licensee_has_the_same_bytes_again(lab):
    connection, source, folder = lab
    assert 0.02 < one(lab, "SELECT avg((a <> b)::INT) FROM pair")[0] < 0.1
    again = mark(connection, source, folder / "again.parquet", number=0)
    assert again.read_bytes() == (folder / "0.parquet").read_bytes()


def test_a_row_has_the_same_marks_in_a_later_version(lab):
    """Two versions side by side must not show which cells are marked."""
    connection, _, folder = lab
    grown = f"{lab_sql(ROWS)} UNION ALL {lab_sql(5_000, start=ROWS)}"
    later = write(connection, grown, folder / "later.parquet")
    marked = mark(connection, later, folder / "later_0.parquet", number=0)
    row = connection.execute(
        f"SELECT count(*), count(*) FILTER (a.value <> b.value) FROM '{folder / '0.parquet'}' a"
        f" JOIN '{marked}' b USING (lab_cv_key)"
    ).fetchone()
    assert row == (ROWS, 0)


def test_empty_cells_and_cells_of_another_precision_stay_as_they_are(tmp_path):
    connection = connect()
    sql = f"""SELECT * REPLACE (CASE hash(lab_cv_key) % 3 WHEN 0 THEN NULL
        WHEN 1 THEN value + 0.003 ELSE value END AS value) FROM ({lab_sql(3_000)})"""
    source = write(connection, sql, tmp_path / "odd.parquet")
    marked = mark(connection, source, tmp_path / "marked.parquet", number=0)
    both = f"'{source}' a JOIN '{marked}' b USING ({KEY[0]})"
    is_odd = "abs(a.value * 100 - round(a.value * 100)) > 0.01"
    empty, odd, moved = connection.execute(
        "SELECT count(*) FILTER ((a.value IS NULL) <> (b.value IS NULL)),"
        f" count(*) FILTER ({is_odd} AND a.value <> b.value),"
        f" count(*) FILTER (a.value <> b.value) FROM {both}"
    ).fetchone()
    assert (empty, odd) == (0, 0) and moved > 30


@given(
    st.integers(-(10**9), 10**9),
    st.sampled_from([(1, 1.0), (2, 0.1), (2, 0.2), (2, 1.0), (3, 0.012), (3, 0.1), (4, 0.01)]),
)
def test_steps_are_paired_within_a_clinical_cell(steps, form):
    column = Markable("t", "v", *form)
    partner = CONNECTION.execute(f"SELECT {embed.partner_sql(column, str(steps))}").fetchone()[0]
    back = CONNECTION.execute(f"SELECT {embed.partner_sql(column, str(partner))}").fetchone()[0]
    assert abs(partner - steps) == 1 and back == steps
    half, width = column.per_cell // 2, column.per_cell
    assert (steps + half) // width == (partner + half) // width


CONNECTION = connect()


def test_a_table_without_numbers_has_no_ends_to_move_between():
    assert embed.ends_of(CONNECTION, "(SELECT NULL::DOUBLE AS value)", [VALUE]) == [(0, -1)]
