"""Reads the shipped extracts as plain tables, each month of `renmin` under its Chinese headers."""

from __future__ import annotations

import io
import json
from functools import cache
from pathlib import Path

import pandas as pd

from samples.make.extract import unpacked
from samples.make.his_words import FILES, PINYIN

SAMPLES = Path(__file__).parents[3] / "samples"
EXTRACTS = SAMPLES / "extracts"
MARCH, APRIL, MAY = "2024-03", "2024-04", "2024-05"


def manifest(folder: Path) -> dict:
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))


def stored(hospital: str, month: str, name: str) -> Path:
    folder = EXTRACTS / hospital / month
    found = [p for p in (folder / name, folder / f"{name}.gz") if p.is_file()]
    assert len(found) == 1, f"{hospital} {month} {name}: {len(found)} files"
    return found[0]


@cache
def table(hospital: str, month: str, name: str) -> pd.DataFrame:
    content = unpacked(stored(hospital, month, name))
    encoding = "utf-8" if hospital != "renmin" or name == "consents.csv" else "gb18030"
    text = content.decode(encoding)
    return pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)


@cache
def _records_of_several() -> set[str]:
    """Consents that any version of speaks of more than one purpose."""
    found = [item for month in (MARCH, APRIL, MAY) for item in resources(month, "Consent")]
    return {item["id"] for item in found if len(item["provision"]["purpose"]) > 1}


@cache
def consents(hospital: str, month: str) -> pd.DataFrame:
    """A hospital's decisions as the columns of consents.csv, whatever form it sends them in."""
    if hospital != "stmary":
        return table(hospital, month, "consents.csv")
    shape = table("lakeside", month, "consents.csv").columns
    rows = [
        {
            "patient_id": found["patient"]["reference"].removeprefix("Patient/"),
            "purpose": purpose["code"],
            "decision": "withdraw" if found["status"] == "inactive" else provision["type"],
            "decided_at": found["dateTime"],
            "valid_until": provision["period"].get("end", ""),
            "text_version": found["policy"][0]["uri"],
            "guardian": "true" if "contained" in found else "false",
            "guardian_relation": "parent" if "contained" in found else "",
            "record_id": found["id"] if found["id"] in _records_of_several() else "",
            "record_version": found["meta"]["versionId"],
        }
        for found in resources(month, "Consent")
        for provision in [found["provision"]]
        for purpose in provision["purpose"]
    ]
    frame = pd.DataFrame(rows).reindex(columns=shape, fill_value="")
    return frame.assign(record_version=frame["record_version"].where(frame["record_id"] != "", ""))


@cache
def his(month: str, name: str) -> pd.DataFrame:
    chinese, pinyin = FILES[name]
    folder = EXTRACTS / "renmin" / month
    shown = pinyin if any(folder.glob(f"{pinyin}*")) else chinese
    frame = table("renmin", month, shown)
    back = {short: long for long, short in PINYIN.items()}
    return frame if name == "front_sheet" else frame.rename(columns=back)


@cache
def resources(month: str, name: str) -> tuple[dict, ...]:
    lines = unpacked(stored("stmary", month, f"{name}.ndjson")).decode().splitlines()
    return tuple(json.loads(line) for line in lines)


def observations(month: str) -> pd.DataFrame:
    return table("lakeside", month, "observations.csv")
