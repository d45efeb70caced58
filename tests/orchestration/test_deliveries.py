"""A delivery per licence, after a release; nothing to a licence that may receive nothing."""

import json
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from clearward.licensing import registry
from orchestration.assets.deliveries import deliveries
from orchestration.licences import ending_licences, new_releases, unused_licences
from orchestration.resources import Clearward
from tests.unit.releases.conftest import House
from tests.unit.releases.factory import PRODUCT


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    made = House(tmp_path_factory.mktemp("deliveries") / "home")
    made.release()
    return made


@pytest.fixture
def clearward(house, monkeypatch):
    monkeypatch.setenv("CLEARWARD_HOME", str(house.settings.home))
    for name in ("CLEARWARD_STORE", "CLEARWARD_DATABASE", "CLEARWARD_KEYRING", "DAGSTER_HOME"):
        monkeypatch.delenv(name, raising=False)
    return Clearward()


@pytest.fixture
def instance(tmp_path):
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield instance


def make_licence(clearward, **changes):
    now = datetime.now(UTC)
    values = {
        "buyer": "Acme Research",
        "product": PRODUCT,
        "purpose": "commercial_licensing",
        "version_range": "1.x",
        "terms": b"the text",
        "valid_from": now - timedelta(days=120),
        "valid_until": now + timedelta(days=9),
        **changes,
    }
    return registry.create_licence(clearward.database, **values)


def notices(clearward):
    path = clearward.settings.reports / "notices.jsonl"
    return [json.loads(li) for li in path.read_text().splitlines()] if path.is_file() else []


def test_a_release_asks_for_one_run_per_licence_that_may_receive_it(clearward, instance):
    licence = make_licence(clearward)
    make_licence(clearward, version_range="2.x", buyer="Later")
    context = dg.build_sensor_context(instance=instance, resources={"clearward": clearward})
    result = new_releases(context)
    assert [(r.run_key, r.partition_key) for r in result.run_requests] == [
        (f"{licence.id}|1.0.0", licence.id)
    ]
    assert result.dynamic_partitions_requests[0].partition_keys == [licence.id]
    registry.revoke_licence(clearward.database, licence.id)
    assert new_releases(context).run_requests == []


def test_the_asset_prepares_the_copy_and_tells_counts_and_ids_only(clearward, instance):
    licence = make_licence(clearward, buyer="Secret Buyer")
    instance.add_dynamic_partitions("licence", [licence.id])
    what = {"resources": {"clearward": clearward}, "instance": instance}
    result = dg.materialize([deliveries], partition_key=licence.id, **what)
    [event] = result.get_asset_materialization_events()
    told = {name: value.value for name, value in event.materialization.metadata.items()}
    assert (told["licence"], told["version"], told["copy"]) == (licence.id, "1.0.0", "own")
    assert told["rows"] > 0 and "Secret" not in str(told)
    registry.revoke_licence(clearward.database, licence.id)
    refused = dg.materialize([deliveries], partition_key=licence.id, raise_on_error=False, **what)
    assert not refused.success


def test_ends_and_unused_licences_are_told_once(clearward, instance):
    licence = make_licence(clearward, buyer="Quiet")
    for sensor, subject in ((ending_licences, "ends soon"), (unused_licences, "nothing taken")):
        cursor = None
        for _ in range(2):
            context = dg.build_sensor_context(
                instance=instance, cursor=cursor, resources={"clearward": clearward}
            )
            assert isinstance(sensor(context), dg.SkipReason)
            cursor = context.cursor
        found = [n for n in notices(clearward) if n["run_id"] == licence.id]
        assert len([n for n in found if subject in n["subject"]]) == 1


def test_the_delivery_is_in_no_monthly_job_and_off_until_turned_on(definitions):
    for name in ("hospital_month", "month_candidates", "publish_releases"):
        selected = definitions.resolve_job_def(name).asset_layer.selected_asset_keys
        assert dg.AssetKey("deliveries") not in selected
    for sensor in (new_releases, ending_licences, unused_licences):
        assert sensor.default_status == dg.DefaultSensorStatus.STOPPED
