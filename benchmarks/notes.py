"""Free text to findings: notes per second and core, beside the scan alone and a peer.

    python -m benchmarks.notes [--notes 2000] [--peer edsnlp|medspacy|none] [--venv FOLDER]

Rows: the scan alone (every engine), reading with context, reading with context and Parquet, and the
whole partition (reading, scrubbing, leak audit, invariants, four tables). The peer looks for the
same cues, with sentences and its qualifiers of context, and writes nothing; it runs in an
environment of its own, which this command makes. CPU seconds: a busy machine stretches the clock.
"""

from __future__ import annotations

import argparse
import csv
import gc
import gzip
import itertools
import json
import os
import platform
import re
import resource
import subprocess
import sys
import tarfile
import tempfile
import venv
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from time import process_time

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from benchmarks.score.sources import data_folder
from clearward.keyring import Keyring, init_keyring, pseudonym
from clearward.notes.document import open_document
from clearward.notes.patterns import PACKS, load_pack
from clearward.notes.pipeline import read_partition
from clearward.notes.reader import default_engine, read_text
from clearward.notes.scan_engines import ENGINES, engine_name
from clearward.settings import Settings, load_settings
from clearward.sources.state_sql import marker_path
from clearward.warehouse import Warehouse

TARGET, PEER_NOTES = 3_000, 300
PLACE = {"hospital": "bench", "month": "2024-05"}
PEERS = {"edsnlp": "edsnlp", "medspacy": "medspacy"}
PEER_CODE = """
import json, sys, time, logging
logging.disable(logging.CRITICAL)
kind, path = sys.argv[1:]
given = json.load(open(path, encoding="utf-8"))
if kind == "edsnlp":
    import edsnlp, edsnlp.pipes as eds
    nlp = edsnlp.blank("eds")
    for pipe in (eds.normalizer(), eds.sentences(), eds.matcher(terms=given["cues"], attr="LOWER"),
                 eds.negation(), eds.hypothesis(), eds.history(), eds.family()):
        nlp.add_pipe(pipe)
else:
    import medspacy
    from medspacy.ner import TargetRule
    nlp = medspacy.load()
    nlp.get_pipe("medspacy_target_matcher").add(
        [TargetRule(cue, name) for name, cues in given["cues"].items() for cue in cues])
nlp(given["texts"][0])
start = time.process_time()
found = sum(len(nlp(text).ents) for text in given["texts"])
print(json.dumps({"seconds": time.process_time() - start, "found": found}))
"""


def main() -> int:
    """Measure, print the table; exit code 1 when reading with context and write is too slow."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--notes", type=int, default=2_000)
    parser.add_argument("--peer", choices=(*PEERS, "none"), default="edsnlp")
    parser.add_argument("--venv", type=Path, help="make the peer's environment here and keep it")
    options = parser.parse_args()
    table = Table(title="Free text to findings, per core", title_justify="left")
    for name in ("data", "step", "notes/s", "MB/s", "ratio to peer"):
        table.add_column(name)
    slowest = TARGET * 2.0
    with tempfile.TemporaryDirectory(prefix="clearward-bench-") as folder:
        python = _environment(options.peer, options.venv or Path(folder) / "venv")
        for name, texts in _sets(options.notes):
            slowest = min(slowest, _measure(table, name, texts, peer=options.peer, python=python))
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}"
    table.caption = f"{machine}, load {os.getloadavg()[0]:.0f}; engine {engine_name()}"
    Console(width=max(110, Console().width)).print(table)
    return int(slowest < TARGET)


def _sets(size: int) -> Iterator[tuple[str, list[str]]]:
    """Name and texts, repeated up to `size`."""
    sets = {
        "MTS summaries": _csv("mts-dialog/MTS-Dialog-TrainingSet.csv", "section_text"),
        "ACI notes": _csv("aci-bench/train.csv", "note"),
        "Synthea notes": _synthea(),
        "dense: every example of the packs, 12 a note": _dense(),
    }
    for name, texts in sets.items():
        yield name, list(itertools.islice(itertools.cycle(texts), size))


def _csv(path: str, column: str) -> list[str]:
    with data_folder("notes-en", path).open(encoding="utf-8-sig", newline="") as file:
        return [row[column] for row in csv.DictReader(file)]


def _synthea() -> list[str]:
    """One text per dated section, as the reader of this system splits them."""
    texts: list[str] = []
    with tarfile.open(data_folder("synthea-88", "notes.tar.gz")) as archive:
        for member in archive.getmembers():
            file = archive.extractfile(member)
            if file and member.name.endswith(".txt"):
                parts = re.split(r"(?m)^\d{4}-\d{2}-\d{2}[ \t\r]*$", file.read().decode())
                texts += [part.strip() for part in parts if part.strip()]
    return texts


def _dense() -> list[str]:
    examples = [
        str(example["text"])
        for name in PACKS
        for each in load_pack(name).examples.values()
        for example in each
    ]
    return [". ".join(examples[i : i + 12]) for i in range(0, len(examples), 12)]


def _measure(table: Table, name: str, texts: list[str], *, peer: str, python: Path | None) -> float:
    """Rows of one set; returns notes/s of reading with context and write."""
    mean = sum(len(text.encode()) for text in texts) / len(texts)
    documents = [open_document(text) for text in texts]
    literals = default_engine().literals
    # load what is loaded once: packs, triggers, and what Arrow imports at its first table
    pa.Table.from_pylist([{"note": len(read_text("LVEF 35%").findings)}])
    gc.collect()
    gc.freeze()  # else a collection of all that is loaded falls into one row or another
    label = f"{name}: {len(texts):,} of {mean:,.0f} bytes"
    other = _peer(peer, texts[:PEER_NOTES], python)
    for engine, (_, make) in ENGINES.items():
        if engine != "regex":
            scanner = make(literals)
            steps = lambda s=scanner: [s.scan(d.plain, d.lower) for d in documents]  # noqa: E731
            _row(table, label, f"scan alone, {engine}", len(texts) / _cpu(steps), mean=mean)
            label = ""
    read = len(texts) / _cpu(lambda: [read_text(text) for text in texts])
    _row(table, "", "read with context", read, mean=mean, peer=other)
    with tempfile.TemporaryDirectory(prefix="clearward-bench-") as folder:
        path = Path(folder)
        written = len(texts) / _cpu(partial(_read_and_write, texts, path / "findings.parquet"))
        _row(table, "", "read with context and write", written, mean=mean, peer=other)
        settings, keyring = _hospital(path, texts)
        for workers in (1, os.cpu_count() or 1):
            run = partial(read_partition, settings, keyring, **PLACE, workers=workers,
                          shift=lambda _: 10)  # fmt: skip
            rate = len(texts) / _cpu(run)
            step = f"whole partition: read, scrub, audit, write; {workers} worker(s)"
            _row(table, "", step, rate, mean=mean)
    if other:
        _row(table, "", f"peer: {peer}, no write", other, mean=mean, peer=other)
    table.add_section()
    return written


def _row(table: Table, label: str, step: str, rate: float, *, mean: float, peer: float = 0) -> None:
    ratio = f"{rate / peer:,.0f} x" if peer else ""
    table.add_row(label, step, f"{rate:,.0f}", f"{rate * mean / 1e6:,.1f}", ratio)


def _cpu(action: Callable[[], object]) -> float:
    """CPU seconds of an action, of this process and of the workers it ended."""
    start = process_time() + _children()
    action()
    return process_time() + _children() - start


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _read_and_write(texts: Sequence[str], target: Path) -> None:
    """What a user of the library does: findings of every text to one Parquet file."""
    names = read_text("LVEF 35%").findings[0]._fields
    writer: pq.ParquetWriter | None = None
    for start in range(0, len(texts), 1_000):
        rows = [
            {"note": start + index, **{name: getattr(finding, name) for name in names}}
            for index, text in enumerate(texts[start : start + 1_000])
            for finding in read_text(text).findings
        ]
        if rows:
            made = pa.Table.from_pylist(rows, schema=writer.schema if writer else None)
            writer = writer or pq.ParquetWriter(target, made.schema, compression="zstd")
            writer.write_table(made)
    if writer:
        writer.close()


def _hospital(folder: Path, texts: Sequence[str]) -> tuple[Settings, Keyring]:
    """A hospital whose patients are those of the small Synthea set, with these notes."""
    settings = load_settings({"CLEARWARD_HOME": str(folder / "home")})
    settings.home.mkdir(parents=True)
    keyring = init_keyring(folder / "home" / "keyring.json")
    with gzip.open(
        data_folder("synthea-88", "csv", "patients.csv.gz"), "rt", encoding="utf-8"
    ) as file:
        people = list(csv.DictReader(file))
    key = keyring.key("row")
    ids = {p["Id"]: pseudonym(key, "bench", "patients", p["Id"]) for p in people}
    columns = {"first_name": "FIRST", "last_name": "LAST", "national_id": "SSN",
               "address": "ADDRESS", "city": "CITY", "zip": "ZIP"}  # fmt: skip
    shared = {"hospital_id": "bench", "month": PLACE["month"], "op": "I", "file_id": "f" * 12}
    patients = [
        shared
        | {"row_key": ids[p["Id"]], "patient_key": ids[p["Id"]], "patient_id": p["Id"]}
        | {name: p[source] for name, source in columns.items()}
        for p in people
    ]
    chosen = itertools.cycle(ids.values())
    notes = [
        shared
        | {"row_key": pseudonym(key, "bench", "notes", str(number)), "patient_key": next(chosen),
           "source_row": number, "written_at": datetime(2024, 5, 20), "text": text}
        for number, text in enumerate(texts)
    ]  # fmt: skip
    warehouse = Warehouse(settings.warehouse)
    marker = marker_path(warehouse, **PLACE)
    marker.parent.mkdir(parents=True)
    marker.write_text("{}")
    for zone, name, rows in (("raw", "synthea__patients", patients),
                             ("cleared", "synthea__notes", notes),
                             ("cleared", "subject", [shared])):  # fmt: skip
        path = warehouse.partition(zone, name, **PLACE)
        path.parent.mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(rows), path)
    return settings, keyring


def _environment(peer: str, folder: Path) -> Path | None:
    """The peer's own environment; None, with the reason said, when it cannot be made."""
    if peer == "none":
        return None
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    done = subprocess.run([python, "-m", "pip", "install", "--quiet", PEERS[peer]], check=False)
    if done.returncode:
        Console().print(f"{peer} cannot be installed here; no ratio")
        return None
    return python


def _peer(peer: str, texts: list[str], python: Path | None) -> float:
    """Notes per second and core of the peer on the same texts and cues; 0 without one."""
    if python is None:
        return 0.0
    cues: dict[str, list[str]] = {}
    for literal in default_engine().literals:
        cues.setdefault(literal.tag, []).append(literal.text)
    with tempfile.TemporaryDirectory(prefix="clearward-bench-") as folder:
        path, code = Path(folder) / "given.json", Path(folder) / "peer.py"
        path.write_text(json.dumps({"texts": texts, "cues": cues}), encoding="utf-8")
        code.write_text(PEER_CODE, encoding="utf-8")
        done = subprocess.run(
            [python, code, peer, path], capture_output=True, text=True, check=True
        )
    return len(texts) / float(json.loads(done.stdout.splitlines()[-1])["seconds"])


if __name__ == "__main__":
    sys.exit(main())
