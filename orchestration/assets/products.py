"""From a product's marts to its release: protection, release gate, candidate, publication."""

from collections.abc import Iterator

import dagster as dg

from clearward.products.spec import Product, load_product, product_names
from clearward.quality.borders import judge_release, release_report
from clearward.releases.candidate import build_candidate
from clearward.releases.history import earlier_patients, protect_release
from clearward.releases.publish import publish
from clearward.risk.history import Earlier
from clearward.risk.judge import judge_risk
from orchestration.checks import gate_result, privacy_results, privacy_specs
from orchestration.partitions import ZONE, months, one_month_at_a_time
from orchestration.resources import Clearward, refusals

OWNERS = ["team:data-products"]
_PROTECTED = (
    "Generalised, and rare patients left out, until at least k patients share every combination of "
    "quasi-identifiers, in this version and across all versions; then judged by the release gate "
    "(Great Expectations) and by the privacy gates G1 to G6. Red stops here. Amber warns: a person "
    "has to answer for it with `clearward release sign-off` before publication."
)
_RELEASE_GATE = (
    "Great Expectations on the protected tables, bound to the files by hash. The report is in "
    "the metadata; the same check is part of every release as its quality report."
)
_CANDIDATE = (
    "A whole release on disk with its documents. Open its index.html, then approve it: "
    "`clearward release approve`, or launch `publish_releases`."
)
_RELEASED = (
    "An immutable, signed version in the store. Needs a person's approval of exactly this content; "
    "a run launched by hand is one. The same content again is the same version."
)
_LAUNCHERS = ("dagster/schedule_name", "dagster/sensor_name")


class Publication(dg.Config):
    """Who approves. Left empty, a release needs an approval that is already on record, unless a
    person launched this run by hand: then that is the approval.
    """

    approved_by: str = ""


def product_assets() -> list[dg.AssetsDefinition]:
    """Three assets for each product spec."""
    products = [load_product(name) for name in product_names()]
    return [make(p) for p in products for make in (_protected, _candidate, _released)]


def _protected(product: Product) -> dg.AssetsDefinition:
    key = dg.AssetKey(["protected", product.name])

    @dg.asset(
        key=key,
        deps=[product.table_name(table) for table in product.tables],
        partitions_def=months,
        backfill_policy=one_month_at_a_time,
        group_name=product.name,
        tags={ZONE: "product"},
        kinds={"python", "duckdb", "parquet"},
        owners=OWNERS,
        pool="month",
        description=_PROTECTED,
        check_specs=[
            dg.AssetCheckSpec("release_gate", asset=key, blocking=True, description=_RELEASE_GATE),
            *privacy_specs(key),
        ],
    )
    def protected(
        context: dg.AssetExecutionContext, clearward: Clearward
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        month = context.partition_key
        with refusals():
            report = protect_release(
                clearward.settings, clearward.keyring, product=product.name, month=month
            )
            gate = judge_release(clearward.settings, product=product.name, month=month)
            earlier = earlier_patients(
                clearward.settings, clearward.storage, product=product.name, month=month
            )
            risk = judge_risk(
                clearward.settings,
                product=product.name,
                month=month,
                earlier=[Earlier(version.path, version.tables) for version in earlier],
            )
            folder = release_report(clearward.settings, product=product.name, month=month)
        yield dg.MaterializeResult(asset_key=key, metadata=report.metadata())
        yield gate_result(gate, asset=key, check="release_gate", folder=folder)
        yield from privacy_results(risk, key)

    return protected


def _candidate(product: Product) -> dg.AssetsDefinition:
    @dg.asset(
        key=["candidate", product.name],
        deps=[dg.AssetKey([step, product.name]) for step in ("protected", "synthetic")],
        partitions_def=months,
        backfill_policy=one_month_at_a_time,
        group_name=product.name,
        tags={ZONE: "product"},
        kinds={"python", "parquet"},
        owners=OWNERS,
        pool="month",
        description=_CANDIDATE,
    )
    def candidate(context: dg.AssetExecutionContext, clearward: Clearward) -> dg.MaterializeResult:
        with refusals():
            made = build_candidate(
                clearward.settings,
                clearward.keyring,
                product=product.name,
                month=context.partition_key,
            )
        return dg.MaterializeResult(metadata=made.metadata())

    return candidate


def _released(product: Product) -> dg.AssetsDefinition:
    @dg.asset(
        key=["released", product.name],
        deps=[dg.AssetKey(["candidate", product.name])],
        partitions_def=months,
        backfill_policy=one_month_at_a_time,
        group_name=product.name,
        tags={ZONE: "released"},
        kinds={"s3", "parquet"},
        owners=OWNERS,
        pool="month",
        description=_RELEASED,
    )
    def released(
        context: dg.AssetExecutionContext, config: Publication, clearward: Clearward
    ) -> dg.MaterializeResult:
        with refusals():
            release = publish(
                clearward.settings,
                clearward.keyring,
                clearward.storage,
                product=product.name,
                month=context.partition_key,
                approved_by=config.approved_by or _person_behind(context),
            )
        return dg.MaterializeResult(metadata=release.metadata())

    return released


def _person_behind(context: dg.AssetExecutionContext) -> str | None:
    """A run that no schedule or sensor started was launched by hand."""
    tags = context.run.tags
    return None if any(tag in tags for tag in _LAUNCHERS) else f"run {context.run.run_id}"
