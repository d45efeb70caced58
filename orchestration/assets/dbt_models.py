"""dbt models as assets, one month of all hospitals per invocation."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
from dagster_dbt import (
    DagsterDbtTranslator,
    DagsterDbtTranslatorSettings,
    DbtCliResource,
    dbt_assets,
)

from clearward.marts import MANIFEST, dbt_run
from orchestration.partitions import all_hospitals, months, one_month_at_a_time
from orchestration.resources import Clearward, refusals

# Unit tests judge the code, not the month: `make test` runs them.
_BUILD = ["build", "--exclude-resource-type", "unit_test"]
_DOOR = {"note": "findings", "finding": "findings"}


class Translator(DagsterDbtTranslator):
    """Puts sources on the assets that make them, and models into their layer's group."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """A source is made by the door or the note reader; a model is its own name."""
        if dbt_resource_props["resource_type"] == "source":
            return dg.AssetKey(_DOOR.get(dbt_resource_props["name"], "deidentified"))
        return dg.AssetKey(dbt_resource_props["name"])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """``staging``, ``core`` or the product."""
        folders = dbt_resource_props["fqn"]
        if "marts" in folders:
            return str(folders[folders.index("marts") + 1])
        return "staging" if "staging" in folders else "core"

    def get_partition_mapping(
        self,
        dbt_resource_props: Mapping[str, Any],
        dbt_parent_resource_props: Mapping[str, Any],
    ) -> dg.PartitionMapping | None:
        """A month reads that month of every hospital."""
        is_source = dbt_parent_resource_props["resource_type"] == "source"
        return all_hospitals if is_source else None


TRANSLATOR = Translator(
    settings=DagsterDbtTranslatorSettings(
        enable_asset_checks=True, enable_duplicate_source_asset_keys=True
    )
)


def build_dbt_assets() -> dg.AssetsDefinition:
    """The dbt assets; needs the manifest that ``make manifest`` writes."""

    @dbt_assets(
        manifest=MANIFEST,
        partitions_def=months,
        backfill_policy=one_month_at_a_time,
        dagster_dbt_translator=TRANSLATOR,
        pool="month",
        name="dbt_models",
    )
    def dbt_models(
        context: dg.AssetExecutionContext, dbt: DbtCliResource, clearward: Clearward
    ) -> Iterator[Any]:
        with refusals(), dbt_run(clearward.settings, month=context.partition_key):
            if context.is_subset and not _is_whole(context):
                yield from _build_some(context, dbt)
            else:
                yield from dbt.cli(_BUILD, context=context).stream()

    return dbt_models


def _is_whole(context: dg.AssetExecutionContext) -> bool:
    return context.selected_asset_keys == set(context.assets_def.keys)


def _build_some(
    context: dg.AssetExecutionContext, dbt: DbtCliResource
) -> Iterator[dg.MaterializeResult]:
    # The engine lives in memory, so a model that somebody picked by hand needs all before it.
    picked = sorted(key.path[-1] for key in context.selected_asset_keys)
    dbt.cli([*_BUILD, "--select", *(f"+{name}" for name in picked)], manifest=MANIFEST).wait()
    for name in picked:
        yield dg.MaterializeResult(asset_key=name)
