"""The verifier's k, l and t on a large table, as a ratio to one DuckDB group-by of its columns.

    python -m benchmarks.risk [--rows 10000000] [--data FOLDER] [--keep FILE]

The data is UCI Adult (``privacy/adult`` of CLEARWARD_DATA) drawn with replacement, every value
replaced with a chance of 15 % by one drawn from its own column, so that the number of distinct
combinations grows with the rows. The peer counts the classes once, straight from the same file;
that is the least that any measure of k must do.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from clearward.risk.attacks import infer
from clearward.risk.cells import count_cells
from clearward.risk.population import pitman_uniques
from clearward.risk.prosecutor import risk_of_sizes
from clearward.risk.sensitive import measure_diversity
from clearward.risk.sources import columns_list, file_source
from clearward.risk.subsets import measure_subsets
from clearward.settings import Settings
from clearward.warehouse import engine

QUASI = ["sex", "age", "race", "marital-status", "education", "native-country", "workclass"]
SENSITIVE = ["occupation", "salary-class"]
PART = 1_000_000


def main() -> int:
    """Measure and print; exit code 1 when the ratio is above its limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    default = Path(os.environ.get("CLEARWARD_DATA", "../shared/data")) / "privacy" / "adult"
    parser.add_argument("--data", type=Path, default=default)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--keep", type=Path, help="make the table here and leave it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clearward-bench-") as folder:
        path = options.keep or Path(folder) / "adult.parquet"
        if not path.is_file():
            _make(options.data / "adult.csv", path, options.rows)
        return _measure(path, Path(folder), options.rows)


def _make(source: Path, target: Path, rows: int) -> None:
    adult = pa_csv.read_csv(source, parse_options=pa_csv.ParseOptions(delimiter=";"))
    draw = np.random.default_rng(1)
    writer = None
    for start in range(0, rows, PART):
        size = min(PART, rows - start)
        base = draw.integers(0, len(adult), size)
        columns = {}
        for name in adult.column_names:
            other = np.where(draw.random(size) < 0.15, draw.integers(0, len(adult), size), base)
            columns[name] = adult[name].take(pa.array(other)).cast(pa.string())
        part = pa.table(columns)
        writer = writer or pq.ParquetWriter(target, part.schema)
        writer.write_table(part)
    if writer:
        writer.close()


def _measure(path: Path, home: Path, rows: int) -> int:
    settings = Settings(home, "", "", home / "keyring.json")
    source, times = file_source(path), {}
    with engine(settings) as connection:
        warm = f"SELECT {columns_list(QUASI)}, count(*) FROM {source} GROUP BY ALL"
        connection.execute(f"SELECT count(*) FROM ({warm})").fetchall()
        times["group-by of the quasi-identifiers"] = _time(
            lambda: connection.execute(f"SELECT count(*) FROM ({warm})").fetchall()
        )
        times["k, l and t of two columns"] = _time(lambda: _gates(connection, source))
        times["Pitman population uniques"] = _time(lambda: _pitman(connection, source))
        cells = count_cells(connection, source, QUASI, SENSITIVE)
        times["inference attack on everybody"] = _time(lambda: infer(cells, "occupation"))
        times[f"all {2 ** len(QUASI) - 1} subsets"] = _time(
            lambda: measure_subsets(connection, QUASI)
        )
        row = connection.execute("SELECT count(*) FROM risk_class").fetchone()
    return _print(rows, int(row[0]) if row else 0, times)


def _gates(connection: duckdb.DuckDBPyConnection, source: str) -> None:
    cells = count_cells(connection, source, QUASI, SENSITIVE)
    risk_of_sizes(*cells.sizes())
    for column in SENSITIVE:
        measure_diversity(cells, column)


def _pitman(connection: duckdb.DuckDBPyConnection, source: str) -> None:
    cells = count_cells(connection, source, QUASI)
    pitman_uniques(*cells.sizes(), population=317_238_626)


def _time(work: Callable[[], object]) -> tuple[float, float]:
    wall, cpu = perf_counter(), process_time()
    work()
    return perf_counter() - wall, process_time() - cpu


def _print(rows: int, classes: int, times: dict[str, tuple[float, float]]) -> int:
    names = list(times)
    peer, gates = times[names[0]], times[names[1]]
    table = Table(title="Every k, l and t of a release", title_justify="left")
    for name in ("measure", "wall s", "CPU s", "x group-by (CPU)"):
        table.add_column(name)
    for name, (wall, cpu) in times.items():
        table.add_row(name, f"{wall:.2f}", f"{cpu:.2f}", f"{cpu / peer[1]:.1f}")
    console = Console()
    console.print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    console.print(f"Adult, {rows:,} rows, {classes:,} classes")
    console.print(table)
    ratio = gates[1] / peer[1]
    console.print(f"k, l and t: {ratio:.1f} x one group-by; limit 8")
    return int(ratio > 8)


if __name__ == "__main__":
    raise SystemExit(main())
