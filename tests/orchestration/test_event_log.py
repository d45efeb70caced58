"""Dagster's event log with its connections kept: the same tables and rows as Dagster's own."""

import sqlite3
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.event_log import SqliteEventLogStorage

from clearward.settings import load_settings
from orchestration.event_log import KeptEventLog
from orchestration.worker import open_instance


@dg.asset(check_specs=[dg.AssetCheckSpec("is_there", asset="made")])
def made():
    yield dg.MaterializeResult(metadata={"dagster/row_count": 3})
    yield dg.AssetCheckResult(check_name="is_there", passed=True)


@pytest.fixture(scope="module")
def instance(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLEARWARD_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("DAGSTER_HOME", "")  # set by what follows, and put back here
        with open_instance(load_settings()) as instance:
            yield instance


def run(instance):
    return dg.materialize([made], instance=instance).run_id


def database_of(instance, run_id):
    return Path(instance.event_log_storage.path_for_shard(run_id))


def tables(path):
    with sqlite3.connect(path) as database:
        return set(database.execute("SELECT type, name, sql FROM sqlite_master").fetchall())


def test_the_database_of_every_run_is_the_one_dagster_would_make(instance, tmp_path):
    runs = [run(instance), run(instance)]
    own = SqliteEventLogStorage(str(tmp_path / "own"))
    with own.run_connection("first"):
        pass
    expected = tables(tmp_path / "own" / "first.db")
    assert len(expected) > 5
    assert isinstance(instance.event_log_storage, KeptEventLog)
    for run_id in runs:
        path = database_of(instance, run_id)
        assert tables(path) == expected
        with sqlite3.connect(path) as database:
            assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
            assert database.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)


def test_each_run_has_its_own_events_and_the_index_those_of_all(instance):
    runs = [run(instance), run(instance)]  # of one asset and one check
    kinds = [[e.dagster_event_type for e in instance.all_logs(run_id)] for run_id in runs]
    assert kinds[0] == kinds[1]
    assert dg.DagsterEventType.ASSET_CHECK_EVALUATION in kinds[0]
    found = instance.fetch_materializations(made.key, limit=2).records
    assert [record.run_id for record in found] == runs[::-1]
    key = dg.AssetCheckKey(made.key, "is_there")
    checks = instance.event_log_storage.get_asset_check_execution_history(key, limit=2)
    assert [(c.run_id, c.status.value) for c in checks] == [(r, "SUCCEEDED") for r in runs[::-1]]


def test_a_run_whose_database_was_taken_away_begins_a_new_one(instance):
    run_id = run(instance)
    path = database_of(instance, run_id)
    for part in path.parent.glob(f"{path.name}*"):  # as Dagster wipes it: its journal too
        part.unlink()
    assert instance.all_logs(run_id) == []
    assert run(instance)


def test_what_is_stored_together_is_in_the_index_whole_or_not_at_all(instance, monkeypatch):
    log = instance.event_log_storage
    kinds = {
        dg.DagsterEventType.ASSET_MATERIALIZATION,
        dg.DagsterEventType.ASSET_CHECK_EVALUATION,
    }
    events = [e for e in instance.all_logs(run(instance)) if e.dagster_event_type in kinds]
    assert len(events) == 2
    before = len(instance.fetch_materializations(made.key, limit=10).records)

    def fail(*_):
        raise OSError

    monkeypatch.setattr(log, "store_asset_check_event", fail)
    with pytest.raises(OSError):
        log.store_event_batch(events)
    assert len(instance.fetch_materializations(made.key, limit=10).records) == before
