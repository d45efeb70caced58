"""The identified zone: extracts verified and ingested, the raw gate, the consent gate."""

from collections.abc import Iterator

import dagster as dg

from clearward.arrival import receive_extract
from clearward.consent.gate import clear_partition
from clearward.quality.borders import judge_raw, raw_report
from orchestration.checks import gate_result
from orchestration.partitions import ZONE, extracts, hospital_and_month
from orchestration.resources import Clearward, refusals
from orchestration.tables import file_counts

OWNERS = ["team:data-engineering"]
RAW_GATE = dg.AssetCheckSpec(
    "raw_gate",
    asset="raw",
    blocking=True,
    description="Great Expectations on what the hospital sent, before anybody's consent is read. "
    "Red stops this hospital's month and nothing else.",
)


@dg.asset(
    partitions_def=extracts,
    group_name="identified",
    tags={ZONE: "identified"},
    kinds={"python", "duckdb", "parquet"},
    owners=OWNERS,
    pool="hospital",
    check_specs=[RAW_GATE],
)
def raw(
    context: dg.AssetExecutionContext, clearward: Clearward
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Extract of one hospital and month: verified, typed, keyed; bad rows in quarantine.

    A hospital's months go in order, each compared with the one before. An older month is refused
    once a later one was taken: late and corrected rows come in the newest extract.
    """
    hospital, month = hospital_and_month(context)
    with refusals():
        report = receive_extract(
            clearward.settings,
            clearward.database,
            clearward.keyring,
            hospital=hospital,
            month=month,
        )
        gate = judge_raw(clearward.settings, hospital=hospital, month=month)
        folder = raw_report(clearward.settings, hospital=hospital, month=month)
    counts = {**report.metadata(), "files": file_counts(report)}
    yield dg.MaterializeResult(asset_key="raw", metadata=counts)
    yield gate_result(gate, asset="raw", check="raw_gate", folder=folder)


@dg.asset(
    deps=[raw],
    partitions_def=extracts,
    group_name="identified",
    tags={ZONE: "identified"},
    kinds={"python", "duckdb", "parquet"},
    owners=OWNERS,
    pool="hospital",
)
def cleared(context: dg.AssetExecutionContext, clearward: Clearward) -> dg.MaterializeResult:
    """Rows of patients whose consent for a licensable purpose is in force; default deny.

    Who passes and why not is counted by `clearward consent status`.
    """
    hospital, month = hospital_and_month(context)
    with refusals():
        report = clear_partition(clearward.settings, hospital=hospital, month=month)
    return dg.MaterializeResult(metadata=report.metadata())
