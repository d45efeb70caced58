"""How the work is cut: hospital x month up to the one-way door, month from dbt on, then licence."""

import dagster as dg

MONTH_FORMAT = "%Y-%m"
FIRST_MONTH = "2020-01"
ZONE = "clearward/zone"
"""Tag of every asset: where its rows lie, `identified` to `released` (see GLOSSARY)."""

licences = dg.DynamicPartitionsDefinition(name="licence")
hospitals = dg.DynamicPartitionsDefinition(name="hospital")
months = dg.MonthlyPartitionsDefinition(start_date=FIRST_MONTH, fmt=MONTH_FORMAT)
extracts = dg.MultiPartitionsDefinition({"hospital": hospitals, "month": months})

# A month's product is made of that month's partitions of every hospital.
all_hospitals = dg.MultiToSingleDimensionPartitionMapping(partition_dimension_name="month")
# A backfill of a range runs month by month: each month starts where the one before it ended.
one_month_at_a_time = dg.BackfillPolicy.multi_run(max_partitions_per_run=1)


def extract_key(*, hospital: str, month: str) -> dg.MultiPartitionKey:
    """Partition key of one hospital's month."""
    return dg.MultiPartitionKey({"hospital": hospital, "month": month})


def hospital_and_month(context: dg.AssetExecutionContext) -> tuple[str, str]:
    """The two dimensions of the running partition."""
    keys = context.partition_key
    if not isinstance(keys, dg.MultiPartitionKey):
        raise dg.DagsterInvariantViolationError("this asset is partitioned by hospital and month")
    return keys.keys_by_dimension["hospital"], keys.keys_by_dimension["month"]
