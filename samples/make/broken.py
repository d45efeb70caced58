"""Writes `samples/broken`: tiny extracts that must be refused whole, and one that must not.

Every case is the control with one thing wrong, so a refusal can have one cause only.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from samples.make.extract import Part, csv_part, write_extract

HOSPITAL, MONTH = "brokenhill", "2024-03"
COUNT = 8

Parts = dict[str, Part]


def make_broken(root: Path) -> None:
    """Write every case of `CASES` under ``root``, each with a one-line README.md."""
    shutil.rmtree(root, ignore_errors=True)
    for name, (sentence, spoil) in CASES.items():
        write_extract(
            root / name,
            spoil(_control()).values(),
            hospital=HOSPITAL,
            system="synthea",
            month=MONTH,
            kind="full",
            sequence=1,
        )
        (root / name / "README.md").write_text(f"{sentence}\n", encoding="utf-8")
    _change_byte(root / "changed-byte" / "observations.csv")


def _control() -> Parts:
    n = pd.Series(range(1, COUNT + 1)).astype(str)
    patient, visit = "patient-" + n, "encounter-" + n
    born = "195" + n + "-03-0" + n
    started = "2023-0" + n + "-11T09:30:00Z"
    patients = {"Id": patient, "BIRTHDATE": born, "DEATHDATE": "", "GENDER": "F"}
    names = {"FIRST": "Ann" + n, "LAST": "Müller" + n, "STATE": "Massachusetts"}
    encounters = {"Id": visit, "START": started, "STOP": started, "PATIENT": patient}
    event = {"PATIENT": patient, "ENCOUNTER": visit}
    condition = {"START": started.str[:10], "STOP": "", **event, "CODE": "44054006"}
    observation = {"DATE": started, **event, "CATEGORY": "laboratory", "CODE": "4548-4"}
    value = {"VALUE": "6." + n, "UNITS": "%", "TYPE": "numeric"}
    frames = {
        "patients": {**patients, **names},
        "encounters": {**encounters, "ENCOUNTERCLASS": "ambulatory", "CODE": "185345009"},
        "conditions": {**condition, "DESCRIPTION": "Diabetes mellitus type 2 (disorder)"},
        "observations": {**observation, "DESCRIPTION": "Hemoglobin A1c", **value},
    }
    parts = [csv_part(f"{name}.csv", pd.DataFrame(frame)) for name, frame in frames.items()]
    return {part.name: part for part in parts}


def _with(parts: Parts, name: str, content: bytes, *, rows: int = 0) -> Parts:
    """The parts with other bytes in one file; the manifest vouches for them."""
    changed = dataclasses.replace(parts[name], content=content, rows=rows or parts[name].rows)
    return {**parts, name: changed}


def _truncated(parts: Parts) -> Parts:
    return _with(parts, "observations.csv", parts["observations.csv"].content[:-31])


def _chinese(parts: Parts) -> Parts:
    text = parts["patients.csv"].content.decode().replace("Müller", "王芳")
    return _with(parts, "patients.csv", text.encode("gbk"))


def _ragged(parts: Parts) -> Parts:
    lines = parts["conditions.csv"].content.split(b"\n")
    lines[3] += b",left over,cells"
    return _with(parts, "conditions.csv", b"\n".join(lines))


def _without_file(parts: Parts) -> Parts:
    return {name: part for name, part in parts.items() if name != "encounters.csv"}


def _without_column(parts: Parts) -> Parts:
    lines = parts["patients.csv"].content.decode().splitlines()
    cells = [line.split(",") for line in lines]
    kept = [",".join([row[0], *row[2:]]) for row in cells]
    return _with(parts, "patients.csv", ("\n".join(kept) + "\n").encode())


def _retyped(parts: Parts) -> Parts:
    """Encounter starts as a spreadsheet's day numbers."""
    text = parts["encounters.csv"].content.decode()
    for n in range(1, COUNT + 1):
        text = text.replace(f"2023-0{n}-11T09:30:00Z", f"{44_937 + 30 * n}.396", 1)
    return _with(parts, "encounters.csv", text.encode())


def _miscounted(parts: Parts) -> Parts:
    part = parts["observations.csv"]
    return _with(parts, "observations.csv", part.content, rows=part.rows + 1)


def _change_byte(path: Path) -> None:
    """After the manifest is written: a value changes and the size does not."""
    path.write_bytes(path.read_bytes().replace(b"6.3", b"9.3", 1))


def _unchanged(parts: Parts) -> Parts:
    return parts


CASES: dict[str, tuple[str, Callable[[Parts], Parts]]] = {
    "control": ("Nothing is wrong here: this one must be accepted.", _unchanged),
    "truncated": ("The last line of observations.csv is cut in its middle.", _truncated),
    "changed-byte": (
        "One digit of observations.csv changed after the manifest was written.",
        _unchanged,
    ),
    "gbk-as-utf8": ("patients.csv is GBK; the system's contract is UTF-8.", _chinese),
    "ragged": ("Line 4 of conditions.csv has two cells too many.", _ragged),
    "missing-file": ("The required encounters.csv was not sent.", _without_file),
    "missing-column": ("patients.csv lost its required column BIRTHDATE.", _without_column),
    "retyped": ("START of encounters.csv holds a spreadsheet's day numbers.", _retyped),
    "miscounted": (
        "The manifest promises one row of observations.csv more than there is.",
        _miscounted,
    ),
}
