"""Whether a month's work is still what its inputs and the code would give again.

A fingerprint covers everything a month depends on: accepted and waiting extracts up to it, consent
events up to it, where releases go, and the files that hold the rules. Equal fingerprints mean that
there is nothing to do.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from clearward.arrival import find_extract
from clearward.settings import Settings
from clearward.sources.hospital import HOSPITAL
from clearward.state.models import ConsentEvent
from clearward.warehouse import hash_file

PROJECT = Path(__file__).parents[1]
_RULES = (
    "clearward",
    "dbt_project/models",
    "dbt_project/macros",
    "dbt_project/seeds",
    "expectations",
)
_KINDS = {".py", ".sql", ".toml", ".yml", ".csv", ".json", ".html"}


@cache
def code_fingerprint() -> str:
    """SHA-256 over every file that holds a rule, read once: a process runs the code it loaded."""
    digest = hashlib.sha256()
    files = (p for folder in _RULES for p in (PROJECT / folder).rglob("*") if p.suffix in _KINDS)
    for path in sorted(files):
        digest.update(path.relative_to(PROJECT).as_posix().encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def month_fingerprint(
    settings: Settings, database: Engine, *, month: str, hospitals: list[str], goal: str
) -> str:
    """SHA-256 over the code, the month's extracts and their hospitals' words, the ledger up to it
    and the run's goal."""
    extracts = [find_extract(settings, hospital=h, month=month).manifest_sha256 for h in hospitals]
    words = [settings.landing / hospital / HOSPITAL for hospital in hospitals]
    extracts += [hash_file(path) for path in words if path.is_file()]
    ledger = select(func.count(), func.max(ConsentEvent.id)).where(ConsentEvent.month <= month)
    with Session(database) as session:
        consents = [list(row) for row in session.execute(ledger)]
    parts = json.dumps([code_fingerprint(), sorted(extracts), consents, settings.store, goal])
    return hashlib.sha256(parts.encode()).hexdigest()


def is_done(settings: Settings, *, month: str, fingerprint: str) -> bool:
    """True when the last finished run of the month had the same fingerprint."""
    path = _marker(settings, month)
    return path.exists() and path.read_text() == fingerprint


def mark_done(settings: Settings, *, month: str, fingerprint: str) -> None:
    """Remember that the month was finished for this fingerprint, and forget later months."""
    path = _marker(settings, month)
    path.parent.mkdir(parents=True, exist_ok=True)
    for later in (p for p in path.parent.iterdir() if p.name > path.name):
        later.unlink()
    path.write_text(fingerprint)


def _marker(settings: Settings, month: str) -> Path:
    return settings.reports / "months" / f"{month}.done"
