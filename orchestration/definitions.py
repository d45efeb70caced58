"""The code location. `workspace.yaml` loads this module; nothing happens until Dagster asks."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from clearward.marts import DBT_PROJECT
from orchestration import jobs, schedules, sensors
from orchestration.assets.dbt_models import build_dbt_assets
from orchestration.assets.deidentified import deidentified, findings
from orchestration.assets.identified import cleared, raw
from orchestration.assets.products import product_assets
from orchestration.assets.synthetic import synthetic_assets
from orchestration.dbt_inside import DbtInside
from orchestration.resources import Clearward
from orchestration.withdrawals import carry_withdrawals, daily_withdrawals, withdrawals

# Two cores; and a step's process is forked from one that has loaded the definitions, which takes
# seconds.
TWO_STEPS = dg.multiprocess_executor.configured(
    {
        "max_concurrent": 2,
        "start_method": {"forkserver": {"preload_modules": ["orchestration.definitions"]}},
    }
)


def build_definitions(resources: Mapping[str, Any] | None = None) -> dg.Definitions:
    """Everything the UI shows; tests pass resources of their own."""
    return dg.Definitions(
        assets=[
            raw,
            cleared,
            deidentified,
            findings,
            build_dbt_assets(),
            *product_assets(),
            *synthetic_assets(),
            withdrawals,
        ],
        jobs=[
            *(jobs.hospital_month, jobs.month_candidates, jobs.publish_releases),
            carry_withdrawals,
        ],
        schedules=[schedules.monthly_refresh, daily_withdrawals],
        sensors=[
            sensors.new_extracts,
            sensors.complete_months,
            sensors.licences_to_look_at,
            sensors.failed_runs,
        ],
        resources=resources or default_resources(),
        executor=TWO_STEPS,
    )


def default_resources() -> dict[str, Any]:
    """Resources configured by the environment alone."""
    return {"clearward": Clearward(), "dbt": DbtInside(project_dir=str(DBT_PROJECT))}


@dg.definitions
def definitions() -> dg.Definitions:
    """Lazy entry of the code location."""
    return build_definitions()
