"""Runs the real dbt project on a fabricated de-identified zone, as orchestration does: one process
per month, folders made first from the manifest.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.dbt.story import JUNE, MAY, tell

PROJECT = Path(__file__).parents[2] / "dbt_project"
Rows = list[dict[str, Any]]


def partition_models(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """Models that write a file."""
    nodes = manifest["nodes"].values()
    return [n for n in nodes if n["config"].get("materialized") == "partition"]


class Dbt:
    """The project with a target folder of its own, so that tests leave nothing behind."""

    def __init__(self, target: Path, bytecode: Path) -> None:
        self.target = target
        self.bytecode = bytecode
        if not (target / "manifest.json").exists():
            self.run(["parse"], {}).check_returncode()
        self.manifest: dict[str, Any] = json.loads((target / "manifest.json").read_text())

    def in_target(self, target: Path) -> Dbt:
        """The same parsed project in another folder: runs side by side must not share one."""
        shutil.copytree(self.target, target)
        return Dbt(target, self.bytecode)

    def start(self, arguments: list[str], environment: dict[str, str]) -> subprocess.Popen[str]:
        """Start dbt in a process of its own."""
        program = Path(sys.executable).with_name("dbt")
        command = [str(program), "--no-use-colors", *arguments, "--profiles-dir", ".",
                   "--target-path", str(self.target), "--log-path", str(self.target)]  # fmt: skip
        # dbt starts many times here: its modules are compiled once, whatever the shell says
        once = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(self.bytecode)}
        return subprocess.Popen(
            command, cwd=PROJECT, env={**os.environ, **once, **environment},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def run(
        self, arguments: list[str], environment: dict[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Run dbt to its end; the output is in `stdout`."""
        process = self.start(arguments, environment)
        output, _ = process.communicate()
        return subprocess.CompletedProcess(arguments, process.returncode, output)

    def prepare(self, warehouse: Path, month: str, output: Path | None = None) -> dict[str, str]:
        """Make the folders of a month; returns the environment of the run."""
        root = output or warehouse
        for model in partition_models(self.manifest):
            zone = model["config"]["meta"]["zone"]
            (root / zone / model["name"] / f"month={month}").mkdir(parents=True, exist_ok=True)
        chosen = {"CLEARWARD_WAREHOUSE": str(warehouse), "CLEARWARD_MONTH": month}
        return chosen | ({"CLEARWARD_OUTPUT": str(output)} if output else {})

    def build(self, warehouse: Path, month: str, output: Path | None = None, *more: str) -> None:
        """Build and test one month; fails with dbt's own words."""
        done = self.run(["build", *more], self.prepare(warehouse, month, output))
        assert done.returncode == 0, done.stdout[-6000:]


@pytest.fixture(scope="session")
def dbt(tmp_path_factory: pytest.TempPathFactory) -> Dbt:
    """The parsed project."""
    return Dbt(tmp_path_factory.mktemp("target"), tmp_path_factory.mktemp("bytecode"))


@pytest.fixture(scope="session")
def two_months(dbt: Dbt, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The warehouse after May, with all unit tests, and June, as the door builds a month."""
    root = tmp_path_factory.mktemp("warehouse")
    tell(root)
    dbt.build(root, MAY)
    dbt.build(root, JUNE, None, "--selector", "monthly")
    return root


@pytest.fixture(scope="session")
def read(two_months: Path) -> Callable[..., Rows]:
    """Reads a product table of a month."""

    def rows(table: str, month: str, root: Path = two_months, zone: str = "product") -> Rows:
        path = root / zone / table / f"month={month}" / "part.parquet"
        found = duckdb.execute(
            "select * from read_parquet(?, hive_partitioning = false)", [str(path)]
        )
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    return rows


def copy_zone(source: Path, target: Path, *zones: str) -> Path:
    """Copy zones of a warehouse."""
    for zone in zones:
        shutil.copytree(source / zone, target / zone)
    return target
