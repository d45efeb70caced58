"""The texts patients sign: registered once, and permits checked against them.

A version names one text: another hash under the same version is refused, also where no text was
registered. A hospital that registered texts can send permits for these texts and purposes only.
"""

from __future__ import annotations

from collections.abc import Sized
from datetime import UTC, datetime

import pyarrow as pa
from sqlalchemy import Engine, insert, select

from clearward import audit
from clearward.consent.purposes import check_purpose
from clearward.errors import ConsentError
from clearward.state.models import ConsentEvent, ConsentText
from clearward.warehouse import check_hospital

Key = tuple[str, str]


def register_text(
    engine: Engine,
    *,
    hospital: str,
    version: str,
    language: str,
    sha256: str,
    purposes: tuple[str, ...],
) -> None:
    """Record a text for good; ConsentError when the version is already another text."""
    for purpose in purposes:
        check_purpose(purpose)
    known = _registered(engine, check_hospital(hospital))
    if (version, language) in known:
        if known[version, language] == (sha256, frozenset(purposes)):
            return
        raise ConsentError(
            f"Text {version} of {hospital} is registered already, with another content.",
            do="register the new text under a new version",
        )
    now = audit.utc_text(datetime.now(UTC))
    with engine.begin() as connection:
        connection.execute(
            insert(ConsentText).values(
                hospital_id=hospital,
                version=version,
                language=language,
                sha256=sha256,
                purposes=" ".join(sorted(purposes)),
                recorded_at=now,
            )
        )


def check_texts(engine: Engine, hospital: str, events: pa.Table) -> None:
    """Raise ConsentError when a permit names an unknown text, or another one by a known name."""
    said = _permits(events)
    if not said:
        return
    registered = _registered(engine, check_hospital(hospital))
    unknown = {key for key, _, _ in said if registered and key not in registered}
    beyond = {
        purpose
        for key, _, purpose in said
        if key in registered and purpose not in registered[key][1]
    }
    hashes = {key: {sha256} for key, (sha256, _) in registered.items()}
    for key, sha256 in _in_ledger(engine, hospital):
        hashes.setdefault(key, set()).add(sha256)
    changed = {key for key, sha256, _ in said if key in hashes and sha256 not in hashes[key]}
    wrong: dict[str, Sized] = {
        "versions no text was registered for": unknown,
        "versions that stand for another text": changed,
        "purposes their text does not speak of": beyond,
    }
    if any(wrong.values()):
        raise ConsentError(
            f"Permits of {hospital} name texts that cannot be right.",
            seen="; ".join(f"{len(found)} {what}" for what, found in wrong.items() if found),
            expected="texts as `clearward consent text` registered them, one hash a version",
            do="register the text, or correct text_version and text_sha256; nothing was taken",
        )


def _permits(events: pa.Table) -> set[tuple[Key, str, str]]:
    names = ["decision", "text_version", "language", "text_sha256", "purpose"]
    rows = events.select(names).group_by(names).aggregate([]).to_pylist()
    return {
        ((row["text_version"], row["language"]), row["text_sha256"], row["purpose"])
        for row in rows
        if row["decision"] == "permit"
    }


def _registered(engine: Engine, hospital: str) -> dict[Key, tuple[str, frozenset[str]]]:
    query = select(ConsentText).where(ConsentText.hospital_id == hospital)
    with engine.connect() as connection:
        rows = connection.execute(query).mappings()
        return {
            (row["version"], row["language"]): (row["sha256"], frozenset(row["purposes"].split()))
            for row in rows
        }


def _in_ledger(engine: Engine, hospital: str) -> list[tuple[Key, str]]:
    query = (
        select(ConsentEvent.text_version, ConsentEvent.language, ConsentEvent.text_sha256)
        .where(ConsentEvent.hospital_id == hospital)
        .where(ConsentEvent.decision == "permit")
        .distinct()
    )
    with engine.connect() as connection:
        return [((row[0], row[1]), row[2]) for row in connection.execute(query)]
