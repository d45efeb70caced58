"""How useful, and how fast, differentially private synthetic records are.

    python -m benchmarks.synthetic [--data FOLDER] [--epsilon 1.0] [--peers]

UCI Adult (30,162 rows, 9 columns) and 8,129 Synthea patients. Utility is the mean total variation
distance of all two-way tables (TVD2) and, on Adult, the accuracy of a classifier trained on the
synthetic rows and tested on real ones that the generator never saw (TSTR). Beside it stand a model
of single columns only, the real rows, and with --peers dpmm's AIM and MST (Apache-2.0), installed
into an environment of their own because they pin opendp 0.12.1.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass, replace
from importlib import metadata
from itertools import combinations
from pathlib import Path
from time import perf_counter

import duckdb
import numpy as np
from rich.console import Console
from rich.table import Table

from clearward.synthetic.accounting import rho_of
from clearward.synthetic.aim import CodedData, Plan, all_groups, fit_privately

DELTA = 1e-9
TARGET = "salary-class"
PEER = """
import json, sys, time
import numpy as np, pandas as pd
from dpmm.pipelines import AIMPipeline, MSTPipeline
given, out, epsilon, delta, which = sys.argv[1:]
data = np.load(given)
names = [f"c{i}" for i in range(data["codes"].shape[1])]
frame = pd.DataFrame(data["codes"], columns=names)
pipeline = {"aim": AIMPipeline, "mst": MSTPipeline}[which](
    epsilon=float(epsilon), delta=float(delta), disable_processing=True, n_jobs=1
)
start = time.perf_counter()
pipeline.fit(frame, domain={c: int(s) for c, s in zip(names, data["sizes"])}, random_state=0)
made = pipeline.generate(n_records=len(frame))
print(json.dumps({"seconds": time.perf_counter() - start}))
np.savez(out, codes=made[names].to_numpy().astype(np.int64))
"""
# SNOMED codes of common conditions: fixed here, never chosen from the data.
CONDITIONS = {
    "hypertension": 59621000,
    "diabetes": 44054006,
    "prediabetes": 714628002,
    "obesity": 162864005,
    "anemia": 271737000,
    "hyperlipidemia": 55822004,
    "ischemic_heart_disease": 414545008,
    "stroke": 230690007,
    "asthma": 195967001,
    "chronic_kidney_disease_1": 431855005,
    "sinusitis": 444814009,
    "gingivitis": 66383009,
}


@dataclass(frozen=True)
class Result:
    """One generator on one data set."""

    name: str
    seconds: float
    tvd2: float
    accuracy: float | None


def main() -> int:
    """Print both tables; exit code 1 when a peer could not be run."""
    parser = argparse.ArgumentParser(description=__doc__)
    default = Path(os.environ.get("CLEARWARD_DATA", "../shared/data"))
    parser.add_argument("--data", type=Path, default=default)
    parser.add_argument("--epsilon", type=float, default=1.0)
    parser.add_argument("--peers", action="store_true", help="run dpmm beside it")
    options = parser.parse_args()
    _machine()
    missing = _adult(options.data, options.epsilon, peers=options.peers)
    _synthea(options.data)
    return int(missing)


def _machine() -> None:
    Console().print(
        f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}, "
        f"NumPy {metadata.version('numpy')}, OpenDP {metadata.version('opendp')}"
    )


def _adult(data: Path, epsilon: float, *, peers: bool) -> bool:
    names, whole = _read_adult(data / "privacy" / "adult" / "adult.csv")
    order = np.random.default_rng(7).permutation(len(whole.codes))
    cut = len(order) * 4 // 5
    train, test = _part(whole, order[:cut]), _part(whole, order[cut:])
    target = names.index(TARGET)
    rho = rho_of(epsilon, DELTA)
    results = [
        _ours("one-way only", train, Plan({}, rho, 1.0), test=test, target=target),
        *(
            _ours(
                f"AIM, run {i}",
                train,
                Plan(all_groups(len(names), 2), rho),
                test=test,
                target=target,
            )
            for i in (1, 2, 3)
        ),
    ]
    missing = peers and not (found := _peers(train, epsilon, test=test, target=target))
    if peers and not missing:
        results += found
    results.append(Result("real rows", 0.0, 0.0, _accuracy(train.codes, test.codes, target)))
    _print(f"UCI Adult, {cut:,} rows, ε {epsilon:g}, δ {DELTA:g}", results)
    return bool(missing)


def _read_adult(path: Path) -> tuple[list[str], CodedData]:
    rows = duckdb.sql(f"FROM read_csv('{path}', delim = ';', header = true, all_varchar = true)")
    codes, sizes = [], []
    for name in rows.columns:
        values, coded = np.unique(np.asarray(rows.df()[name], dtype=str), return_inverse=True)
        codes.append(coded)
        sizes.append(len(values))
    stacked = np.stack(codes, axis=1).astype(np.int64)
    return rows.columns, CodedData(stacked, np.ones(len(stacked), np.int64), tuple(sizes), 1)


def _part(data: CodedData, rows: np.ndarray) -> CodedData:
    return replace(data, codes=data.codes[rows], weights=data.weights[rows])


def _ours(
    name: str, train: CodedData, plan: Plan, *, test: CodedData | None = None, target: int = 0
) -> Result:
    start = perf_counter()
    fitted = fit_privately(train, plan)
    made = fitted.model.sample(int(train.weights.sum()), np.random.default_rng(0))
    seconds = perf_counter() - start
    accuracy = None if test is None else _accuracy(made, test.codes, target)
    return Result(name, seconds, _tvd2(train, made), accuracy)


def _tvd2(real: CodedData, made: np.ndarray) -> float:
    drawn = CodedData(made, np.ones(len(made), np.int64), real.sizes, 1)
    found = []
    for pair in combinations(range(len(real.sizes)), 2):
        one, two = real.counts(pair), drawn.counts(pair)
        found.append(0.5 * np.abs(one / one.sum() - two / two.sum()).sum())
    return float(np.mean(found))


def _accuracy(train: np.ndarray, test: np.ndarray, target: int) -> float:
    from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415 - a second

    others = [c for c in range(train.shape[1]) if c != target]
    model = HistGradientBoostingClassifier(random_state=0).fit(train[:, others], train[:, target])
    return float(model.score(test[:, others], test[:, target]))


def _peers(train: CodedData, epsilon: float, *, test: CodedData, target: int) -> list[Result]:
    """dpmm's AIM and MST on the same codes; nothing when it cannot be installed."""
    with tempfile.TemporaryDirectory(prefix="clearward-peers-") as name:
        folder = Path(name)
        venv.create(folder / "env", with_pip=True)
        python = folder / "env" / "bin" / "python"
        install = [python, "-m", "pip", "install", "--quiet", "dpmm"]
        if subprocess.run(install, capture_output=True, check=False).returncode:
            Console().print("dpmm could not be installed from the package index: not compared")
            return []
        np.savez(folder / "given.npz", codes=train.codes, sizes=np.array(train.sizes))
        (folder / "peer.py").write_text(PEER)
        return [
            _peer(python, folder, which, epsilon=epsilon, train=train, test=test, target=target)
            for which in ("mst", "aim")
        ]


def _peer(
    python: Path,
    folder: Path,
    which: str,
    *,
    epsilon: float,
    train: CodedData,
    test: CodedData,
    target: int,
) -> Result:
    out = folder / f"{which}.npz"
    command = [
        python,
        folder / "peer.py",
        folder / "given.npz",
        out,
        str(epsilon),
        str(DELTA),
        which,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    made = np.load(out)["codes"]
    seconds = json.loads(done.stdout.strip().splitlines()[-1])["seconds"]
    return Result(
        f"dpmm {which.upper()}", seconds, _tvd2(train, made), _accuracy(made, test.codes, target)
    )


def _synthea(data: Path) -> None:
    names, patients = _read_synthea(data / "synthea-8k")
    count = len(names)
    results = []
    for epsilon in (0.5, 1.0, 3.0):
        rho = rho_of(epsilon, 1e-6)
        results += [
            _ours(f"one-way only, ε {epsilon:g}", patients, Plan({}, rho, 1.0)),
            _ours(f"AIM, ε {epsilon:g}", patients, Plan(all_groups(count, 2), rho)),
            _ours(
                f"AIM as samples are made, ε {epsilon:g}",
                patients,
                Plan(all_groups(count, 2), rho, 0.5, 4, 2, 100_000, 30),
            ),
        ]
    total = int(patients.weights.sum())
    _print(f"Synthea, {total:,} patients, {count} columns, δ 1e-06", results)


def _read_synthea(folder: Path) -> tuple[list[str], CodedData]:
    """One record per patient: demographics, twelve conditions, how many visits."""
    flags = ", ".join(
        f"coalesce(bool_or(c.CODE = '{code}'), false)::INT AS {name}"
        for name, code in CONDITIONS.items()
    )
    read = "read_csv('{}', all_varchar = true)"
    patients, conditions, encounters = (
        read.format(folder / f"{name}.csv.gz") for name in ("patients", "conditions", "encounters")
    )
    columns = duckdb.sql(
        f"""SELECT list_position(['F', 'M'], GENDER) - 1 AS sex,
            least(greatest(CAST(left(BIRTHDATE, 4) AS INT) - 1900, 0), 119) // 10 AS decade,
            coalesce(list_position(['white', 'black', 'asian', 'hawaiian', 'native'], RACE) - 1, 5)
                AS race,
            (DEATHDATE IS NOT NULL)::INT AS deceased,
            least(coalesce(floor(log2(v.n + 1)), 0), 8)::INT AS visits, f.* EXCLUDE (PATIENT)
        FROM {patients} AS p
        LEFT JOIN (SELECT PATIENT, count(*) AS n FROM {encounters} GROUP BY 1) AS v
            ON v.PATIENT = p.Id
        LEFT JOIN (SELECT p.Id AS PATIENT, {flags} FROM {patients} AS p
            LEFT JOIN {conditions} AS c ON c.PATIENT = p.Id GROUP BY 1) AS f ON f.PATIENT = p.Id"""
    ).fetchnumpy()
    sizes = (2, 12, 6, 2, 9) + (2,) * len(CONDITIONS)
    codes = np.stack([np.asarray(c, dtype=np.int64) for c in columns.values()], axis=1)
    return list(columns), CodedData(codes, np.ones(len(codes), np.int64), sizes, 1)


def _print(title: str, results: list[Result]) -> None:
    table = Table(title=title, title_justify="left")
    for name in ("generator", "seconds", "TVD2", "TSTR accuracy"):
        table.add_column(name)
    for r in results:
        accuracy = "" if r.accuracy is None else f"{r.accuracy:.4f}"
        table.add_row(r.name, f"{r.seconds:.2f}", f"{r.tvd2:.4f}", accuracy)
    Console().print(table)
    _print_ratios({r.name: r for r in results})


def _print_ratios(found: dict[str, Result]) -> None:
    runs = [r for name, r in found.items() if name.startswith("AIM, run")]
    for peer in (r for name, r in found.items() if name.startswith("dpmm")):
        ours = float(np.median([r.seconds for r in runs]))
        error = float(np.mean([r.tvd2 for r in runs]))
        Console().print(
            f"{peer.name}: takes {peer.seconds / ours:.1f} x as long; our TVD2 is "
            f"{error / peer.tvd2:.2f} x its own"
        )


if __name__ == "__main__":
    sys.exit(main())
