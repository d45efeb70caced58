"""Through the one-way door: tables column by column, notes by the scrubber."""

import dagster as dg

from clearward.deidentify.door import deidentify_partition
from clearward.notes.pipeline import read_partition
from orchestration.assets.identified import OWNERS, cleared
from orchestration.partitions import ZONE, extracts, hospital_and_month
from orchestration.resources import Clearward, refusals


@dg.asset(
    deps=[cleared],
    partitions_def=extracts,
    group_name="deidentified",
    tags={ZONE: "deidentified"},
    kinds={"python", "duckdb", "parquet"},
    owners=OWNERS,
    pool="hospital",
)
def deidentified(context: dg.AssetExecutionContext, clearward: Clearward) -> dg.MaterializeResult:
    """Cleared tables after the one-way door: keys, shifted dates, listed columns only."""
    hospital, month = hospital_and_month(context)
    with refusals():
        report = deidentify_partition(
            clearward.settings, clearward.keyring, hospital=hospital, month=month
        )
    return dg.MaterializeResult(metadata=report.metadata())


@dg.asset(
    deps=[cleared],
    partitions_def=extracts,
    group_name="deidentified",
    tags={ZONE: "deidentified"},
    kinds={"python", "parquet"},
    owners=OWNERS,
    pool="hospital",
)
def findings(context: dg.AssetExecutionContext, clearward: Clearward) -> dg.MaterializeResult:
    """Scrubbed notes and the structured facts read from them."""
    hospital, month = hospital_and_month(context)
    with refusals():
        report = read_partition(
            clearward.settings, clearward.keyring, hospital=hospital, month=month
        )
    return dg.MaterializeResult(metadata=report.metadata())
