"""The catalogue: one asset after all releases. What it shows belongs to `clearward.catalogue`."""

import dagster as dg

from clearward.catalogue.shelving import publish_catalogue
from clearward.products.spec import product_names
from orchestration.partitions import ZONE
from orchestration.resources import Clearward, refusals


@dg.asset(
    deps=[dg.AssetKey(["released", name]) for name in product_names()],
    group_name="licensing",
    tags={ZONE: "released"},
    kinds={"html"},
    owners=["team:data-products"],
    description="Static pages of every release, in English and Chinese, beside the releases in the "
    "store. The same releases give the same pages; nothing is written when they are there.",
)
def catalogue(clearward: Clearward) -> dg.MaterializeResult:
    """Safe to run at any time."""
    with refusals():
        done = publish_catalogue(clearward.settings, clearward.keyring, clearward.storage)
    return dg.MaterializeResult(metadata=done.metadata())
