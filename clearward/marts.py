"""Running dbt on one month: its environment, its folders, and the promotion of what it wrote.

What the models compute is in `dbt_project/`; who starts dbt is a door's business.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pyarrow.parquet as pq

from clearward.deidentify.door import write_schemas
from clearward.errors import ConfigError
from clearward.settings import Settings
from clearward.warehouse import Warehouse, promote

DBT_PROJECT = Path(__file__).parents[1] / "dbt_project"
MANIFEST = DBT_PROJECT / "target" / "manifest.json"


@dataclass(frozen=True)
class DbtRun:
    """One build on its way.

    Attributes:
        output: folder dbt writes to.
        month: YYYY-MM.
        zones: zone by name of every model that writes Parquet.
    """

    output: Path
    month: str
    zones: Mapping[str, str]

    def rows(self, model: str) -> int | None:
        """Rows of the file a finished model has written, from its footer; None without a file."""
        if model not in self.zones:
            return None
        path = Warehouse(self.output).partition(self.zones[model], model, month=self.month)
        return int(pq.read_metadata(path).num_rows) if path.exists() else None


@contextmanager
def dbt_run(settings: Settings, *, month: str) -> Iterator[DbtRun]:
    """Environment and folder for one ``dbt build`` of a month.

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
        yield DbtRun(staging, month, {model: zone for zone, model in partition_models()})
        _promote(staging, Warehouse(settings.warehouse), month)
    finally:
        _restore(before)
        shutil.rmtree(staging, ignore_errors=True)


def partition_models() -> list[tuple[str, str]]:
    """(zone, model) of every model that writes Parquet, from dbt's manifest."""
    if not MANIFEST.exists():
        raise ConfigError("dbt's manifest is missing.", do="run `make manifest`")
    return list(_partition_models(MANIFEST.stat().st_mtime_ns))


@cache
def _partition_models(_: int) -> tuple[tuple[str, str], ...]:
    """Read once for as long as the file is the same: it is large and asked for several times."""
    nodes = json.loads(MANIFEST.read_text(encoding="utf-8"))["nodes"].values()
    models = [n for n in nodes if n["config"].get("materialized") == "partition"]
    return tuple(sorted((str(n["config"]["meta"]["zone"]), str(n["name"])) for n in models))


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
