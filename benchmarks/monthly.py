"""The whole monthly job on one large hospital, as a ratio to DuckDB's COPY of the same files.

    python -m benchmarks.monthly [--data FOLDER] [--keep FOLDER]

The data is a folder of Synthea CSV (default: ``synthea-8k`` of CLEARWARD_DATA). The peer does what
any pipeline must at least do: read every CSV once and write it as Parquet.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, sleep

import duckdb
from rich.console import Console
from rich.table import Table

from clearward.sources.extract import pack_extract

MONTH = "2024-06"
CONSENT = {
    "purpose": "commercial_licensing",
    "decision": "permit",
    "decided_at": "2024-01-02T09:00:00Z",
    "valid_from": "2024-01-02T00:00:00Z",
    "valid_until": "",
    "text_version": "bench-1",
    "text_sha256": "0" * 64,
    "evidence_sha256": "1" * 64,
    "language": "en",
    "guardian": "false",
}


BOARD = ("--approve", "bench", "--sign-off", "a benchmark of made-up patients")


@dataclass(frozen=True)
class Cost:
    """Seconds on the clock and on the cores; a busy machine stretches only the first."""

    seconds: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.seconds:.1f} s, {self.cpu:.1f} CPU s"


def main() -> int:
    """Run both, print the table; exit code 1 when the job failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    default = Path(os.environ.get("CLEARWARD_DATA", "../shared/data")) / "synthea-8k"
    parser.add_argument("--data", type=Path, default=default)
    parser.add_argument("--keep", type=Path, help="work here and leave it")
    options = parser.parse_args()
    folder = options.keep or Path(tempfile.mkdtemp(prefix="clearward-bench-"))
    try:
        return _measure(options.data, folder)
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)


def _measure(data: Path, folder: Path) -> int:
    home = folder / "home"  # what opens the keyring lies beside a home, so inside the folder
    rows = _landing(data, home / "landing" / "bench" / MONTH)
    copy = _copy_with_duckdb(data, folder / "copy")
    environment = {**os.environ, "CLEARWARD_HOME": str(home)}
    subprocess.run([sys.executable, "-m", "clearward", "init"], env=environment, check=True)
    start, before = perf_counter(), _cpu(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "orchestration.monthly", "--month", MONTH, *BOARD]
    running = subprocess.Popen(command, env=environment, start_new_session=True)
    peak = _peak_memory(running)
    job = Cost(perf_counter() - start, _cpu(resource.RUSAGE_CHILDREN) - before)
    _print(data, rows=rows, job=job, copy=copy, peak=peak)
    return running.returncode


def _peak_memory(running: subprocess.Popen[bytes]) -> int:
    """Bytes at the worst moment of all processes of a run together; waits for its end. Pages that
    forked workers share count once (PSS, proc(5)), so the sum is what the machine must have.
    """
    peak = 0
    while running.poll() is None:
        peak = max(peak, sum(map(_shared_out, _session(running.pid))))
        sleep(0.2)
    return peak


def _session(leader: int) -> list[Path]:
    """The processes of a session, as folders of /proc."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # ended meanwhile
            if os.getsid(int(folder.name)) == leader:
                found.append(folder)
    return found


def _shared_out(process: Path) -> int:
    with suppress(OSError):
        for line in (process / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def _landing(data: Path, target: Path) -> int:
    target.mkdir(parents=True, exist_ok=True)
    for file in data.glob("*.csv*"):
        shutil.copyfile(file, target / file.name)
    with gzip.open(data / "patients.csv.gz", "rt", encoding="utf-8") as patients:
        ids = [row["Id"] for row in csv.DictReader(patients)]
    with (target / "consents.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["patient_id", *CONSENT])
        writer.writeheader()
        writer.writerows({"patient_id": patient, **CONSENT} for patient in ids)
    pack_extract(target, hospital="bench", system="synthea", month=MONTH, kind="full", sequence=1)
    files = f"read_csv('{data}/*.csv.gz', all_varchar = true, union_by_name = true)"
    counting = duckdb.sql(f"SELECT count(*) FROM {files}").fetchone()
    return int(counting[0]) if counting else 0


def _copy_with_duckdb(data: Path, target: Path) -> Cost:
    target.mkdir(parents=True)
    start, before = perf_counter(), _cpu(resource.RUSAGE_SELF)
    for file in sorted(data.glob("*.csv.gz")):
        duckdb.sql(
            f"COPY (FROM read_csv('{file}', all_varchar = true)) "
            f"TO '{target / file.name}.parquet' (FORMAT parquet, COMPRESSION zstd)"
        )
    return Cost(perf_counter() - start, _cpu(resource.RUSAGE_SELF) - before)


def _cpu(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def _print(data: Path, *, rows: int, job: Cost, copy: Cost, peak: int) -> None:
    table = Table(title="The monthly job, extract to published releases", title_justify="left")
    for name in ("measure", "value"):
        table.add_column(name)
    table.add_row("machine", f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}")
    table.add_row("data", f"{data.name}: {rows:,} rows in {len(list(data.glob('*.csv.gz')))} files")
    table.add_row("monthly job", f"{job}, {rows / job.seconds:,.0f} rows/s")
    table.add_row("DuckDB COPY of the same files", str(copy))
    ratios = (job.seconds / copy.seconds, job.cpu / copy.cpu)
    table.add_row("ratio to COPY", "{:.1f} x, CPU {:.1f} x".format(*ratios))
    table.add_row("peak memory of all processes", f"{peak / 1e9:.2f} GB (limit 6)")
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
