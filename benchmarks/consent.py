"""Consent of a large hospital: decide over the events, gate the facts, read the ledger.

    python -m benchmarks.consent [--events 5000000] [--facts 20000000] [--ledger 200000]

The peer is what must at least be done with the same events: DuckDB reads them from Parquet and
groups them by patient and purpose; for the facts, a count over the same file. Four files of events:
plain; 1 in 20 names kinds of data; under Chinese law, so that every permit names recipients; every
event of a record with versions, 1 in 20 with a second one. The limit is that of plain and Chinese.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time

import duckdb
from rich.console import Console
from rich.table import Table

from clearward.consent.model import EVENT_SCHEMA, MAY_LACK, event_key_sql
from clearward.consent.policies import decide
from clearward.consent.registry import load_events, read_events, verify_ledger
from clearward.consent.snapshot import snapshot_events
from clearward.settings import load_settings
from clearward.state.base import state_engine
from clearward.state.migrate import migrate

AS_OF = "2024-06-30T23:59:59Z"
LIMIT = 3.0
# Name of a file of events -> what is said of it, and what differs from the plain one.
FILES = {
    "plain": ("", ""),
    "detailed": (
        ", 1 in 20 names kinds of data",
        "if(n % 20 = 0, 'notes structured', '') AS categories",
    ),
    "chinese": (
        ", every permit names recipients",
        "CASE WHEN decision <> 'permit' THEN '' WHEN purpose = 'research' THEN"
        " 'research_institution' WHEN purpose = 'general_admission' THEN"
        " 'health_provider;public_body' WHEN n % 10 = 0 THEN 'company;research_institution'"
        " ELSE 'company' END AS recipients, 'cn' AS jurisdiction",
    ),
    "records": (
        ", all of records, 1 in 20 with two versions",
        "left(md5((n % {events})::VARCHAR), 20) AS record_key,"
        " if(n < {events}, '1', '2') AS record_version, event_key AS record_sha256",
    ),
}
LIMITED = ("plain", "chinese")
PURPOSE = "['commercial_licensing', 'research', 'ai_training', 'general_admission'][1 + i % 4]"
DECISION = (
    "if(i % 40 = 7, 'everything', p) AS purpose,"
    " CASE WHEN i % 40 = 7 OR i % 25 = 3 THEN 'withdraw' WHEN i % 10 = 1 THEN 'deny'"
    " ELSE 'permit' END"
)


def main() -> int:
    """Measure, print the table; exit code 1 when a limited decision and gate exceed 3 s."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--facts", type=int, default=20_000_000)
    parser.add_argument("--ledger", type=int, default=200_000)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="clearward-bench-"))
    try:
        return _measure(folder, options.events, options.facts, ledger=options.ledger)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _measure(folder: Path, events: int, facts: int, *, ledger: int) -> int:
    _make(folder, events, facts)
    table = Table(title="Consent", title_justify="left")
    for name in ("measure", "value"):
        table.add_column(name)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}"
    table.add_row("machine", f"{machine}, load {os.getloadavg()[0]:.0f}")
    table.add_row("data", f"{events:,} events, {facts:,} facts, {events // 2:,} patients")
    seconds = {name: _decide(folder, table, name) for name in FILES}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    table.add_row("peak memory", f"{peak:.2f} GB")
    _ledger(folder, table, ledger)
    Console().print(table)
    return int(any(seconds[name] > LIMIT for name in LIMITED))


def _make(folder: Path, events: int, facts: int) -> None:
    """Two events a patient; 1 in 40 a withdrawal of everything."""
    patients = events // 2
    optional = ", ".join(f"'' AS {name}" for name in EVENT_SCHEMA.names if name in MAY_LACK)
    query = f"""
            SELECT i AS n, md5((i + 7)::VARCHAR) || md5(i::VARCHAR) AS event_key,
                   'big' AS hospital_id,
                   left(md5((i % {patients})::VARCHAR), 20) AS patient_key,
                   {DECISION} AS decision,
                   strftime(TIMESTAMP '2020-01-01' + INTERVAL (i * 7919 % 1600) DAY,
                            '%Y-%m-%dT%H:%M:%SZ') AS decided_at, decided_at AS valid_from,
                   if(i % 9 = 0, '2025-12-31T23:59:59Z', NULL) AS valid_until, 'v3' AS text_version,
                   repeat('a', 64) AS text_sha256, md5(i::VARCHAR) || md5(i::VARCHAR)
                   AS evidence_sha256, 'en' AS language, i % 50 = 0 AS guardian, '2024-06' AS month,
                   'f00000000000' AS file_id, {optional}
            FROM (SELECT i, {PURPOSE} AS p FROM range({events}) t(i))"""
    duckdb.sql(f"CREATE TEMP TABLE made AS {query}")
    twice = f"FROM made UNION ALL SELECT * REPLACE (n + {events} AS n) FROM made WHERE n % 20 = 0"
    for name, (_, changes) in FILES.items():
        rows = f"({twice})" if name == "records" else "made"
        replaced = f"REPLACE ({changes.format(events=events)})" if changes else ""
        duckdb.sql(
            f"COPY (SELECT * EXCLUDE (n) FROM (SELECT * {replaced} FROM {rows}))"
            f" TO '{folder}/{name}.parquet' (FORMAT parquet, COMPRESSION zstd)"
        )
    duckdb.sql("DROP TABLE made")
    born = "DATE '1940-01-01' + INTERVAL (i * 37 % 29000) DAY"
    duckdb.sql(
        f"COPY (SELECT left(md5(i::VARCHAR), 20) AS patient_key, strftime({born}, '%Y-%m-%d')"
        f" AS born_on, NULL::VARCHAR AS died_on FROM range({patients}) t(i))"
        f" TO '{folder}/people.parquet'"
    )
    duckdb.sql(
        f"COPY (SELECT left(md5((i * 31 % {patients})::VARCHAR), 20) AS patient_key, i AS value"
        f" FROM range({facts}) t(i)) TO '{folder}/facts.parquet'"
    )


def _timed(action: Callable[[], object]) -> float:
    return _measured(action)[0]


def _measured(action: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock and of the processor: on a busy machine the first say little."""
    start, worked = perf_counter(), process_time()
    action()
    return perf_counter() - start, process_time() - worked


def _decide(folder: Path, table: Table, name: str) -> float:
    said = FILES[name][0]
    with duckdb.connect(config={"threads": 2}) as connection:
        events = f"'{folder}/{name}.parquet'"
        peer, peer_cpu = _measured(
            lambda: connection.execute(
                "CREATE OR REPLACE TEMP TABLE peer AS SELECT patient_key, purpose, count(*),"
                f" max(decided_at) FROM {events} GROUP BY ALL"
            )
        )
        connection.execute("DROP TABLE peer")
        decision, decision_cpu = _measured(
            lambda: decide(
                connection,
                connection.sql(f"FROM {events}"),
                as_of=AS_OF,
                people=connection.sql(f"FROM '{folder}/people.parquet'"),
            )
        )
        _, counting_cpu = _measured(
            lambda: connection.execute(
                f"SELECT count(DISTINCT patient_key) FROM '{folder}/facts.parquet'"
            ).fetchall()
        )
        gate, gate_cpu = _measured(
            lambda: connection.execute(
                f"SELECT count(*) FROM '{folder}/facts.parquet' SEMI JOIN (FROM consent_state WHERE"
                " purpose = 'commercial_licensing' AND state = 'permitted') USING (patient_key)"
            ).fetchall()
        )
    table.add_row(
        f"decide{said}",
        f"{decision_cpu:.2f} CPU s ({decision:.2f} s), {decision_cpu / peer_cpu:.1f} x scan and"
        f" group-by ({peer_cpu:.2f} CPU s, {peer:.2f} s)",
    )
    table.add_row(
        f"gate the facts{said}",
        f"{gate_cpu:.2f} CPU s ({gate:.2f} s), {gate_cpu / counting_cpu:.1f} x distinct count",
    )
    table.add_row(
        f"both{said}",
        f"{decision_cpu + gate_cpu:.2f} CPU s, {decision + gate:.2f} s "
        f"{f' (limit {LIMIT:.0f} s)' if name in LIMITED else ''}",
    )
    return decision + gate


def _ledger(folder: Path, table: Table, rows: int) -> None:
    settings = load_settings({"CLEARWARD_HOME": str(folder / "home")})
    read = f"SELECT * REPLACE ({event_key_sql()} AS event_key) FROM '{folder}/plain.parquet'"
    events = duckdb.sql(f"{read} LIMIT {rows}").to_arrow_table().cast(EVENT_SCHEMA)
    urls = {"SQLite": settings.database, "PostgreSQL": os.environ.get("CLEARWARD_TEST_POSTGRES")}
    for name, url in urls.items():
        if not url:
            continue
        engine = state_engine(url)
        migrate(engine)
        steps: dict[str, Callable[[], object]] = {
            "add": lambda engine=engine: load_events(engine, events),
            "read through SQL": lambda engine=engine: read_events(engine, "big", month="2024-06"),
            "snapshot, first": lambda engine=engine: snapshot_events(
                settings, engine, hospital="big", month="2024-06"
            ),
            "snapshot, again": lambda engine=engine: snapshot_events(
                settings, engine, hospital="big", month="2024-06"
            ),
            "verify": lambda engine=engine: verify_ledger(engine),
        }
        for step, action in steps.items():
            seconds = _timed(action)
            table.add_row(f"{name}: {step} {rows:,}", f"{seconds:.2f} s, {rows / seconds:,.0f}/s")


if __name__ == "__main__":
    sys.exit(main())
