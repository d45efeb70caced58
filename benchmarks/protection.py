"""Protection of large patient tables, as ratios to DuckDB's group-by of the same columns.

    python -m benchmarks.protection [--rows 1000000 …] [--k 5] [--peers]

Data: UCI Adult (``privacy/adult`` of CLEARWARD_DATA), eight quasi-identifiers; larger sets are a
bootstrap of its rows with 15 % of every attribute drawn anew. End to end is from a Parquet file to
a class for every row and a label for every class. NM counts the values that occur. ``--peers`` also
runs anonypy, anjana and pycanon on Adult itself, each in an environment of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from clearward.protect.combinations import read_combinations
from clearward.protect.hierarchies import Hierarchy, csv_hierarchy, table_hierarchy
from clearward.protect.labels import node_labels
from clearward.protect.local import Given, specialise
from clearward.protect.recode import recode
from clearward.protect.solver import Problem
from clearward.risk.codes import measure_codes

COLUMNS = (
    "sex", "age", "race", "marital-status", "education", "native-country", "workclass",
    "occupation",
)  # fmt: skip
ADULT = Path(os.environ.get("CLEARWARD_DATA", "../shared/data")) / "privacy" / "adult"
ARX_LOCAL_NM = 0.0643  # ARX 3.9, local recoding, one million rows made the same way, k = 5
PEERS = ("anonypy", "anjana", "pycanon")


def main() -> int:
    """Run everything, print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="*", default=[1_000_000])
    parser.add_argument("--k", type=int, default=5)
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--step", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        step, path = options.step
        print(json.dumps(STEPS[step](Path(path), options.k)))
        return 0
    table = Table(title="Protection", title_justify="left")
    table.add_column("measure")
    table.add_column("value")
    table.add_row("machine", f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}")
    with tempfile.TemporaryDirectory(prefix="clearward-bench-") as folder:
        for rows in options.rows:
            path = make_bootstrap(Path(folder) / f"{rows}.parquet", rows)
            for name, value in measure(path, rows=rows, k=options.k):
                table.add_row(name, value)
        for name, value in code_sets(Path(folder)):
            table.add_row(name, value)
        if options.peers:
            for name, value in peers(Path(folder), options.k):
                table.add_row(name, value)
    Console().print(table)
    return 0


def make_bootstrap(path: Path, rows: int) -> Path:
    """Adult drawn with replacement, 15 % of every attribute drawn again on its own."""
    source = f"read_csv('{ADULT}/adult.csv', delim=';', all_varchar=true)"
    adult = duckdb.sql(f"SELECT * FROM {source}").to_arrow_table()
    rng = np.random.default_rng(7)
    drawn = rng.integers(0, adult.num_rows, rows)
    columns = {}
    for name in COLUMNS:
        places = drawn.copy()
        again = rng.random(rows) < 0.15
        places[again] = rng.integers(0, adult.num_rows, int(again.sum()))
        column = adult.column(name).combine_chunks().dictionary_encode()
        codes = pa.array(column.indices.to_numpy()[places])
        columns[name.replace("-", "_")] = pa.DictionaryArray.from_arrays(codes, column.dictionary)
    pq.write_table(pa.table(columns), path, row_group_size=1_000_000)
    return path


def hierarchies() -> list[Hierarchy]:
    """Adult's hierarchies over the values that occur."""
    source = f"read_csv('{ADULT}/adult.csv', delim=';', all_varchar=true)"
    ladders = []
    for name in COLUMNS:
        whole = csv_hierarchy(name, ADULT / f"adult_hierarchy_{name}.csv")
        seen = {row[0] for row in duckdb.sql(f'SELECT DISTINCT "{name}" FROM {source}').fetchall()}
        rows = (row for row in whole.rows if row[0] in seen)
        ladders.append(table_hierarchy(name.replace("-", "_"), rows))
    return ladders


def _group_by(path: Path, _k: int) -> dict[str, float]:
    names = ", ".join(name.replace("-", "_") for name in COLUMNS)
    query = f"SELECT {names}, count(*) FROM '{path}' GROUP BY ALL"
    connection = duckdb.connect(config={"threads": os.cpu_count() or 1})
    return _best(lambda: connection.execute(query).to_arrow_table())


def _local(path: Path, k: int) -> dict[str, float]:
    ladders = hierarchies()
    found: dict[str, float] = {}

    def run() -> None:
        read = read_combinations(path, ladders)
        cut = specialise(Given(read.words, read.weights, read.fields, k))
        units = np.bincount(cut.classes, weights=read.weights)
        losses = []
        for column, field in enumerate(read.fields):
            paths = read.words[field.word]
            _, loss = node_labels(field, paths, cut.classes, cut.levels[:, column])
            losses.append((loss * units).sum() / units.sum())
        of_rows = cut.classes.astype(np.int32)[read.rows]
        found.update(
            nm=float(np.mean(losses)), classes=len(cut.levels), smallest=float(units.min()),
            combinations=len(read.weights), rows=len(of_rows),
        )  # fmt: skip

    return _best(run) | found


def _global(path: Path, k: int) -> dict[str, float]:
    ladders = hierarchies()
    read = read_combinations(path, ladders)
    problem = Problem(tuple(ladders), read.codes(), read.weights, k, 1.0)
    start, cpu = perf_counter(), process_time()
    found = recode(problem, recoding="global")
    return {
        "wall": perf_counter() - start,
        "cpu": process_time() - cpu,
        "nm": found.loss,
        "suppressed": found.suppressed / problem.units,
        "checked": found.checked,
        "nodes": found.nodes,
        "classes": found.class_count,
    }


STEPS = {"group_by": _group_by, "local": _local, "global": _global}


def _best(run: Any, times: int = 3) -> dict[str, float]:
    measured = []
    for _ in range(times):
        start, cpu = perf_counter(), process_time()
        run()
        measured.append((process_time() - cpu, perf_counter() - start))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    return {
        "cpu": min(cpu for cpu, _ in measured),
        "wall": min(wall for _, wall in measured),
        "gb": peak,
    }


def _step(name: str, path: Path, k: int) -> dict[str, float]:
    command = [
        sys.executable,
        "-m",
        "benchmarks.protection",
        "--k",
        str(k),
        "--step",
        name,
        str(path),
    ]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def measure(path: Path, *, rows: int, k: int) -> list[tuple[str, str]]:
    """The rows of one size, every step in a process of its own."""
    peer, local, whole = (_step(name, path, k) for name in ("group_by", "local", "global"))
    ratio = f"{local['cpu'] / peer['cpu']:.1f} x CPU, {local['wall'] / peer['wall']:.1f} x wall"
    return [
        ("data", f"{rows:,} rows, {local['combinations']:,.0f} combinations, k = {k}"),
        ("DuckDB group-by of the columns", f"{peer['cpu']:.2f} CPU s, {peer['wall']:.2f} s"),
        (
            "local recoding, end to end",
            f"{local['cpu']:.2f} CPU s, {local['wall']:.2f} s, {local['gb']:.2f} GB: {ratio}",
        ),
        (
            "its information loss (NM), hierarchy nodes",
            f"{local['nm']:.4f} in {local['classes']:,.0f} classes, smallest "
            f"{local['smallest']:.0f}; {local['nm'] / ARX_LOCAL_NM:.2f} x ARX local's "
            f"{ARX_LOCAL_NM} (published for 1 M rows, k = 5)",
        ),
        (
            "global optimum from combinations",
            f"{whole['cpu']:.2f} CPU s, {whole['wall']:.2f} s, NM {whole['nm']:.4f}, "
            f"{whole['suppressed']:.1%} suppressed, {whole['checked']:.0f} of {whole['nodes']:.0f} "
            f"nodes counted: {whole['cpu'] / peer['cpu']:.1f} x CPU",
        ),
    ]


def code_sets(folder: Path) -> list[tuple[str, str]]:
    """k^2 over one million patients' codes, beside counting the patients of every code."""
    rng = np.random.default_rng(1)
    patients = np.repeat(np.arange(1_000_000), rng.poisson(3.9, 1_000_000))
    codes = np.minimum(rng.exponential(60, len(patients)).astype(np.int64) ** 2 // 60, 3999)
    connection = duckdb.connect(str(folder / "codes.duckdb"))
    connection.register("made", pa.table({"patient_key": patients, "code": codes}))
    connection.execute("CREATE TABLE diagnosis AS FROM made")
    query = "SELECT code, count(DISTINCT patient_key) FROM diagnosis GROUP BY code"
    peer = _best(lambda: connection.execute(query).fetchall())
    found: list[Any] = []
    asked = {"unit": "patient_key", "k": 5, "m": 2}
    own = _best(
        lambda: found.append(measure_codes(connection, "diagnosis", "code", **asked)), times=2
    )
    rare = found[0]
    return [
        (
            "k^2 of code sets",
            f"{len(codes):,} codes: {own['cpu']:.2f} CPU s, {rare.rare} rare codes, "
            f"{rare.combinations:,} rare pairs, {rare.patients:,} patients: "
            f"{own['cpu'] / peer['cpu']:.1f} x counting patients per code",
        )
    ]


PEER_CODE = """
import csv, json, sys, time
import numpy as np, pandas as pd
peer, folder, k = sys.argv[1], sys.argv[2], int(sys.argv[3])
columns = {columns!r}
data = pd.read_csv(folder + "/adult.csv", sep=";", dtype=str)
start = time.process_time()
if peer == "anonypy":
    import anonypy
    data["age"] = data["age"].astype(int)
    for name in columns + ("salary-class",):
        if name != "age":
            data[name] = data[name].astype("category")
    out = anonypy.Preserver(data, list(columns), "salary-class").anonymize_k_anonymity(k=k)
elif peer == "anjana":
    from anjana.anonymity import k_anonymity
    ladders = {{}}
    for name in columns:
        file = open(f"{{folder}}/adult_hierarchy_{{name}}.csv")
        rows = [r for r in csv.reader(file, delimiter=";") if r]
        place = {{r[0]: r for r in rows}}
        chosen = [place[v] for v in data[name]]
        ladders[name] = {{i: np.array([r[i] for r in chosen]) for i in range(len(rows[0]))}}
    start = time.process_time()
    out = k_anonymity(data, [], list(columns), k, 5, ladders)
else:
    from pycanon import anonymity
    out = [anonymity.k_anonymity(data, list(columns))]
print(json.dumps({{"cpu": time.process_time() - start, "rows": len(out)}}))
"""


def peers(folder: Path, k: int) -> list[tuple[str, str]]:
    """Each peer on Adult, in its own environment; or that it could not be had."""
    script = folder / "peer.py"
    script.write_text(PEER_CODE.format(columns=COLUMNS), encoding="utf-8")
    path = folder / "adult.parquet"
    names = ", ".join(f'"{name}" AS {name.replace("-", "_")}' for name in COLUMNS)
    duckdb.sql(
        f"COPY (SELECT {names} FROM read_csv('{ADULT}/adult.csv', delim=';', all_varchar=true)) "
        f"TO '{path}'"
    )
    own = _step("local", path, k)
    found = [("local recoding of Adult itself", f"{own['cpu']:.3f} CPU s, NM {own['nm']:.4f}")]
    for peer in PEERS:
        found.append((peer, _run_peer(peer, folder, script, k=k, own=own["cpu"])))
    return found


def _run_peer(peer: str, folder: Path, script: Path, *, k: int, own: float) -> str:
    home = folder / peer
    venv.create(home, with_pip=True)
    python = home / "bin" / "python"
    got = subprocess.run(
        [python, "-m", "pip", "install", "-q", peer, "numpy", "pandas"],
        capture_output=True,
        text=True,
        check=False,
    )
    if got.returncode:
        return "not run: it could not be installed"
    try:
        done = subprocess.run(
            [python, script, peer, str(ADULT), str(k)],
            capture_output=True, text=True, check=False, timeout=600,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "stopped after 600 s"
    if done.returncode:
        return f"failed: {done.stderr.strip().splitlines()[-1][:80]}"
    seconds = json.loads(done.stdout.strip().splitlines()[-1])["cpu"]
    does = "counting k alone" if peer == "pycanon" else "k-anonymity"
    return f"{seconds:.1f} CPU s for {does} of Adult: {seconds / own:,.0f} x our recoding"


if __name__ == "__main__":
    sys.exit(main())
