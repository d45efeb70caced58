"""Small Parquet tables and suites for gates."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from clearward.quality.gate import run_gate
from clearward.quality.report import GateReport
from clearward.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "home", "", "", tmp_path / "keys")


@pytest.fixture
def parquet(tmp_path: Path) -> Callable[[str, str], Path]:
    def _write(name: str, select: str) -> Path:
        path = tmp_path / f"{name}.parquet"
        duckdb.sql(f"COPY ({select}) TO '{path}' (FORMAT parquet)")
        return path

    return _write


@pytest.fixture
def suite(tmp_path: Path) -> Callable[..., Path]:
    def _write(name: str, *expectations: dict[str, Any], **meta: Any) -> Path:
        named = [
            {"meta": {"check": f"check_{i}", "kahn": "conformance"}, **expectation}
            for i, expectation in enumerate(expectations)
        ]
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps({"name": name, "meta": meta, "expectations": named}))
        return path

    return _write


@pytest.fixture
def gate(settings: Settings, tmp_path: Path) -> Callable[..., GateReport]:
    def _run(suites: dict[str, Path], tables: dict[str, list[Path]], **more: Any) -> GateReport:
        folder = tmp_path / "report"
        return run_gate(
            settings, gate="test", suites=suites, tables=tables, report_dir=folder, **more
        )

    return _run
