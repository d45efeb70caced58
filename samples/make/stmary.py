"""Hospital `stmary`: FHIR R4 bulk export, full, then two deltas with a `deleted` list.

Its deliberate mistakes are the constants below; README.md lists where each can be seen.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from samples.make import fhir, synthea
from samples.make.consents import Mix, consent_lines, consent_roles
from samples.make.extract import CUT, MONTHS, Part, ndjson_part, packed, write_extract
from samples.make.fhir import Resource
from samples.make.fhir_consents import consents
from samples.make.synthea import KEYS, Tables

HOSPITAL = "stmary"
BASE = "https://fhir.stmary.example"
MIX = Mix(
    admission_only=1,
    denied=1,
    silent=1,
    withdraw_april=1,
    withdraw_may=1,
    permit_may=1,
    narrowed=1,
)
LATE, LATE_SINCE = 24, "2023-12"
CORRECTED, DELETED, BAD = 4, 5, 2
CORRECTED_CODES = {"10230-1", "79892-6", "79893-4"}
FAILED = ["Binary attachments of two documents could not be rendered; they will be sent again."]

BUILDERS: dict[str, tuple[str, Callable[[pd.DataFrame], Iterator[Resource]]]] = {
    "Patient": ("patients", fhir.patients),
    "Encounter": ("encounters", fhir.encounters),
    "Condition": ("conditions", fhir.conditions),
    "Observation": ("observations", fhir.observations),
    "Procedure": ("procedures", fhir.procedures),
    "MedicationRequest": ("medications", fhir.medications),
    "DocumentReference": ("notes", fhir.documents),
    "Practitioner": ("providers", fhir.practitioners),
    "Organization": ("organizations", fhir.organizations),
}


def make_stmary(root: Path, data: Path, months: tuple[str, ...] = MONTHS) -> None:
    """Write the asked months of the hospital under ``root/stmary``."""
    tables = synthea.load_tables(data)
    _, patients = synthea.deal_patients(tables)
    lives = synthea.lives(tables, patients)
    roles = consent_roles(HOSPITAL, lives, MIX)
    notes = synthea.load_notes(data)
    held: dict[str, list[Resource]] = {}
    for sequence, month in enumerate(MONTHS, start=1):
        state = _state(tables, notes, patients, month)
        now = {name: list(build(state[table])) for name, (table, build) in BUILDERS.items()}
        now["Observation"] = _mistakes(now["Observation"], month)
        sent = {name: _unsent(found, held.get(name, [])) for name, found in now.items()}
        deleted = _deleted_references(now["Observation"]) if month == "2024-04" else []
        held = now
        if month in months:
            whole = sequence == 1
            said = consent_lines(HOSPITAL, month, roles, lives, language="en", whole=whole)
            write_extract(
                root / HOSPITAL / month,
                _export({**sent, "Consent": list(consents(said, month))}, deleted, month),
                hospital=HOSPITAL,
                system="fhir",
                month=month,
                kind="full" if sequence == 1 else "delta",
                sequence=sequence,
            )


def _state(tables: Tables, notes: dict[str, str], patients: set[str], month: str) -> Tables:
    held = synthea.cut_tables(tables, patients, month)
    for name in ("conditions", "observations", "procedures", "medications"):
        frame = held[name].drop_duplicates()
        held[name] = frame.assign(ordinal=frame.groupby(KEYS[name]).cumcount() + 1)
    conditions = held["conditions"]
    held["conditions"] = conditions[conditions["ordinal"] == 1]
    encounters = held["encounters"]
    for name, column in (("providers", "PROVIDER"), ("organizations", "ORGANIZATION")):
        held[name] = held[name][held[name]["Id"].isin(set(encounters[column]))]
    held["notes"] = _notes(notes, encounters, patients, month)
    return held


def _notes(
    notes: dict[str, str], encounters: pd.DataFrame, patients: set[str], month: str
) -> pd.DataFrame:
    """One row per note section, joined to the first encounter of that day."""
    rows = [
        (name[-40:-4], day, body)
        for name, text in notes.items()
        if name[-40:-4] in patients
        for day, body in synthea.note_sections(text, month)
    ]
    frame = pd.DataFrame(rows, columns=["PATIENT", "day", "TEXT"])
    frame["ordinal"] = frame.groupby(["PATIENT", "day"]).cumcount() + 1
    visits = encounters.assign(day=encounters["START"].str[:10]).sort_values("START")
    visits["ordinal"] = visits.groupby(["PATIENT", "day"]).cumcount() + 1
    visits = visits.rename(columns={"Id": "ENCOUNTER"})
    columns = ["PATIENT", "day", "ordinal", "ENCOUNTER", "START"]
    joined = frame.merge(visits[columns], how="left", on=["PATIENT", "day", "ordinal"])
    joined["ENCOUNTER"] = joined["ENCOUNTER"].fillna("")
    joined["DATE"] = joined["START"].fillna(joined["day"] + "T12:00:00Z")
    return joined


def _numeric(resources: list[Resource]) -> pd.DataFrame:
    """Index of the single-valued numeric observations March could already know."""
    rows = [
        (n, r["id"], r["code"]["coding"][0]["code"], r["effectiveDateTime"])
        for n, r in enumerate(resources)
        if "valueQuantity" in r and "2010" < r["effectiveDateTime"] < "2024-03-25"
    ]
    return pd.DataFrame(rows, columns=["n", "id", "code", "at"]).set_index("n", drop=False)


def _chosen(resources: list[Resource]) -> dict[str, set[str]]:
    """Ids of the corrected, late and deleted observations; the same in every month."""
    frame = _numeric(resources)
    special = frame["code"].isin(CORRECTED_CODES)
    recent = frame["at"] >= LATE_SINCE
    masks = {
        "corrected": (special, CORRECTED),
        "late": (~special & recent, LATE),
        "deleted": (~special & ~recent, DELETED),
    }
    return {
        slot: set(
            frame.loc[
                synthea.pick_rows(frame[["id"]], allowed, slot=f"stmary-{slot}", count=count), "id"
            ]
        )
        for slot, (allowed, count) in masks.items()
    }


def _mistakes(resources: list[Resource], month: str) -> list[Resource]:
    if month != "2024-03":
        return [*resources, *_bad_observations(resources, month)]
    chosen = _chosen(resources)
    kept = [r for r in resources if r["id"] not in chosen["late"]]
    return [_mistyped(r) if r["id"] in chosen["corrected"] else r for r in kept]


def _mistyped(resource: Resource) -> Resource:
    quantity = resource["valueQuantity"]
    wrong = quantity | {"value": round(quantity["value"] + 7, 1)}
    return resource | {"valueQuantity": wrong, "status": "preliminary"}


def _bad_observations(resources: list[Resource], month: str) -> list[Resource]:
    """Two observations of April whose time cannot be read."""
    if month != "2024-04":
        return []
    april = [r for r in resources if r["effectiveDateTime"] >= "2024-04" and "valueString" in r]
    fields = {"effectiveDateTime": "April, evening", "issued": "unknown"}
    return [
        r | fields | {"id": fhir.resource_id("unreadable", r["id"])}
        for r in sorted(april, key=lambda r: str(r["id"]))[:BAD]
    ]


def _deleted_references(resources: list[Resource]) -> list[str]:
    return [f"Observation/{key}" for key in sorted(_chosen(resources)["deleted"])]


def _unsent(now: list[Resource], before: list[Resource]) -> list[Resource]:
    seen = {json.dumps(r, sort_keys=True) for r in before}
    return [r for r in now if json.dumps(r, sort_keys=True) not in seen]


def _export(sent: dict[str, list[Resource]], deleted: list[str], month: str) -> list[Part]:
    required = {"Patient", "Encounter", "Condition", "Observation"}
    output = {
        name: ndjson_part(f"{name}.ndjson", found)
        for name, found in sent.items()
        if found or name in required
    }
    removed = [ndjson_part("deleted.ndjson", fhir.deletions(deleted))] if deleted else []
    failed = [ndjson_part("error.ndjson", fhir.outcomes(FAILED))] if month == "2024-04" else []
    document = {
        "transactionTime": f"{CUT[month]}T01:00:00Z",
        "request": f"{BASE}/$export" + ("" if month == "2024-03" else f"?_since={month}-01"),
        "requiresAccessToken": True,
        "output": [_listed(name, part, month) for name, part in output.items()],
        "deleted": [_listed("Bundle", part, month) for part in removed],
        "error": [_listed("OperationOutcome", part, month) for part in failed],
    }
    text = json.dumps(document, indent=1) + "\n"
    manifest = packed("bulk-manifest.json", text.encode(), rows=1)
    return [*output.values(), *removed, *failed, manifest]


def _listed(kind: str, part: Part, month: str) -> dict[str, object]:
    return {"type": kind, "url": f"{BASE}/bulk/{month}/{part.name}", "count": part.rows}
