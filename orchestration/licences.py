"""What starts or is told by itself for licensees: a delivery after each new release, licences that
end, licences that nobody uses. Off until turned on; the rules belong to `clearward.licensing`.
"""

import json
from datetime import UTC, datetime

import dagster as dg

from clearward.licensing.outlook import Concern, ending, tell, unused
from clearward.licensing.preparation import waiting
from orchestration.assets.deliveries import deliveries
from orchestration.partitions import licences
from orchestration.resources import Clearward

_OFF = dg.DefaultSensorStatus.STOPPED
_DAILY = 24 * 3600

monthly_delivery = dg.define_asset_job(
    "monthly_delivery",
    selection=dg.AssetSelection.assets(deliveries),
    description="One licence's own copy of the newest version it may receive; they are told once.",
)


@dg.sensor(
    job=monthly_delivery,
    minimum_interval_seconds=300,
    default_status=_OFF,
    description="After a release: a run per licence that may receive a version it had none of.",
)
def new_releases(context: dg.SensorEvaluationContext, clearward: Clearward) -> dg.SensorResult:
    """One run for each licence and version, whenever either came."""
    found = waiting(
        clearward.settings, clearward.database, clearward.storage, now=datetime.now(UTC)
    )
    known = set(context.instance.get_dynamic_partitions(str(licences.name)))
    new = sorted({each.licence for each in found} - known)
    return dg.SensorResult(
        run_requests=[dg.RunRequest(each.key, partition_key=each.licence) for each in found],
        dynamic_partitions_requests=[licences.build_add_request(new)] if new else [],
    )


@dg.sensor(
    minimum_interval_seconds=_DAILY,
    default_status=_OFF,
    description="Tells the notifier once about licences that end, or have no token, in 30 days.",
)
def ending_licences(context: dg.SensorEvaluationContext, clearward: Clearward) -> dg.SkipReason:
    """Daily; a licence that is prolonged is told again before its new end."""
    return _tell(context, clearward, ending(clearward.database, now=datetime.now(UTC)))


@dg.sensor(
    minimum_interval_seconds=_DAILY,
    default_status=_OFF,
    description="Tells the notifier once a month about licences nothing was taken of in 90 days.",
)
def unused_licences(context: dg.SensorEvaluationContext, clearward: Clearward) -> dg.SkipReason:
    """Daily; a licence from which data was taken meanwhile is told no more."""
    return _tell(context, clearward, unused(clearward.database, now=datetime.now(UTC)))


def _tell(
    context: dg.SensorEvaluationContext, clearward: Clearward, concerns: tuple[Concern, ...]
) -> dg.SkipReason:
    told = frozenset(json.loads(context.cursor or "[]"))
    lasting = tell(clearward.settings, concerns, told=told)
    context.update_cursor(json.dumps(sorted(lasting)))
    return dg.SkipReason(f"{len(lasting)} licences, {len(lasting - told)} told now.")
