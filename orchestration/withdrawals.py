"""Withdrawals reach published versions: one asset, run daily. What is done belongs to
`clearward.licensing.recall`.
"""

from datetime import UTC, datetime

import dagster as dg

from clearward.catalogue.shelving import refresh_catalogue
from clearward.licensing.recall import process_withdrawals
from clearward.products.spec import product_names
from orchestration.partitions import ZONE
from orchestration.resources import Clearward, refusals


@dg.asset(
    deps=[dg.AssetKey(["released", name]) for name in product_names()],
    group_name="licensing",
    tags={ZONE: "released"},
    kinds={"python"},
    owners=["team:data-products"],
    description="Carries every withdrawal on record to what is out: versions marked, recall "
    "lists made, late answers noted, the catalogue brought up to date. Counts versions and lists, "
    "never patients; who has answered is told by `clearward recall report`.",
)
def withdrawals(clearward: Clearward) -> dg.MaterializeResult:
    """Safe to run at any time; a second run finds nothing new."""
    with refusals():
        house = clearward.settings, clearward.keyring, clearward.storage
        done = process_withdrawals(*house, now=datetime.now(UTC))
        refresh_catalogue(*house)
    return dg.MaterializeResult(metadata=done.metadata())


carry_withdrawals = dg.define_asset_job(
    "carry_withdrawals",
    selection=dg.AssetSelection.assets(withdrawals),
    description="Carry withdrawals to versions that are out and to whoever received them.",
)


# All of a day's withdrawals at one hour: the moment a version closes tells nothing about one person
daily_withdrawals = dg.ScheduleDefinition(
    name="daily_withdrawals",
    job=carry_withdrawals,
    cron_schedule="0 2 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Every night at 02:00 UTC: carry the day's withdrawals to published versions.",
)
