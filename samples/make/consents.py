"""Writes consents.csv: who permitted what, and who changed their mind. Knows no hospital format.

Counts are shares of the patients in the order of a hash, so that every kind is there exactly.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from samples.make import draw
from samples.make.extract import Part, csv_part

LICENSING = "commercial_licensing"
COLUMNS = [
    "patient_id",
    "purpose",
    "decision",
    "decided_at",
    "valid_from",
    "valid_until",
    "text_version",
    "text_sha256",
    "evidence_sha256",
    "language",
    "guardian",
]
TEXTS = {
    "admission-2018": "general_admission",
    "research-2019": "research",
    "licensing-2019": LICENSING,
}


@dataclass(frozen=True)
class Mix:
    """How many patients stand for each case; everyone else permits all purposes.

    Attributes:
        admission_only: signed the admission form and nothing else.
        research_only: admission and research, not licensing.
        denied: said no to licensing.
        expiring: licensing permitted until the end of April 2024.
        silent: no decision on file.
        withdraw_april, withdraw_may: permitted, then withdrew that month.
        permit_may: first admission only, licensing permitted in May.
        guardian: a guardian decided for them.
    """

    admission_only: int
    research_only: int
    denied: int
    expiring: int
    silent: int
    withdraw_april: int
    withdraw_may: int
    permit_may: int
    guardian: int


def consent_roles(hospital: str, patients: Sequence[str], mix: Mix) -> dict[str, str]:
    """The case each patient stands for; `permits` for everyone the mix does not name."""
    order = sorted(patients, key=lambda p: hashlib.sha256(f"{hospital}|{p}".encode()).hexdigest())
    roles: dict[str, str] = {}
    start = 0
    for role, count in vars(mix).items():
        roles.update(dict.fromkeys(order[start : start + count], role))
        start += count
    return {patient: roles.get(patient, "permits") for patient in patients}


def consent_part(
    hospital: str, month: str, roles: dict[str, str], *, language: str, whole: bool
) -> Part:
    """consents.csv of a month: all events so far (`whole`), or those of that month only."""
    frame = pd.concat([_first_events(roles), _later_events(roles)], ignore_index=True)
    arrived = frame["arrives"]
    frame = frame[arrived <= month] if whole else frame[arrived == month]
    frame = _finished(hospital, frame, roles=roles, language=language)
    return csv_part("consents.csv", frame)


def _first_events(roles: dict[str, str]) -> pd.DataFrame:
    rows: list[tuple[str, str, str, str, str]] = []
    for patient, role in roles.items():
        if role == "silent":
            continue
        rows.append((patient, "general_admission", "permit", "", "2024-03"))
        if role in {"admission_only", "permit_may"}:
            continue
        rows.append((patient, "research", "permit", "", "2024-03"))
        if role == "research_only":
            continue
        decision = "deny" if role == "denied" else "permit"
        until = "2024-04-30" if role == "expiring" else ""
        rows.append((patient, LICENSING, decision, until, "2024-03"))
    return pd.DataFrame(rows, columns=["patient_id", "purpose", "decision", "until", "arrives"])


def _later_events(roles: dict[str, str]) -> pd.DataFrame:
    change = {
        "withdraw_april": ("withdraw", "2024-04"),
        "withdraw_may": ("withdraw", "2024-05"),
        "permit_may": ("permit", "2024-05"),
    }
    rows = [
        (patient, LICENSING, change[role][0], "", change[role][1])
        for patient, role in roles.items()
        if role in change
    ]
    return pd.DataFrame(rows, columns=["patient_id", "purpose", "decision", "until", "arrives"])


def _finished(
    hospital: str, frame: pd.DataFrame, *, roles: dict[str, str], language: str
) -> pd.DataFrame:
    version = frame["purpose"].map({purpose: text for text, purpose in TEXTS.items()})
    at = _decided_at(frame)
    until = frame["until"].where(frame["until"] == "", frame["until"] + "T23:59:59Z")
    evidence = hospital + "|" + frame["patient_id"] + "|" + frame["purpose"] + "|" + at
    done = pd.DataFrame(
        {
            "patient_id": frame["patient_id"],
            "purpose": frame["purpose"],
            "decision": frame["decision"],
            "decided_at": at,
            "valid_from": at,
            "valid_until": until,
            "text_version": version,
            "text_sha256": version.map(lambda v: _sha256(f"{hospital}|{v}")),
            "evidence_sha256": evidence.map(_sha256),
            "language": language,
            "guardian": frame["patient_id"].map(
                lambda p: "true" if roles[p] == "guardian" else "false"
            ),
        }
    )
    return done.sort_values(COLUMNS)[COLUMNS]


def _decided_at(frame: pd.DataFrame) -> pd.Series:
    """On the first of an early year, or inside the month the change arrives with."""
    number = np.array([int(_sha256(p)[:8], 16) for p in frame["patient_id"]])
    first = np.datetime64("2019-01-02T09:00:00") + draw.integers("consent-day", 0, 60, number) * (
        np.timedelta64(1, "D")
    )
    changed = frame["arrives"].to_numpy(dtype="datetime64[M]").astype("datetime64[s]")
    later = changed + draw.integers("change-day", 2, 24, number) * np.timedelta64(1, "D")
    when = np.where(frame["arrives"] == "2024-03", first, later + np.timedelta64(10, "h"))
    return pd.Series(np.datetime_as_string(when.astype("datetime64[s]")), index=frame.index) + "Z"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
