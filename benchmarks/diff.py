"""Comparing two releases of a large table: counts per column, and the change feed.

    python -m benchmarks.diff [--rows 5000000]

The peer is a bare DuckDB full join on the key that counts inserted, deleted and updated rows, as
anybody would write it. Two versions of made-up rows: 1 % new, 0.1 % gone, 0.1 % updated.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import duckdb

from clearward.releases.changes import diff_tables
from clearward.releases.feed import write_feed
from clearward.settings import Settings, load_settings
from clearward.warehouse import engine, read_parquet_sql

COLUMNS = """i AS row_key, md5((i // 40)::VARCHAR)[1:20] AS patient_key, 'H01' AS hospital_id,
    (i % 3000)::INTEGER AS day, 'LA' || (i % 500) AS code, (i % 997) / 10.0::DOUBLE AS value,
    ['mg', 'g', NULL][1 + i % 3] AS unit"""


def main() -> int:
    """Run all, print ratios; exit code 1 when a diff takes more than 3 CPU seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory(prefix="clearward-diff-") as name:
        folder = Path(name)
        settings = load_settings({"CLEARWARD_HOME": str(folder / "home")})
        old, new = _make(folder, rows)
        print(f"{platform.platform()}, {os.cpu_count()} cores; {rows:,} rows x 7 columns")
        bare = _best(lambda: _bare(settings, old, new))
        mine = _best(lambda: _diff(settings, old, new))
        feed = _best(lambda: _feed(settings, old, new, folder))
    for what, (seconds, cpu) in {"bare join": bare, "diff": mine, "feed": feed}.items():
        print(f"{what:10} {seconds:6.2f} s  {cpu:6.2f} CPU s  {cpu / bare[1]:5.2f} x bare's CPU")
    # CPU seconds of all threads: a busy machine stretches only the clock
    is_met = mine[1] <= 3
    print(f"diff of two {rows:,}-row releases <= 3 CPU s: {'yes' if is_met else 'NO'}")
    return 0 if is_met else 1


def _make(folder: Path, rows: int) -> tuple[Path, Path]:
    paths = folder / "old.parquet", folder / "new.parquet"
    replaced = "if(i % 1000 = 7, value + 1, value) AS value"
    changed = f"SELECT * EXCLUDE (i) REPLACE ({replaced}) FROM ({{}})"
    source = "(SELECT {columns}, i FROM range({low}, {high}) t(i))"
    first = source.format(columns=COLUMNS, low=0, high=rows)
    last = source.format(columns=COLUMNS, low=rows // 1000, high=rows + rows // 100)
    with duckdb.connect() as connection:
        key = "md5(row_key::VARCHAR)[1:20] AS row_key"
        for path, query in zip(
            paths, (f"SELECT * EXCLUDE (i) FROM {first}", changed.format(last)), strict=True
        ):
            connection.execute(
                f"COPY (SELECT * REPLACE ({key}) FROM ({query}) ORDER BY 1) TO '{path}'"
                " (FORMAT parquet, COMPRESSION zstd)"
            )
    return paths


def _bare(settings: Settings, old: Path, new: Path) -> None:
    names = ("patient_key", "hospital_id", "day", "code", "value", "unit")
    differs = " OR ".join(f"o.{n} IS DISTINCT FROM n.{n}" for n in names)
    with engine(settings) as connection:
        connection.execute(f"""SELECT count(*) FILTER (o.row_key IS NULL),
            count(*) FILTER (n.row_key IS NULL),
            count(*) FILTER (o.row_key = n.row_key AND ({differs}))
            FROM {read_parquet_sql([old])} o FULL JOIN {read_parquet_sql([new])} n
            ON o.row_key = n.row_key""").fetchone()


def _diff(settings: Settings, old: Path, new: Path) -> None:
    [found] = diff_tables(settings, {"t": old}, {"t": new}, keys={"t": ("row_key",)})
    assert found.inserted and found.deleted and found.updated == found.columns["value"], found


def _feed(settings: Settings, old: Path, new: Path, folder: Path) -> None:
    out = folder / "feed.parquet"
    write_feed([old], [new], key=["row_key"], out=out, commit_version=1, settings=settings)


def _best(work: Callable[[], None], *, tries: int = 3) -> tuple[float, float]:
    """Seconds and CPU seconds of the quickest of some tries."""
    found = []
    for _ in range(tries):
        start, cpu = perf_counter(), os.times()
        work()
        now = os.times()
        found.append((perf_counter() - start, now.user + now.system - cpu.user - cpu.system))
    return min(found)


if __name__ == "__main__":
    raise SystemExit(main())
