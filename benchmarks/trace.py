"""Marks and tracing on one large laboratory table: what each attack leaves of the marks, what a
marked copy costs beside an unmarked one, and how often random innocents are accused.

    python -m benchmarks.trace [--rows N] [--licensees N] [--innocents N]

The table is made: three hospitals, 20,000 patients, five codes, values with two decimals that are
read to one. No product of today opens a column like it (docs/decisions/0028). A leaked file has no
keys; its rows are found by the other columns. The peer of the marked copy is the own copy of the
same rows: keys replaced, written in the order of the new keys.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import process_time

import duckdb
import numpy as np
from rich.console import Console
from rich.table import Table

from clearward.keyring import install_hmac
from clearward.licensing.tracing import BOUND
from clearward.marking import embed, leak, preserved, reading, tardos
from clearward.marking.contract import Markable

VALUE = Markable("lab", "value", 2, 0.1)
PLACES, BIASES = b"p" * 32, tardos.biases(b"b" * 32)
WAYS = 3
MIXES = {
    "copied": "v[1]",
    "rows of each": "v[1 + (hash(lab_key || 'mix') % len(v))::INT]",
    "average": "list_avg(v)",
    "average, 2 decimals": "round(list_avg(v), 2)",
    "least": "list_min(v)",
    "greatest": "list_max(v)",
    "majority": "list_sort(v)[1 + len(v) // 2]",
    "minority": "list_sort(v)[if(list_sort(v)[1] = list_sort(v)[2], len(v), 1)]",
    "0.01 noise on half": "v[1] + [0, 0.01, 0, -0.01][1 + (hash(lab_key || 'n') % 4)::INT]",
    "digits turned over": "2 * original - v[1]"
    " + if(((round(original * 100)::INT - 1) & 1) = 0, 0.01, -0.01)",
    "new random digit": "floor(v[1] * 10) / 10 + (hash(lab_key || 'r') % 10) / 100.0",
    "rounded to 0.1": "round(v[1], 1)",
    "the release itself": "original",
}
STRATEGIES = ("rows of each", "average, 2 decimals", "least", "greatest", "majority", "minority")
CASES = [
    *(("copied", 1, share) for share in (1.0, 0.05, 0.01, 0.002)),
    *(("0.01 noise on half", 1, share) for share in (0.05, 0.01)),
    *(("digits turned over", 1, share) for share in (0.05, 0.01)),
    *((how, 1, 0.2) for how in ("new random digit", "rounded to 0.1", "the release itself")),
    *(
        (how, 3, share)
        for how in ("rows of each", "average", *STRATEGIES[2:])
        for share in (1.0, 0.05, 0.01)
    ),
    *(
        (how, colluders, share)
        for colluders in (2, 4, 6)
        for how in ("rows of each", "average")
        for share in (0.05, 0.01)
    ),
]


@dataclass(frozen=True)
class Bench:
    """The published table, every licensee's bits and the most colluders' copies."""

    connection: duckdb.DuckDBPyConnection
    folder: Path
    words: Sequence[tardos.Bits]

    @property
    def level(self) -> float:
        return BOUND / (WAYS * len(self.words))


def main() -> int:
    """Mark, attack, trace; print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--licensees", type=int, default=200)
    parser.add_argument("--innocents", type=int, default=10_000)
    parser.add_argument("--samples", type=int, default=10, help="of 1 % of the rows, per strategy")
    options = parser.parse_args()
    console = Console(width=120)
    words = [tardos.codeword(n.to_bytes(32, "big"), BIASES) for n in range(options.licensees)]
    with tempfile.TemporaryDirectory(prefix="clearward-bench-") as folder:
        connection = duckdb.connect(config={"threads": "2", "memory_limit": "4GB"})
        connection.execute("SET preserve_insertion_order = false")
        bench = Bench(connection, Path(folder), words)
        _publish(bench, options.rows)
        console.print(_facts(options, _costs(bench)))
        _join(bench, 6)
        attacks, blind = _attacks(bench, options.innocents)
        named = _named(bench, options.samples)
    console.print(attacks)
    console.print(named)
    console.print(blind)
    return 0


def _publish(bench: Bench, rows: int) -> None:
    noise = " + ".join(f"hash(i * {n}) % 1000 / 1000.0" for n in (3, 5, 7, 11))
    bench.connection.execute(
        f"""COPY (SELECT left(md5(i::VARCHAR), 20) AS lab_key,
            left(md5('p' || (i % 20000)), 20) AS patient_key, 'H0' || (1 + i % 3) AS hospital_id,
            (hash(i) % 4000)::INTEGER AS day, 'c' || (hash(i + 7) % 5) AS code,
            round({noise} + 2 + hash(i + 7) % 5, 2) AS value FROM range({rows}) t(i)
            ORDER BY lab_key) TO '{bench.folder}/lab.parquet' (COMPRESSION zstd)"""
    )


def _costs(bench: Bench) -> dict[str, str]:
    """An own copy and a marked one, in turns; then what marks did to the table."""
    taken: dict[str, list[float]] = {"own": [], "marked": []}
    for turn in range(3):
        for kind, times in taken.items():
            start = process_time()
            _copy(bench, f"{kind}{turn}", word=bench.words[0] if kind == "marked" else None)
            times.append(process_time() - start)
    own, marked = (float(np.median(times)) for times in taken.values())
    start = process_time()
    found = preserved.compare(
        bench.connection,
        VALUE,
        before=bench.folder / "own0.parquet",
        after=bench.folder / "marked0.parquet",
    )
    gate = process_time() - start
    changed = bench.connection.execute(
        f"SELECT 100 * avg((a.value <> b.value)::INT) FROM '{bench.folder}/own0.parquet' a"
        f" JOIN '{bench.folder}/marked0.parquet' b USING (lab_key)"
    ).fetchone()
    assert changed and not found.broken
    return {
        "own copy, CPU s": f"{own:.2f}",
        "marked copy, CPU s": f"{marked:.2f}, {marked / own:.2f} x; its statistics gate {gate:.2f}",
        "cells changed": f"{changed[0]:.2f} %, each by 0.01",
        "values that differ once rounded to 0.1": "none (the copy refuses otherwise)",
        "largest differences": ", ".join(f"{n} {v:.2g}" for n, v in found.differences.items()),
    }


def _copy(bench: Bench, name: str, *, word: tardos.Bits | None) -> None:
    connection = bench.connection
    rows = f"read_parquet('{bench.folder}/lab.parquet')"
    install_hmac(connection, "rekey", b"k" * 32)
    source = rows
    if word is not None:
        embed.install_code(connection, PLACES)
        embed.install_word(connection, word)
        ends = embed.ends_of(connection, rows, [VALUE])
        source = embed.marked_sql(rows, [VALUE], key=["lab_key"], ends=ends)
    patients = (
        f"(SELECT old, rekey(old) AS new FROM (SELECT DISTINCT patient_key AS old FROM {rows}))"
    )
    connection.execute(
        f"COPY (SELECT s.* REPLACE (rekey(s.lab_key) AS lab_key, m.new AS patient_key)"
        f" FROM {source} s LEFT JOIN {patients} m ON m.old = s.patient_key ORDER BY lab_key)"
        f" TO '{bench.folder}/{name}.parquet' (COMPRESSION zstd)"
    )


def _join(bench: Bench, colluders: int) -> None:
    """Table ``every``: the published rows with the colluders' values side by side."""
    connection, rows = bench.connection, f"read_parquet('{bench.folder}/lab.parquet')"
    embed.install_code(connection, PLACES)
    ends = embed.ends_of(connection, rows, [VALUE])
    connection.execute(f"CREATE TABLE every AS SELECT *, value AS original FROM {rows}")
    for n in range(colluders):
        embed.install_word(connection, bench.words[n])
        marked = embed.marked_sql(rows, [VALUE], key=["lab_key"], ends=ends)
        connection.execute(
            f"CREATE OR REPLACE TABLE every AS SELECT e.*, m.value AS v{n} FROM every e"
            f" JOIN (SELECT lab_key, value FROM {marked}) m USING (lab_key)"
        )


def _attacks(bench: Bench, innocents: int) -> tuple[Table, Table]:
    shown = Table(title="|z| of the guilty and of the best innocent licensee", title_justify="left")
    for name in ("attack", "colluders", "rows", "cells read", "guilty", "best innocent", "needed"):
        shown.add_column(name, justify="left" if name == "attack" else "right")
    shown.add_column("accused: guilty, innocent", justify="right")
    seen: list[tardos.Reading] = []
    for how, colluders, share in CASES:
        what = _read(bench, how, colluders, share)
        scores = [abs(tardos.score(what, word)) for word in bench.words]
        guilty, others = scores[:colluders], scores[colluders:]
        if how == "the release itself":
            guilty, others = [], scores
        needed = tardos.needed(what, bench.level)
        seen += [what] if share <= 0.01 else []
        shown.add_row(
            how,
            str(len(guilty)),
            f"{100 * share:g} %",
            f"{what.cells:,}",
            f"{min(guilty):.1f}-{max(guilty):.1f}" if guilty else "-",
            f"{max(others):.1f}",
            f"{needed:.1f}",
            f"{_count(guilty, needed)} of {len(guilty)}, {_count(others, needed)}",
        )
    return shown, _blind(bench, seen, innocents)


def _named(bench: Bench, samples: int) -> Table:
    """Three who pooled their copies and gave away 1 % of the rows: how many of them are named."""
    shown = Table(
        title=f"Three colluders, 1 % of the rows, {samples} different samples each",
        title_justify="left",
    )
    for name in ("strategy", "mean |z|, least", "named: at least one", "all three", "innocents"):
        shown.add_column(name, justify="left" if name == "strategy" else "right")
    for how in STRATEGIES:
        means, named, innocents = [], [], 0
        for sample in range(samples):
            what = _read(bench, how, 3, 0.01, sample=f"{how} {sample}")
            scores = [abs(tardos.score(what, word)) for word in bench.words]
            needed = tardos.needed(what, bench.level)
            means.append(float(np.mean(scores[:3])))
            named.append(_count(scores[:3], needed))
            innocents += _count(scores[3:], needed)
        shown.add_row(
            how,
            f"{np.mean(means):.1f}, {min(means):.1f}",
            f"{sum(n > 0 for n in named)} of {samples}",
            f"{sum(n == 3 for n in named)} of {samples}",
            str(innocents),
        )
    return shown


def _count(scores: Sequence[float], needed: float) -> int:
    return sum(z >= needed for z in scores)


def _read(
    bench: Bench, how: str, colluders: int, share: float, *, sample: str = "share"
) -> tardos.Reading:
    connection, path = bench.connection, bench.folder / "leak.parquet"
    values = ", ".join(f"v{n}" for n in range(colluders))
    connection.execute(
        f"COPY (SELECT day, {MIXES[how]} AS value, code, hospital_id"
        f" FROM (SELECT *, [{values}] AS v FROM every)"
        f" WHERE hash(lab_key || '{sample}') % 100000 < {round(share * 100_000)})"
        f" TO '{path}' (FORMAT parquet)"
    )
    found = leak.open_leak(connection, path)
    source = bench.folder / "lab.parquet"
    kinds = {r[0]: r[1] for r in connection.execute(f"DESCRIBE FROM '{source}'").fetchall()}
    leak.align_by_content(
        connection, found, leak.published_sql(source), columns=kinds, marked=[VALUE]
    )
    return reading.read_marks(connection, [VALUE], BIASES, key=["lab_key"], published=f"'{source}'")


def _blind(bench: Bench, seen: Sequence[tardos.Reading], innocents: int) -> Table:
    """Random innocents against the files above, each with its own draw."""
    shown = Table(
        title=f"Blind test: {innocents:,} random innocents against each of {len(seen)} files",
        title_justify="left",
    )
    for name in ("promised chance for one innocent", "accused", "promised at most", "share seen"):
        shown.add_column(name, justify="right")
    drawn = [abs(tardos.innocents(r, innocents, seed=n)) for n, r in enumerate(seen)]
    total = innocents * len(seen)
    for bound in (0.05, 0.01, 0.001, bench.level):
        accused = sum(
            int(np.sum(z >= tardos.needed(r, bound))) for r, z in zip(seen, drawn, strict=True)
        )
        shown.add_row(
            f"{bound:.3g}", f"{accused:,}", f"{bound * total:,.3g}", f"{accused / total:.2g}"
        )
    highest = max(float(z.max()) for z in drawn)
    shown.caption = f"highest |z| of {total:,} innocents: {highest:.2f}"
    return shown


def _facts(options: argparse.Namespace, cost: dict[str, str]) -> Table:
    table = Table(title="Marked copies", title_justify="left")
    for name in ("measure", "value"):
        table.add_column(name)
    table.add_row("machine", f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}")
    table.add_row("data", f"{options.rows:,} rows, {options.licensees} licensees, bound {BOUND:g}")
    for name, value in cost.items():
        table.add_row(name, value)
    return table


if __name__ == "__main__":
    raise SystemExit(main())
