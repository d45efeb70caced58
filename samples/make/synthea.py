"""Reads the 88 Synthea patients, deals them to two hospitals and cuts their history at a month.

Here belongs what both hospitals share. What a hospital does wrong is in lakeside.py and stmary.py.
"""

from __future__ import annotations

import os
import re
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from samples.make import draw
from samples.make.consents import Life
from samples.make.extract import CUT

Tables = dict[str, pd.DataFrame]

STARTS = {
    "encounters": "START",
    "conditions": "START",
    "observations": "DATE",
    "procedures": "START",
    "medications": "START",
    "imaging_studies": "DATE",
}
STOPS = {"encounters": "STOP", "conditions": "STOP", "procedures": "STOP", "medications": "STOP"}
REFERENCE = ("organizations", "providers", "payers")
EYE_EXAMS = {"79892-6", "79893-4"}
EYE = {"1551000119108", "1501000119109", "97331000119101", "422034002"}
NEURO = {"230690007", "26929004", "230265002", "84757009", "128613002", "37796009"}
CARDIAC = {"88805009", "84114007", "49436004", "414545008", "22298006", "401303003", "401314000"}

_SECTION = re.compile(r"(?m)^(\d{4}-\d{2}-\d{2})$")


def data_folder() -> Path:
    """``$CLEARWARD_DATA/synthea-88``; by default beside the repository in ``shared/data``."""
    root = Path(__file__).resolve().parents[2]
    return Path(os.environ.get("CLEARWARD_DATA", root / "../shared/data")) / "synthea-88"


def load_tables(folder: Path) -> Tables:
    """Every table as text; nothing is taken for a number or a null."""
    names = ("patients", *STARTS, *REFERENCE)
    return {
        name: pd.read_csv(folder / "csv" / f"{name}.csv.gz", dtype=str, keep_default_na=False)
        for name in names
    }


def load_notes(folder: Path) -> dict[str, str]:
    """File name -> text of the notes archive."""
    with tarfile.open(folder / "notes.tar.gz") as archive:
        members = sorted(m.name for m in archive.getmembers() if m.isfile())
        return {
            Path(name).name: archive.extractfile(name).read().decode()  # type: ignore[union-attr]
            for name in members
        }


def deal_patients(tables: Tables) -> tuple[set[str], set[str]]:
    """Two halves: every second patient of each specialty, in the order of their ids.

    The first of the specialties eye, neurology, cardiology that fits counts.
    """
    specialty = dict.fromkeys(tables["patients"]["Id"], "other")
    conditions, observations = tables["conditions"], tables["observations"]
    for name, codes in (("cardiac", CARDIAC), ("neuro", NEURO), ("eye", EYE)):
        found = conditions.loc[conditions["CODE"].isin(codes), "PATIENT"]
        specialty.update(dict.fromkeys(found, name))
    examined = observations.loc[observations["CODE"].isin(EYE_EXAMS), "PATIENT"]
    specialty.update(dict.fromkeys(examined, "eye"))
    ordered = sorted(specialty, key=lambda patient: (specialty[patient], patient))
    return set(ordered[0::2]), set(ordered[1::2])


def cut_tables(tables: Tables, patients: set[str], month: str) -> Tables:
    """The patients' tables as they stood at the end of a month: nothing later is known yet."""
    cut = CUT[month]
    held = {name: tables[name].copy() for name in REFERENCE}
    people = tables["patients"]
    held["patients"] = people[people["Id"].isin(patients)].copy()
    held["patients"]["DEATHDATE"] = _known(held["patients"]["DEATHDATE"], cut)
    for name, start in STARTS.items():
        frame = tables[name]
        frame = frame[frame["PATIENT"].isin(patients) & (frame[start] < cut)].copy()
        if name in STOPS:
            frame["STOP"] = _known(frame["STOP"], cut)
        held[name] = frame
    return held


def cut_note(text: str, month: str, *, since: str = "") -> str:
    """Sections dated in [first day of `since`, end of `month`]; empty when there is none."""
    pieces = _SECTION.split(text)
    pairs = zip(pieces[1::2], pieces[2::2], strict=True)
    return "".join(f"\n{day}{body}" for day, body in pairs if since <= day < CUT[month])


def note_sections(text: str, month: str) -> list[tuple[str, str]]:
    """(date, body) of each section known at the end of a month."""
    pieces = _SECTION.split(text)
    pairs = zip(pieces[1::2], pieces[2::2], strict=True)
    return [(day, body.strip()) for day, body in pairs if day < CUT[month]]


def unique_rows(frame: pd.DataFrame, keys: list[str]) -> pd.Series:
    """True for rows whose natural key nobody shares and whose encounter is known."""
    return ~frame.duplicated(keys, keep=False) & (frame["ENCOUNTER"] != "")


def pick_rows(frame: pd.DataFrame, allowed: pd.Series, *, slot: str, count: int) -> pd.Series:
    """A mask over the frame with exactly `count` of the allowed rows set."""
    keys = draw.row_keys(frame[allowed])
    mask = pd.Series(False, index=frame.index)
    mask[keys.index] = draw.pick(slot, keys, count)
    return mask


def changed_rows(new: pd.DataFrame, old: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Rows of `new` that `old` lacks, and whatever shares a natural key with them.

    Rows without a key of their own are numbered by a reader: it must see their siblings too.
    """
    before = set(draw.row_keys(old.reindex(columns=new.columns, fill_value=""), "\x1f"))
    fresh = ~draw.row_keys(new, "\x1f").isin(before)
    index = pd.MultiIndex.from_frame(new[keys])
    return new[index.isin(index[fresh.to_numpy(dtype=bool)])]


def _known(dates: pd.Series, cut: str) -> pd.Series:
    return dates.where(dates < cut, "")


KEYS: Mapping[str, list[str]] = {
    "patients": ["Id"],
    "encounters": ["Id"],
    "conditions": ["PATIENT", "ENCOUNTER", "CODE", "START"],
    "observations": ["PATIENT", "ENCOUNTER", "CODE", "DATE"],
    "procedures": ["PATIENT", "ENCOUNTER", "CODE", "START"],
    "medications": ["PATIENT", "ENCOUNTER", "CODE", "START"],
    "imaging_studies": ["Id", "SERIES_UID", "INSTANCE_UID"],
}


def lives(tables: Tables, patients: set[str]) -> dict[str, Life]:
    """When the patients were born and died."""
    people = tables["patients"].fillna("")
    chosen = people[people["Id"].isin(patients)].sort_values("Id")
    columns = (chosen[name] for name in ("Id", "BIRTHDATE", "DEATHDATE"))
    return {key: Life(born, died) for key, born, died in zip(*columns, strict=True)}
