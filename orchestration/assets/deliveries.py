"""What lies ready for each licence: its own copy of the newest version it may receive. Who may
receive what, and what a copy is, belongs to `clearward.licensing`.
"""

from datetime import UTC, datetime

import dagster as dg

from clearward.licensing.preparation import prepare_newest
from clearward.products.spec import product_names
from orchestration.partitions import ZONE, licences
from orchestration.resources import Clearward, refusals


@dg.asset(
    deps=[
        dg.AssetDep(["released", name], partition_mapping=dg.AllPartitionMapping())
        for name in product_names()
    ],
    partitions_def=licences,
    group_name="licensing",
    tags={ZONE: "released"},
    kinds={"python", "parquet"},
    owners=["team:data-products"],
    description="The licensee's own copy of the newest version their licence may receive now, "
    "built before they ask; they are told once. The delivery service asks again, on every "
    "request, whether they may.",
)
def deliveries(context: dg.AssetExecutionContext, clearward: Clearward) -> dg.MaterializeResult:
    """Safe to run at any time; fails where the licence may receive nothing."""
    with refusals():
        prepared = prepare_newest(
            *(clearward.settings, clearward.keyring, clearward.storage),
            database=clearward.database,
            licence_id=context.partition_key,
            now=datetime.now(UTC),
        )
    return dg.MaterializeResult(metadata=prepared.metadata())
