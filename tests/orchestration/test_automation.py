"""What starts by itself, once it is turned on: the right partitions, and never a publication."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from clearward.errors import StorageBusyError, StorageError
from clearward.licensing.registry import create_licence
from clearward.notify import Notice, notify
from clearward.settings import load_settings
from clearward.state.base import state_engine
from clearward.state.migrate import migrate
from orchestration.partitions import extract_key
from orchestration.resources import Clearward, refusals
from orchestration.schedules import last_month, monthly_refresh
from orchestration.sensors import complete_months, licences_to_look_at, new_extracts

SAMPLES = Path(__file__).parents[2] / "samples" / "extracts"


@pytest.fixture
def instance(tmp_path):
    folder = tmp_path / "dagster"
    folder.mkdir()
    with dg.DagsterInstance.local_temp(str(folder)) as instance:
        yield instance


@pytest.mark.parametrize(
    ("now", "month"),
    [("2024-06-05", "2024-05"), ("2024-01-31", "2023-12"), ("2024-03-01", "2024-02")],
)
def test_last_month_is_the_one_that_ended(now, month):
    assert last_month(datetime.fromisoformat(now)) == month


def test_the_schedule_asks_for_last_month_of_every_known_hospital(instance, definitions):
    instance.add_dynamic_partitions("hospital", ["a", "b"])
    context = dg.build_schedule_context(
        instance=instance,
        repository_def=definitions.get_repository_def(),
        scheduled_execution_time=datetime(2024, 6, 5, 4, tzinfo=UTC),
    )
    asked = monthly_refresh.evaluate_tick(context).run_requests
    assert [request.partition_key for request in asked] == ["a|2024-05", "b|2024-05"]


def test_a_landed_extract_is_asked_for_once_and_its_hospital_becomes_known(home, instance):
    settings = load_settings()
    migrate(state_engine(settings.database))
    shutil.copytree(SAMPLES / "lakeside" / "2024-03", settings.landing / "lakeside" / "2024-03")
    context = dg.build_sensor_context(instance=instance, resources={"clearward": Clearward()})
    result = new_extracts(context)
    assert [r.partition_key for r in result.run_requests] == ["lakeside|2024-03"]
    assert result.dynamic_partitions_requests[0].partition_keys == ["lakeside"]
    assert result.run_requests[0].run_key == new_extracts(context).run_requests[0].run_key


def seen(instance, asset, hospital, month):
    key = extract_key(hospital=hospital, month=month)
    event = dg.AssetMaterialization(asset, partition=key)
    instance.report_runless_asset_event(event)


def test_licences_that_end_soon_are_told_and_start_no_run(home, instance):
    settings, now = load_settings(), datetime.now(UTC)
    migrate(state_engine(settings.database))
    licence = create_licence(
        state_engine(settings.database),
        buyer="Acme",
        product="cardiology",
        purpose="commercial_licensing",
        version_range="1.x",
        terms=b"text",
        valid_from=now - timedelta(days=1),
        valid_until=now + timedelta(days=3),
    )
    context = dg.build_sensor_context(instance=instance, resources={"clearward": Clearward()})
    assert "1 licences" in licences_to_look_at(context).skip_message
    [notice] = (settings.reports / "notices.jsonl").read_text().splitlines()
    assert json.loads(notice)["subject"] == licence.id
    assert "Acme" not in notice


def test_a_month_is_complete_when_every_hospital_that_began_it_is_through(instance):
    for asset in ("raw", "deidentified", "findings"):
        seen(instance, asset, "a", "2024-03")
    seen(instance, "raw", "b", "2024-03")
    context = dg.build_sensor_context(instance=instance)
    assert isinstance(complete_months(context), dg.SkipReason)
    for asset in ("deidentified", "findings"):
        seen(instance, asset, "b", "2024-03")
    result = complete_months(context)
    assert [request.partition_key for request in result.run_requests] == ["2024-03"]
    again = dg.build_sensor_context(instance=instance, cursor=result.cursor)
    assert isinstance(complete_months(again), dg.SkipReason)


def test_only_what_a_retry_can_help_is_retried():
    with pytest.raises(dg.RetryRequested), refusals():
        raise StorageBusyError("The store is out of reach.")
    with pytest.raises(dg.Failure) as caught, refusals():
        raise StorageError("The store refused.")
    assert caught.value.allow_retries is False


def test_a_notice_is_kept_and_handed_to_the_hospitals_own_command(home, monkeypatch, tmp_path):
    received = tmp_path / "received.json"
    monkeypatch.setenv("CLEARWARD_NOTIFY_COMMAND", f"tee {received}")
    notify(load_settings(), Notice("hospital_month failed", "a|2024-03", "run-1", "a reason"))
    kept = (home / "reports" / "notices.jsonl").read_text()
    assert json.loads(kept)["run_id"] == "run-1"
    assert json.loads(received.read_text()) == json.loads(kept)
