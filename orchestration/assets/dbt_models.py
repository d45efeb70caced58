"""dbt models as assets, one month of all hospitals per invocation."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, dbt_assets
from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage

from clearward.marts import DBT_PROJECT, MANIFEST, DbtRun, dbt_run
from orchestration.dbt_inside import DbtInside
from orchestration.partitions import ZONE, all_hospitals, months, one_month_at_a_time
from orchestration.resources import Clearward, refusals

# Unit tests judge the code, not the month: `make test` runs them.
_BUILD = ("--exclude-resource-type", "unit_test")
_COMMENT = re.compile(r"\{#-?\s*(.+?)\s*-?#\}", re.DOTALL)
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

    def get_tags(self, dbt_resource_props: Mapping[str, Any]) -> Mapping[str, str]:
        """The zone: marts are product, what leads to them is de-identified."""
        zone = "product" if "marts" in dbt_resource_props["fqn"] else "deidentified"
        return {**super().get_tags(dbt_resource_props), ZONE: zone}

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> Sequence[str]:
        """Teams, as everywhere in this graph: marts are the products', the rest engineering's."""
        is_mart = "marts" in dbt_resource_props["fqn"]
        return ["team:data-products" if is_mart else "team:data-engineering"]

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """Its own description, or the comment its SQL opens with; the SQL is among the metadata."""
        told = str(dbt_resource_props.get("description") or "")
        comment = _COMMENT.search(dbt_resource_props.get("raw_code") or "")
        return told or (" ".join(comment[1].split()) if comment else "")

    def get_metadata(self, dbt_resource_props: Mapping[str, Any]) -> Mapping[str, Any]:
        """The model's SQL, and where dbt's own documentation of it stands after ``make docs``."""
        page = DBT_PROJECT / "target" / "static_index.html"
        node = dbt_resource_props["unique_id"]
        kind = dbt_resource_props["resource_type"]
        told = dict(super().get_metadata(dbt_resource_props))
        # The engine lives in memory; a model's rows are in its partition's Parquet file.
        told.pop("dagster/table_name", None)
        if code := dbt_resource_props.get("raw_code"):
            told["sql"] = dg.MetadataValue.md(f"```sql\n{code}\n```")
        return {
            **told,
            "dbt_docs": dg.MetadataValue.path(f"{page}#!/{kind}/{node}"),
        }

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
        context: dg.AssetExecutionContext, dbt: DbtInside, clearward: Clearward
    ) -> Iterator[Any]:
        with refusals(), dbt_run(clearward.settings, month=context.partition_key) as run:
            for event in dbt.build([*_BUILD, *_selected(context)], output=run.output):
                yield from _as_events(event, context, run)

    return dbt_models


def _selected(context: dg.AssetExecutionContext) -> list[str]:
    """Everything; or, since the engine lives in memory, what somebody picked and all before it."""
    picked = context.selected_asset_keys
    if not context.is_subset or picked == set(context.assets_def.keys):
        return []
    return ["--select", *(f"+{key.path[-1]}" for key in sorted(picked))]


def _as_events(
    event: dict[str, Any], context: dg.AssetExecutionContext, run: DbtRun
) -> Iterator[Any]:
    """dagster-dbt's reading of a dbt event, for what was picked; row counts from the files."""
    message = DbtCoreCliEventMessage(raw_event=event, event_history_metadata={})
    picked = context.selected_asset_keys
    outputs = {key.to_python_identifier() for key in picked}
    for made in message.to_default_asset_events(_manifest(), TRANSLATOR, context):
        if not isinstance(made, dg.Output):
            yield from [made] if made.asset_key in picked else []
        elif made.output_name in outputs:
            rows = run.rows(event["data"]["node_info"]["node_name"])
            counted = {} if rows is None else {"dagster/row_count": rows}
            yield made.with_metadata({**made.metadata, **counted})


@cache
def _manifest() -> Mapping[str, Any]:
    manifest: Mapping[str, Any] = json.loads(MANIFEST.read_text(encoding="utf-8"))
    return manifest
