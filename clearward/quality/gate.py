"""Run the suites of one border over Parquet files and write the report. How a suite is written is
in `suites`, what a report says in `report`; no rule about data is written here.

Tables are views over the files in one in-memory DuckDB per gate, so checks are pushed down and no
table is loaded. Great Expectations takes seconds to import: only `run_gate` does.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clearward.errors import ConfigError
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
from clearward.warehouse import check_name, read_parquet_sql, sql_path

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from clearward.quality.expectations import Runner


def run_gate(
    settings: Settings,
    *,
    gate: str,
    suites: Mapping[str, Path],
    tables: Mapping[str, Sequence[Path]],
    report_dir: Path,
    history: Mapping[str, Sequence[Path]] | None = None,
) -> GateReport:
    """Judge each table's files by its suite; write ``gate.json`` and Data Docs to ``report_dir``.

    Args:
        settings: limits of the engine.
        gate: name of the gate, such as ``raw`` or ``release``.
        suites: suite file per table.
        tables: files to judge per table; a table without files has no rows.
        report_dir: folder of the report; an older report in it is removed first.
        history: files per table that show whether a table that must have rows has any in its
            current state (latest version of each row, not deleted); default: ``tables``.

    Raises ConfigError for a table without a suite or a broken suite. A red or broken gate is a
    report, not an exception: see `report.check_green`.
    """
    loaded = _load(suites, tables)
    _clear(report_dir)
    with _database(settings) as (connection, url):
        judged = {name: _open(connection, name, suite, tables) for name, suite in loaded.items()}
        runner = _runner(url)
        checks: list[Check] = []
        for name, suite in loaded.items():
            files = (history or tables).get(name, ())
            checks += _has_rows(connection, name, suite, files)
            checks += _judge(runner, name, suite, judged[name])
        runner.write_docs(report_dir / DOCS_NAME)
    report = GateReport(
        gate=gate,
        checks=tuple(checks),
        files=tuple(judge_file(name, path) for name in loaded for path in tables.get(name, ())),
        required=tuple(name for name, suite in loaded.items() if suite.must_have_rows),
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


@contextmanager
def _database(settings: Settings) -> Iterator[tuple[Connection, str]]:
    """An in-memory DuckDB that Great Expectations can open beside us, by its URL.

    Limits are set by SQL: two connections to one database must have the same start-up options.
    """
    import sqlalchemy  # noqa: PLC0415 - only gates need it here

    spill = settings.home / "spill" / uuid.uuid4().hex
    spill.mkdir(parents=True)
    url = f"duckdb:///:memory:gate_{uuid.uuid4().hex}"
    engine = sqlalchemy.create_engine(url)
    try:
        with engine.connect() as connection:
            for setting, value in _limits(settings, spill).items():
                connection.exec_driver_sql(f"SET {setting} = '{value}'")
            connection.commit()
            yield connection, url
    finally:
        engine.dispose()
        shutil.rmtree(spill, ignore_errors=True)


def _limits(settings: Settings, spill: Path) -> dict[str, str]:
    return {
        "threads": str(settings.threads),
        "memory_limit": settings.memory_limit,
        "temp_directory": sql_path(spill),
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "TimeZone": "UTC",
    }


def _open(
    connection: Connection, name: str, suite: Suite, tables: Mapping[str, Sequence[Path]]
) -> int | None:
    """Make the table's view; rows to judge, or None when there is no file or it cannot be read."""
    paths = tables.get(name, ())
    if not paths:
        return None
    where = f" WHERE {suite.where}" if suite.where else ""
    query = f"SELECT * FROM {read_parquet_sql(list(paths))}{where}"
    connection.exec_driver_sql(f"CREATE VIEW {name} AS {query}")
    connection.commit()
    return _count(connection, name)


def _count(connection: Connection, source: str) -> int:
    return int(connection.exec_driver_sql(f"SELECT count(*) FROM {source}").scalar_one())


def _has_rows(
    connection: Connection, name: str, suite: Suite, files: Sequence[Path]
) -> list[Check]:
    if not suite.must_have_rows:
        return []
    rows = 0
    if files:
        source = read_parquet_sql(list(files))
        columns = list(connection.exec_driver_sql(f"SELECT * FROM {source} LIMIT 0").keys())
        if "op" in columns:
            latest = "QUALIFY row_number() OVER (PARTITION BY row_key ORDER BY month DESC) = 1"
            source = f"(SELECT op FROM (SELECT op FROM {source} {latest}) WHERE op <> 'D')"
        rows = _count(connection, source)
    state = State.PASS if rows else State.FAIL
    return [Check(name, HAS_ROWS, "current_state_rows", state, rows, 0, kahn="completeness")]


def _runner(url: str) -> Runner:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read by the library while it is imported
    from clearward.quality.expectations import Runner  # noqa: PLC0415 - seconds to import

    return Runner(url)


def _judge(runner: Runner, name: str, suite: Suite, rows: int | None) -> list[Check]:
    outcomes: Mapping[str, Any] = runner.run(name, suite) if rows is not None else {}
    checks = []
    for expectation in suite.expectations:
        check = expectation["meta"]["check"]
        state, failed = outcomes.get(check, (State.PASS if rows is None else State.ERROR, 0))
        if state is State.PASS and not rows:
            state = State.VACUOUS
        mostly = float(expectation["kwargs"].get("mostly", 1.0))
        kahn = expectation["meta"].get("kahn", "")
        checks.append(
            Check(name, check, expectation["type"], state, rows or 0, failed, mostly, kahn)
        )
    return checks
