"""Who permitted what, and who changed their mind; writes consents.csv. Knows no hospital format.

Counts are shares of the patients in the order of a hash, so that every kind is there exactly. A new
kind is a field of `Mix` and, where it decides anything about licensing, an entry in `_SAYS`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from samples.make import draw

LICENSING = "commercial_licensing"
DETAILS = ["guardian_relation", "guardian_evidence_sha256", "categories", "recipients"]
DETAILS += ["jurisdiction", "record_id", "record_version"]
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
    *DETAILS,
]
TEXTS = {
    "admission-2018": "general_admission",
    "research-2019": "research",
    "licensing-2019": LICENSING,
}
# Chinese law wants recipients named; the class is whom the purpose is asked about.
NAMED = {
    "general_admission": "health_provider;public_body",
    "research": "research_institution",
    LICENSING: "company",
}
Said = Mapping[str, str]


@dataclass(frozen=True)
class Life:
    """Dates of a patient, ``YYYY-MM-DD``; empty when still alive."""

    born: str
    died: str = ""


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
        came_of_age: a parent permitted, once, for somebody who is an adult now.
        representative: the appointed representative of an adult permitted.
        narrowed: a record whose second version, in April, permits research only.
        renewed: withdrew in April, permitted again in May.
        without_notes: licensing of tables and images, not of notes.
        with_genes: licensing that names genetic data as well.
        notes_only, one_company, unnamed, not_begun, same_second, opted_out, shortened: permits
            that do not count, or not alone; README.md says which is which.
        child_alone: permitted at thirteen without a guardian: the youngest patients.
            Who died as a child is `died_young` instead: a parent permitted.
        kin_refused: dead, and the relatives refused in April: the first who died.
    """

    admission_only: int = 0
    research_only: int = 0
    denied: int = 0
    expiring: int = 0
    silent: int = 0
    withdraw_april: int = 0
    withdraw_may: int = 0
    permit_may: int = 0
    came_of_age: int = 0
    representative: int = 0
    narrowed: int = 0
    renewed: int = 0
    without_notes: int = 0
    with_genes: int = 0
    notes_only: int = 0
    one_company: int = 0
    unnamed: int = 0
    not_begun: int = 0
    same_second: int = 0
    opted_out: int = 0
    shortened: int = 0
    child_alone: int = 0
    kin_refused: int = 0


APRIL, MAY = "2024-04", "2024-05"
_PARENT = {"guardian": "true", "guardian_relation": "parent"}
_PROVED = {"guardian": "true", "guardian_relation": "adult_representative"}
_NO = {"decision": "deny"}
_GONE = {"decision": "withdraw"}
# As precise as the permit beside it: or that one would count.
_NAMED = {"recipients": NAMED[LICENSING]}
# What a case says about licensing: the first word, then later ones with the month they come.
_SAYS: Mapping[str, Sequence[Said]] = {
    "permits": [{}],
    "admission_only": [],
    "research_only": [],
    "denied": [_NO],
    "expiring": [{"until": "2024-04-30"}],
    "withdraw_april": [{}, {**_GONE, "arrives": APRIL}],
    "withdraw_may": [{}, {**_GONE, "arrives": MAY}],
    "permit_may": [{"arrives": MAY}],
    "came_of_age": [_PARENT],
    "representative": [_PROVED],
    "narrowed": [{"record_version": "1"}],
    "renewed": [{}, {**_GONE, **_NAMED, "arrives": APRIL}, {"arrives": MAY}],
    "without_notes": [{"categories": "imaging structured"}],
    "with_genes": [{"categories": "genetic imaging notes structured"}],
    "notes_only": [{"categories": "notes"}],
    "one_company": [{"recipients": "company:Northlight Analytics"}],
    "unnamed": [{"recipients": "", "jurisdiction": "cn"}],
    "not_begun": [{"from": "2030-01-01"}],
    "same_second": [{}, {**_NO, **_NAMED}],
    "opted_out": [{}, {**_NO, "purpose": "secondary_use", "arrives": APRIL}],
    "shortened": [{}, {"until": "2024-04-30"}],
    "child_alone": [{}],
    "kin_refused": [{}, {**_NO, "guardian": "true", "arrives": APRIL}],
    "died_young": [{}],
}


def consent_roles(hospital: str, lives: Mapping[str, Life], mix: Mix) -> dict[str, str]:
    """The case each patient stands for; `permits` for everyone the mix does not name."""
    order = sorted(lives, key=lambda p: _sha256(f"{hospital}|{p}"))
    dead = sorted((p for p in order if lives[p].died), key=lambda p: lives[p].died)
    youngest = sorted(order, key=lambda p: lives[p].born, reverse=True)
    roles = dict.fromkeys(dead[: mix.kin_refused], "kin_refused")
    roles |= dict.fromkeys(youngest[: mix.child_alone], "child_alone")
    roles |= {p: "died_young" for p in order if _died_young(lives[p])}
    rest = iter([p for p in order if p not in roles and not lives[p].died])
    for role, count in vars(mix).items():
        if role not in {"kin_refused", "child_alone"}:
            roles.update({next(rest): role for _ in range(count)})
    return {patient: roles.get(patient, "permits") for patient in lives}


def _died_young(life: Life) -> bool:
    return bool(life.died) and int(life.died[:4]) - int(life.born[:4]) < 18


def consent_lines(
    hospital: str,
    month: str,
    roles: Mapping[str, str],
    lives: Mapping[str, Life],
    *,
    language: str,
    whole: bool,
    law: str = "",
) -> pd.DataFrame:
    """Decisions of a month: all events so far (`whole`), or those of that month only."""
    rows = [
        {"patient_id": patient, "role": role, **said}
        for patient, role in roles.items()
        for said in _words(role)
    ]
    frame = pd.DataFrame(rows).fillna("")
    arrived = frame["arrives"]
    frame = frame[arrived <= month] if whole else frame[arrived == month]
    return _finished(hospital, frame.reset_index(drop=True), lives, language=language, law=law)


def _words(role: str) -> list[Said]:
    """Everything a case says, in the order in which it was said."""
    if role == "silent":
        return []
    research = [] if role in {"admission_only", "permit_may"} else [{"purpose": "research"}]
    licensing = [{"purpose": LICENSING, **said} for said in _SAYS[role]]
    if role == "narrowed":
        again = {"purpose": "research", "record_version": "2", "arrives": APRIL, "same_day": "1"}
        research, licensing = [{**research[0], "record_version": "1"}], [*licensing, again]
    by = _PARENT if role == "died_young" else {}
    first = {"decision": "permit", "arrives": "2024-03", **by}
    return [{**first, **said} for said in [{"purpose": "general_admission"}, *research, *licensing]]


def _finished(
    hospital: str, frame: pd.DataFrame, lives: Mapping[str, Life], *, language: str, law: str
) -> pd.DataFrame:
    done = frame.reindex(columns=[*COLUMNS, "role", "from", "until"], fill_value="")
    done["jurisdiction"] = done["jurisdiction"].where(done["jurisdiction"] != "", law)
    is_bare = (done["recipients"] == "") & (done["role"] != "unnamed") & (law == "cn")
    is_named = is_bare & (done["decision"] == "permit")
    done["recipients"] = done["recipients"].where(~is_named, done["purpose"].map(NAMED))
    texts = {purpose: text for text, purpose in TEXTS.items()} | {"secondary_use": ""}
    done["decided_at"] = at = _decided_at(frame, lives)
    text = done["purpose"].map(texts)
    done["text_version"] = text.where((at >= "2018") | (text == ""), "early-" + text)
    done["valid_from"] = at.where(done["from"] == "", done["from"] + "T00:00:00Z")
    done["valid_until"] = done["until"].where(done["until"] == "", done["until"] + "T23:59:59Z")
    said = hospital + "|" + done["patient_id"] + "|" + done["purpose"] + "|" + at
    done["evidence_sha256"] = said.map(_sha256)
    done["text_sha256"] = done["text_version"].map(lambda v: v and _sha256(f"{hospital}|{v}"))
    done["language"] = language
    done["guardian"] = done["guardian"].where(done["guardian"] != "", "false")
    is_proved = done["guardian_relation"] == "adult_representative"
    done["guardian_evidence_sha256"] = said.map(_sha256).where(is_proved, "")
    is_kin = (done["role"] == "kin_refused") & (done["guardian"] == "true")
    done["guardian_relation"] = done["guardian_relation"].where(~is_kin, "next_of_kin")
    record = "record-" + done["patient_id"]
    done["record_id"] = record.where(done["record_version"] != "", "")
    return done.sort_values(COLUMNS)[COLUMNS]


def _decided_at(frame: pd.DataFrame, lives: Mapping[str, Life]) -> pd.Series:
    """On the first of an early year, or inside the month the change arrives with; never after
    death, but for what relatives say."""
    number = np.array([int(_sha256(p)[:8], 16) for p in frame["patient_id"]])
    first = np.datetime64("2019-01-02T09:00:00") + draw.integers("consent-day", 0, 60, number) * (
        np.timedelta64(1, "D")
    )
    last = [_latest(lives.get(p, Life("")), r) for p, r in frame[["patient_id", "role"]].to_numpy()]
    first = np.minimum(first, np.array(last, dtype="datetime64[s]"))
    changed = frame["arrives"].to_numpy(dtype="datetime64[M]").astype("datetime64[s]")
    later = changed + draw.integers("change-day", 2, 24, number) * np.timedelta64(1, "D")
    is_first = (frame["arrives"] == "2024-03") | _column(frame, "same_day").eq("1")
    when = np.where(is_first, first, later + np.timedelta64(10, "h"))
    return pd.Series(np.datetime_as_string(when.astype("datetime64[s]")), index=frame.index) + "Z"


def _column(frame: pd.DataFrame, name: str) -> pd.Series:
    return frame.get(name, pd.Series("", index=frame.index))


def _latest(life: Life, role: str) -> np.datetime64:
    """The last moment at which the first words can have been said."""
    if role == "child_alone":
        return np.datetime64(f"{int(life.born[:4]) + 13}-06-01T09:00:00")
    if not life.died:
        return np.datetime64("2100-01-01T00:00:00")
    return np.datetime64(life.died[:10]) - np.timedelta64(30, "D")


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
