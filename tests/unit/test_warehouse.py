"""The warehouse: paths cannot be steered, files appear whole or not at all."""

import duckdb
import pytest

from clearward.errors import ConfigError
from clearward.settings import load_settings
from clearward.warehouse import Warehouse, engine, read_parquet_sql, write_parquet


@pytest.fixture
def settings(tmp_path):
    return load_settings({"CLEARWARD_HOME": str(tmp_path)})


@pytest.mark.parametrize(
    ("table", "month", "hospital"),
    [
        ("../x", "2024-05", "h1"),
        ("t", "2024-13", "h1"),
        ("t", "2024-05", "../h"),
        ("T", "2024-05", "h"),
    ],
)
def test_names_cannot_leave_their_folder(tmp_path, table, month, hospital):
    with pytest.raises(ConfigError):
        Warehouse(tmp_path).partition("raw", table, month=month, hospital=hospital)


def test_history_holds_the_months_up_to_one_oldest_first(tmp_path):
    warehouse = Warehouse(tmp_path)
    for month in ("2024-03", "2024-01", "2024-02"):
        path = warehouse.partition("raw", "t", month=month, hospital="h1")
        path.parent.mkdir(parents=True)
        path.touch()
    found = warehouse.history("raw", "t", upto="2024-02", hospital="h1")
    assert [p.parts[-3] for p in found] == ["month=2024-01", "month=2024-02"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(settings, tmp_path):
    target = tmp_path / "t" / "part.parquet"
    with engine(settings) as connection:
        write_parquet(connection, "SELECT 1 AS a", target, order_by=["a"])
        before = target.read_bytes()
        with pytest.raises(duckdb.Error):
            failing = "SELECT error('stop ' || i) AS a FROM range(9) t(i)"
            write_parquet(connection, failing, target, order_by=["a"])
    assert target.read_bytes() == before
    assert [p.name for p in target.parent.iterdir()] == ["part.parquet"]


def test_the_same_rows_in_another_order_are_the_same_bytes(settings, tmp_path):
    queries = ("SELECT i FROM range(5000) t(i)", "SELECT 4999 - i AS i FROM range(5000) t(i)")
    with engine(settings) as connection:
        files = [tmp_path / f"{n}.parquet" for n in range(2)]
        for query, file in zip(queries, files, strict=True):
            assert write_parquet(connection, query, file, order_by=["i"]) == 5000
    assert files[0].read_bytes() == files[1].read_bytes()


def test_the_engine_fetches_nothing_from_outside_and_leaves_no_spill(settings):
    with engine(settings) as connection:
        assert connection.execute(
            "SELECT current_setting('autoinstall_known_extensions')"
        ).fetchone() == (False,)
    assert list((settings.home / "spill").iterdir()) == []


def test_reading_no_files_is_an_error_not_an_empty_table():
    with pytest.raises(ConfigError):
        read_parquet_sql([])
