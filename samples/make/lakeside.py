"""Hospital `lakeside`: Synthea CSV, full, full again under newer headers, then a delta.

Its deliberate mistakes are the constants below; README.md lists where each can be seen.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from samples.make import synthea
from samples.make.consents import Mix, consent_lines, consent_roles
from samples.make.extract import MONTHS, Part, csv_part, packed, write_extract
from samples.make.synthea import KEYS, Tables

HOSPITAL = "lakeside"
KINDS = {"2024-03": "full", "2024-04": "full", "2024-05": "delta"}
MIX = Mix(
    research_only=1,
    denied=1,
    expiring=1,
    withdraw_april=1,
    withdraw_may=1,
    permit_may=1,
    came_of_age=1,
    representative=2,
)
LATE, LATE_SINCE = 30, "2023-12"
CORRECTED, DELETED, DUPLICATED = 4, 6, 12
BAD_DISPENSES, BAD_ONSET, BAD_PROCEDURE = 3, 2, 2
CORRECTED_CODES = {"10230-1", "79892-6", "79893-4"}

# Headers of version 3.0: what the current generation added is not there yet.
ADDED_SINCE_3_0 = {
    "patients": ["MIDDLE", "FIPS", "INCOME"],
    "conditions": ["SYSTEM"],
    "procedures": ["SYSTEM"],
}


def make_lakeside(root: Path, data: Path, months: tuple[str, ...] = MONTHS) -> None:
    """Write the asked months of the hospital under ``root/lakeside``."""
    tables = synthea.load_tables(data)
    patients, _ = synthea.deal_patients(tables)
    lives = synthea.lives(tables, patients)
    roles = consent_roles(HOSPITAL, lives, MIX)
    states = {month: _state(tables, patients, month) for month in MONTHS}
    notes = {n: t for n, t in synthea.load_notes(data).items() if n[-40:-4] in patients}
    for month in months:
        whole = KINDS[month] == "full"
        content = states[month] if whole else _delta(states[month], states[MONTHS[1]])
        parts = [csv_part(f"{name}.csv", frame) for name, frame in content.items()]
        parts += _note_parts(notes, month, whole=whole)
        said = consent_lines(HOSPITAL, month, roles, lives, language="en", whole=whole)
        parts.append(csv_part("consents.csv", said))
        write_extract(
            root / HOSPITAL / month,
            parts,
            hospital=HOSPITAL,
            system="synthea",
            month=month,
            kind=KINDS[month],
            sequence=MONTHS.index(month) + 1,
        )


def _state(tables: Tables, patients: set[str], month: str) -> Tables:
    held = synthea.cut_tables(tables, patients, month)
    held["observations"] = _observations(held["observations"], month)
    if month == "2024-03":
        return _first_month(held)
    held["patients"] = _loyalty(held["patients"], moved=month == "2024-05")
    held["procedures"] = _bad_procedures(held["procedures"])
    return held


def _observations(frame: pd.DataFrame, month: str) -> pd.DataFrame:
    """Late, corrected, deleted and doubled rows; chosen among what March could already know."""
    alone = synthea.unique_rows(frame, KEYS["observations"]) & (frame["DATE"] < "2024-03-25")
    eligible = alone & (frame["DATE"] > "2010") & (frame["TYPE"] == "numeric")
    corrected = synthea.pick_rows(
        frame,
        eligible & frame["CODE"].isin(CORRECTED_CODES),
        slot="lakeside-corrected",
        count=CORRECTED,
    )
    rest = eligible & ~frame["CODE"].isin(CORRECTED_CODES)
    recent = rest & (frame["DATE"] >= LATE_SINCE)
    late = synthea.pick_rows(frame, recent, slot="lakeside-late", count=LATE)
    old = rest & (frame["DATE"] < LATE_SINCE)
    deleted = synthea.pick_rows(frame, old, slot="lakeside-deleted", count=DELETED)
    if month != "2024-03":
        return frame[~deleted]
    doubled = synthea.pick_rows(frame, old & ~deleted, slot="lakeside-doubled", count=DUPLICATED)
    first = frame.copy()
    first.loc[corrected, "VALUE"] = _mistyped(first.loc[corrected, "VALUE"])
    return pd.concat([first[~late], first[doubled]], ignore_index=True)


def _mistyped(values: pd.Series) -> pd.Series:
    """What was typed first: seven above what was measured."""
    return (values.astype(float) + 7).round(1).astype(str)


def _first_month(held: Tables) -> Tables:
    medications, conditions = held["medications"], held["conditions"]
    wrong = synthea.pick_rows(
        medications,
        synthea.unique_rows(medications, KEYS["medications"]),
        slot="lakeside-dispenses",
        count=BAD_DISPENSES,
    )
    medications.loc[wrong, "DISPENSES"] = "as needed"
    wrong = synthea.pick_rows(
        conditions,
        synthea.unique_rows(conditions, KEYS["conditions"]),
        slot="lakeside-onset",
        count=BAD_ONSET,
    )
    conditions.loc[wrong, "START"] = "2019-13-05"
    for name, columns in ADDED_SINCE_3_0.items():
        held[name] = held[name].drop(columns=columns)
    held["providers"] = held["providers"].rename(columns={"ENCOUNTERS": "UTILIZATION"})
    held["providers"] = held["providers"].drop(columns=["PROCEDURES"])
    return held


def _loyalty(patients: pd.DataFrame, *, moved: bool) -> pd.DataFrame:
    """A column no spec knows; in May two patients have moved house."""
    changed = patients.copy()
    changed["LOYALTY_TIER"] = ["gold" if key[0] in "0123" else "basic" for key in changed["Id"]]
    if moved:
        everyone = pd.Series(True, index=changed.index)
        movers = synthea.pick_rows(patients, everyone, slot="lakeside-moved", count=2)
        changed.loc[movers, "ADDRESS"] = "12 Harbor Lane"
    return changed


def _bad_procedures(procedures: pd.DataFrame) -> pd.DataFrame:
    """April's new procedures hold two whose start cannot be a date."""
    changed = procedures.copy()
    april = changed["START"].str.startswith("2024-04")
    alone = synthea.unique_rows(changed, KEYS["procedures"])
    wrong = synthea.pick_rows(
        changed, april & alone, slot="lakeside-procedure", count=BAD_PROCEDURE
    )
    changed.loc[wrong, "START"] = "see chart"
    return changed


def _delta(new: Tables, old: Tables) -> Tables:
    return {name: synthea.changed_rows(new[name], old[name], keys) for name, keys in KEYS.items()}


def _note_parts(notes: dict[str, str], month: str, *, whole: bool) -> list[Part]:
    since = "" if whole else f"{month}-01"
    texts = {name: synthea.cut_note(text, month, since=since) for name, text in notes.items()}
    return [packed(f"notes/{n}", t.encode(), rows=1) for n, t in texts.items() if t]
