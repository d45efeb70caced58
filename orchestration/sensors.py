"""What starts by itself: new extracts, months that became complete, news of failures."""

import dagster as dg

from clearward.arrival import Arrival, landed_extracts
from clearward.notify import Notice, notify
from orchestration.jobs import hospital_month, month_candidates
from orchestration.partitions import extract_key, extracts, hospitals
from orchestration.resources import Clearward


@dg.sensor(
    job=hospital_month,
    description="A run for every extract in the landing folder that was not taken yet.",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.STOPPED,
)
def new_extracts(context: dg.SensorEvaluationContext, clearward: Clearward) -> dg.SensorResult:
    """A run for every extract in the landing folder that the register has not seen."""
    arrivals = landed_extracts(clearward.settings, clearward.database)
    known = set(context.instance.get_dynamic_partitions(str(hospitals.name)))
    new = sorted({arrival.hospital for arrival in arrivals} - known)
    return dg.SensorResult(
        run_requests=[_run_of(arrival) for arrival in arrivals],
        dynamic_partitions_requests=[hospitals.build_add_request(new)] if new else [],
    )


def _run_of(arrival: Arrival) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=arrival.manifest_sha256,
        partition_key=extract_key(hospital=arrival.hospital, month=arrival.month),
    )


@dg.sensor(
    job=month_candidates,
    description="Candidates for a month once every hospital that sent it is through the door.",
    minimum_interval_seconds=120,
    default_status=dg.DefaultSensorStatus.STOPPED,
)
def complete_months(
    context: dg.SensorEvaluationContext,
) -> dg.SensorResult | dg.SkipReason:
    """A candidate run for a month once every hospital that has it is through the door."""
    done = _partitions(context, "findings") & _partitions(context, "deidentified")
    begun = _partitions(context, "raw")
    complete = {m for _, m in done} - {m for _, m in begun - done}
    fresh = sorted(complete - set(filter(None, (context.cursor or "").split(","))))
    if not fresh:
        return dg.SkipReason("No month became complete.")
    return dg.SensorResult(
        run_requests=[dg.RunRequest(run_key=month, partition_key=month) for month in fresh],
        cursor=",".join(sorted(complete)),
    )


def _partitions(context: dg.SensorEvaluationContext, asset: str) -> set[tuple[str, str]]:
    keys = context.instance.get_materialized_partitions(dg.AssetKey(asset))
    dimensions = [extracts.get_partition_key_from_str(key).keys_by_dimension for key in keys]
    return {(d["hospital"], d["month"]) for d in dimensions}


@dg.run_failure_sensor(
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Tells the configured notifier about every failed run: ids and the reason.",
)
def failed_runs(context: dg.RunFailureSensorContext, clearward: Clearward) -> None:
    """Tell the configured notifier about every failed run: ids and the reason, no values."""
    run = context.dagster_run
    notice = Notice(
        subject=f"{run.job_name} failed",
        partition=run.tags.get("dagster/partition", ""),
        run_id=run.run_id,
        reason=context.failure_event.message or "",
    )
    notify(clearward.settings, notice)
