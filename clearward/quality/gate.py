"""Run the suites of one border over Parquet files and write the report. How a suite is written is
in `suites`, what a report says in `report`; no rule about data is written here.

Tables are views over the files in one in-memory DuckDB per gate, so checks are pushed down and no
table is loaded: `measure` counts, Great Expectations judges the counts (`expectations`). Great
Expectations takes seconds to import: only `run_gate` does.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from clearward.errors import ConfigError
from clearward.quality.docs import write_site
from clearward.quality.measure import Metric, measure
from clearward.quality.report import (
    DOCS_NAME,
    HAS_ROWS,
    REPORT_NAME,
    Check,
    GateReport,
    State,
    judge_file,
    save_report,
)
from clearward.quality.suites import Suite, load_suite
from clearward.settings import Settings
from clearward.warehouse import check_name, engine, read_parquet_sql

if TYPE_CHECKING:
    from clearward.quality.expectations import Verdict


def run_gate(
    settings: Settings,
    *,
    gate: str,
    suites: Mapping[str, Path],
    tables: Mapping[str, Sequence[Path]],
    report_dir: Path,
    history: Mapping[str, Sequence[Path]] | None = None,
    k: int = 1,
) -> GateReport:
    """Judge each table's files by its suite; write ``gate.json`` and Data Docs to ``report_dir``.

    Args:
        settings, gate: limits of the engine; name, such as ``raw`` or ``release``.
        suites, tables: suite file, and files to judge, per table; no file means no rows.
        report_dir: folder of the report; an older report in it is removed first.
        history: files per table that show whether a table that must have rows has any in its
            current state (latest version of each row, not deleted); default: ``tables``.
        k: counts from 1 to k - 1 are masked in the Data Docs, never in the report.

    Raises ConfigError for a table without a suite or a broken suite. A red or broken gate is a
    report, not an exception: see `report.check_green`.
    """
    loaded = _load(suites, tables)
    _clear(report_dir)
    rows: dict[str, int | None] = {}
    filled: dict[str, Check] = {}
    metrics: list[Metric] = []
    with engine(settings) as connection:
        for name, suite in loaded.items():
            rows[name] = _open(connection, name, suite, tables)
        for name, suite in loaded.items():
            if suite.must_have_rows:
                filled[name] = _has_rows(connection, name, (history or tables).get(name, ()))
            if rows[name] is not None:
                metrics += measure(connection, name, suite)
    verdict = _judge(gate, metrics)
    counted = {(metric.table, metric.check): metric for metric in metrics}
    checks: list[Check] = []
    for name, suite in loaded.items():
        checks += [filled[name]] if name in filled else []
        checks += _checks(name, suite, rows[name], counted, verdict)
    write_site(report_dir / DOCS_NAME, gate, loaded, checks, verdict.page, k=k)
    report = GateReport(
        gate=gate,
        checks=tuple(checks),
        files=tuple(judge_file(name, path) for name in loaded for path in tables.get(name, ())),
        required=tuple(filled),
    )
    save_report(report, report_dir)
    return report


def _load(suites: Mapping[str, Path], tables: Mapping[str, Sequence[Path]]) -> dict[str, Suite]:
    unjudged = sorted(set(tables) - set(suites))
    if unjudged or not suites:
        raise ConfigError(
            "A gate would let tables through that no suite judges.",
            seen=f"no suite for {', '.join(unjudged) or 'anything'}",
            do="write a suite in expectations/ for each table",
        )
    return {check_name(name): load_suite(path) for name, path in sorted(suites.items())}


def _clear(report_dir: Path) -> None:
    (report_dir / REPORT_NAME).unlink(missing_ok=True)
    shutil.rmtree(report_dir / DOCS_NAME, ignore_errors=True)


def _open(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    suite: Suite,
    tables: Mapping[str, Sequence[Path]],
) -> int | None:
    """Make the table's view; rows to judge, or None when there is no file."""
    paths = tables.get(name, ())
    if not paths:
        return None
    where = f" WHERE {suite.where}" if suite.where else ""
    query = f"SELECT * FROM {read_parquet_sql(list(paths))}{where}"
    connection.execute(f"CREATE VIEW {name} AS {query}")
    return _count(connection, name)


def _count(connection: duckdb.DuckDBPyConnection, source: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {source}").fetchone()
    return int(row[0]) if row else 0


def _has_rows(connection: duckdb.DuckDBPyConnection, name: str, files: Sequence[Path]) -> Check:
    rows = 0
    if files:
        source = read_parquet_sql(list(files))
        described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
        if "op" in {str(column[0]) for column in described}:
            latest = "QUALIFY row_number() OVER (PARTITION BY row_key ORDER BY month DESC) = 1"
            source = f"(SELECT op FROM (SELECT op FROM {source} {latest}) WHERE op <> 'D')"
        rows = _count(connection, source)
    state = State.PASS if rows else State.FAIL
    return Check(name, HAS_ROWS, "current_state_rows", state, rows, 0, kahn="completeness")


def _judge(gate: str, metrics: Sequence[Metric]) -> Verdict:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read by the library while it is imported
    from clearward.quality.expectations import judge  # noqa: PLC0415 - seconds to import

    return judge(gate, metrics)


def _checks(
    name: str,
    suite: Suite,
    rows: int | None,
    counted: Mapping[tuple[str, str], Metric],
    verdict: Verdict,
) -> list[Check]:
    """The suite's checks, each with its verdict; a table without file has judged nothing."""
    checks = []
    for expectation in suite.expectations:
        check = expectation["meta"]["check"]
        metric = counted.get((name, check))
        state = State.VACUOUS if rows is None else _state(metric, rows, verdict)
        mostly = float(expectation["kwargs"].get("mostly", 1.0))
        kahn = expectation["meta"].get("kahn", "")
        failed = metric.failed if metric else 0
        checks.append(
            Check(name, check, expectation["type"], state, rows or 0, failed, mostly, kahn)
        )
    return checks


def _state(metric: Metric | None, rows: int, verdict: Verdict) -> State:
    if metric is None or metric.name in verdict.raised:
        return State.ERROR
    if metric.name in verdict.failed:
        return State.FAIL
    return State.PASS if rows else State.VACUOUS
