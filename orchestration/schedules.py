"""The monthly refresh: last month of every known hospital. Off until somebody turns it on."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import dagster as dg

from orchestration.jobs import hospital_month
from orchestration.partitions import MONTH_FORMAT, extract_key, hospitals


@dg.schedule(
    job=hospital_month,
    cron_schedule="0 4 5 * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="On the 5th at 04:00 UTC: last month of every hospital known so far.",
)
def monthly_refresh(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
    """On the 5th at 04:00 UTC: one run per hospital for the month that ended."""
    month = last_month(context.scheduled_execution_time)
    for hospital in context.instance.get_dynamic_partitions(str(hospitals.name)):
        yield dg.RunRequest(
            run_key=f"{hospital}|{month}",
            partition_key=extract_key(hospital=hospital, month=month),
        )


def last_month(now: datetime) -> str:
    """The month before the one ``now`` is in, ``YYYY-MM``."""
    return (now.replace(day=1) - timedelta(days=1)).strftime(MONTH_FORMAT)
