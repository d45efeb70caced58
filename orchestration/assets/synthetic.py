"""The evaluation sample of each product: made once, then found again every month."""

from collections.abc import Iterator

import dagster as dg

from clearward.errors import ClearwardError
from clearward.products.spec import Product, load_product, product_names
from clearward.synthetic.sample import make_sample
from orchestration.partitions import ZONE, months, one_month_at_a_time
from orchestration.resources import Clearward

CHECK = "sample_is_made"
_SAMPLE = (
    "Invented patients in the product's shape, differentially private, for a buyer to look at "
    "before signing. Made once and found again every month: each new one costs privacy budget "
    "(`clearward synthetic show`)."
)
_CHECK = "There is a sample that fits the product's columns. Without one the release goes without."


def synthetic_assets() -> list[dg.AssetsDefinition]:
    """One asset for each product spec."""
    return [_synthetic(load_product(name)) for name in product_names()]


def _synthetic(product: Product) -> dg.AssetsDefinition:
    key = dg.AssetKey(["synthetic", product.name])

    @dg.asset(
        key=key,
        deps=[dg.AssetKey(["protected", product.name])],
        partitions_def=months,
        backfill_policy=one_month_at_a_time,
        group_name=product.name,
        tags={ZONE: "product"},
        kinds={"python", "parquet"},
        owners=["team:data-products"],
        pool="month",
        description=_SAMPLE,
        check_specs=[dg.AssetCheckSpec(CHECK, asset=key, description=_CHECK)],
    )
    def synthetic(
        context: dg.AssetExecutionContext, clearward: Clearward
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        """A refusal is a warning: licensed buyers' data does not wait for a shop window."""
        try:
            made = make_sample(
                clearward.settings, product=product.name, month=context.partition_key
            )
        except ClearwardError as refusal:
            told = {"refused": str(refusal), "exit_code": refusal.exit_code}
            yield dg.MaterializeResult(asset_key=key, metadata=told)
            yield _check(key, passed=False, words=str(refusal))
            return
        yield dg.MaterializeResult(asset_key=key, metadata=made.metadata())
        yield _check(key, passed=True, words=f"sample {made.sample.stored.ordinal}")

    return synthetic


def _check(key: dg.AssetKey, *, passed: bool, words: str) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=passed,
        asset_key=key,
        check_name=CHECK,
        severity=dg.AssetCheckSeverity.WARN,
        description=words,
    )
