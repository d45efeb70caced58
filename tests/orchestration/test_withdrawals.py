"""The daily withdrawals: an asset of their own, in no monthly job, off until turned on."""

import dagster as dg

from clearward.keyring import init_keyring
from clearward.settings import load_settings
from clearward.state.base import state_engine
from clearward.state.migrate import migrate
from orchestration.resources import Clearward
from orchestration.withdrawals import daily_withdrawals, withdrawals


def test_the_asset_carries_withdrawals_and_tells_counts_of_versions_and_lists_only(home):
    settings = load_settings()
    init_keyring(settings.keyring)
    migrate(state_engine(settings.database))
    result = dg.materialize([withdrawals], resources={"clearward": Clearward()})
    [event] = result.get_asset_materialization_events()
    told = event.materialization.metadata
    assert {name: value.value for name, value in told.items()} == {
        "versions_marked": 0,
        "lists_made": 0,
        "lists_overdue": 0,
        "lists_open": 0,
    }


def test_no_monthly_job_runs_it(definitions):
    for name in ("hospital_month", "month_candidates", "publish_releases"):
        selected = definitions.resolve_job_def(name).asset_layer.selected_asset_keys
        assert dg.AssetKey("withdrawals") not in selected
    own = definitions.resolve_job_def("carry_withdrawals").asset_layer.selected_asset_keys
    assert own == {dg.AssetKey("withdrawals")}


def test_it_runs_once_a_day_when_it_is_turned_on():
    assert daily_withdrawals.cron_schedule == "0 2 * * *"
    assert daily_withdrawals.default_status == dg.DefaultScheduleStatus.STOPPED
