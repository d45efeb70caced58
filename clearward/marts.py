"""Running dbt on one month: its environment, its folders, and the promotion of what it wrote.

What the models compute is in `dbt_project/`; who starts dbt is a door's business.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clearward.deidentify.door import write_schemas
from clearward.errors import ConfigError
from clearward.settings import Settings
from clearward.warehouse import Warehouse, promote

DBT_PROJECT = Path(__file__).parents[1] / "dbt_project"
MANIFEST = DBT_PROJECT / "target" / "manifest.json"


@contextmanager
def dbt_run(settings: Settings, *, month: str) -> Iterator[dict[str, str]]:
    """Environment for one ``dbt build`` of a month.

    dbt writes into a folder of its own; only when the block ends without an error do its files
    replace the month's partitions, so that a killed or failed build leaves the old ones whole.
    """
    write_schemas(settings)  # so that a format no hospital uses yet is an empty table, not an error
    staging = settings.home / "staging" / f"dbt-{month}-{os.getpid()}"
    environment = {
        "CLEARWARD_WAREHOUSE": str(settings.warehouse),
        "CLEARWARD_OUTPUT": str(staging),
        "CLEARWARD_MONTH": month,
    }
    for zone, model in partition_models():
        Warehouse(staging).partition(zone, model, month=month).parent.mkdir(parents=True)
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        yield environment
        _promote(staging, Warehouse(settings.warehouse), month)
    finally:
        _restore(before)
        shutil.rmtree(staging, ignore_errors=True)


def partition_models() -> list[tuple[str, str]]:
    """(zone, model) of every model that writes Parquet, from dbt's manifest."""
    if not MANIFEST.exists():
        raise ConfigError("dbt's manifest is missing.", do="run `make manifest`")
    nodes = json.loads(MANIFEST.read_text(encoding="utf-8"))["nodes"].values()
    models = [n for n in nodes if n["config"].get("materialized") == "partition"]
    return sorted((str(n["config"]["meta"]["zone"]), str(n["name"])) for n in models)


def _promote(staging: Path, warehouse: Warehouse, month: str) -> None:
    for zone, model in partition_models():
        made = Warehouse(staging).partition(zone, model, month=month)
        if made.exists():  # a run of chosen models makes only those
            target = warehouse.partition(zone, model, month=month)
            target.parent.mkdir(parents=True, exist_ok=True)
            promote(made, target)


def _restore(before: dict[str, str | None]) -> None:
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
