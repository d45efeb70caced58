"""Files that turned up: what is read of them, and how likely an innocent fits. Attacks on marks are
in `tests/acceptance/test_leaked_files.py`, whole traces in `tests/unit/licensing/test_tracing.py`.
"""

import numpy as np
import pytest

from clearward.errors import ReleaseError
from clearward.marking import leak, reading
from tests.unit.marking.table import connect, lab_sql


@pytest.mark.parametrize("content", [b"", b"PAR1 nothing PAR1", b"\x1f\x8bnothing", b"a,b\n"])
def test_a_file_that_is_none_is_refused(tmp_path, content):
    path = tmp_path / "bad"
    path.write_bytes(content)
    with pytest.raises(ReleaseError):
        leak.open_leak(connect(), path)


def test_keys_are_found_by_their_form_whatever_the_column_is_called(tmp_path):
    connection = connect()
    query = f"SELECT upper(patient_key) AS who, ' ' || lab_cv_key AS x, code FROM ({lab_sql(10)})"
    connection.execute(f"COPY ({query}) TO '{tmp_path}/k.csv' (HEADER)")
    found = leak.open_leak(connection, tmp_path / "k.csv")
    assert leak.read_keys(connection, found) == 20
    names = connection.execute("SELECT DISTINCT name FROM leak_keys ORDER BY 1").fetchall()
    assert names == [("who",), ("x",)]


def test_chances_of_names_and_days():
    assert reading.name_chance(1, 10**6) < 1e-17
    assert reading.name_chance(10**15, 10**15) == 1
    assert reading.day_chance(50, 0) == 1
    assert reading.day_chance(1, 1) == pytest.approx(1 / 366)
    assert reading.day_chance(20, 20) < 1e-50
    generator = np.random.default_rng(1)
    drawn = generator.binomial(300, 1 / 366, 10_000)
    for matched in (1, 2, 3, 5):
        assert np.mean(drawn >= matched) <= reading.day_chance(300, matched) * 1.2 + 1e-3
