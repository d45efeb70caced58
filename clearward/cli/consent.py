"""``clearward consent``: decisions between extracts, their proof, where things stand."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from clearward.audit import utc_text
from clearward.cli.show import console, show_facts, show_rows
from clearward.consent.contradictions import (
    check_source_keys,
    count_contradictions,
    known_versions,
)
from clearward.consent.counts import read_counts
from clearward.consent.evidence import evidence_pack, pack_html
from clearward.consent.imports import read_file
from clearward.consent.model import end_of_month
from clearward.consent.people import find_person
from clearward.consent.purposes import EVERYTHING
from clearward.consent.registry import load_events, record_withdrawal, verify_ledger
from clearward.consent.texts import check_texts, register_text
from clearward.deidentify.installation import open_keyring
from clearward.keyring import pseudonym
from clearward.settings import Settings, load_settings
from clearward.state.base import state_engine

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="""Consent: the patient's word decides; default deny.

  clearward consent import consents.csv --hospital stmary --month 2024-05\n
  clearward consent withdraw --hospital stmary --month 2024-05\n
  clearward consent status                  who passes, who does not, and why\n
  clearward consent evidence --hospital stmary --patient-key KEY\n
  clearward consent verify                  is the ledger as it was written?

A month counts every event it or an earlier one brought: run it again after an import or withdrawal.
""",
)
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
Hospital = Annotated[str, typer.Option(help="Id of the hospital.")]
Key = Annotated[
    str, typer.Option(help="20 hex characters; asked for by the hospital's own id if omitted.")
]


@app.command()
def withdraw(
    hospital: Hospital,
    month: Annotated[str, typer.Option(help="First month to leave the patient out of, YYYY-MM.")],
    patient_key: Key = "",
    purpose: Annotated[str, typer.Option(help="Purpose withdrawn.")] = EVERYTHING,
) -> None:
    """Record a withdrawal. The next run of the month leaves the patient out."""
    settings = load_settings()
    is_new = record_withdrawal(
        state_engine(settings.database),
        hospital=hospital,
        patient_key=patient_key or _ask(settings, hospital),
        decided_at=datetime.now(UTC),
        month=month,
        purpose=purpose,
    )
    done = "Recorded" if is_new else "Already on record"
    console.print(f"{done}. Run {month} again to release without this patient.")


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="CSV, or FHIR Consents as NDJSON; .gz or plain.")],
    hospital: Hospital,
    month: Annotated[str, typer.Option(help="First month the decisions count for, YYYY-MM.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check and count only; take nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Take in consents that came outside an extract. The whole file or nothing of it."""
    settings = load_settings()
    database = state_engine(settings.database)
    keyring = open_keyring(settings)
    events = read_file(file, hospital=hospital, month=month, keyring=keyring)
    check_texts(database, hospital, events)
    check_source_keys(database, hospital, events)
    decided = count_contradictions(events, known_versions(database, hospital, events))
    added = 0 if dry_run else load_events(database, events)
    facts = {"events": events.num_rows, "added": added, "dry_run": dry_run, **decided}
    show_facts(f"Consents of {hospital}", facts, as_json=as_json)


@app.command()
def text(
    file: Annotated[Path, typer.Argument(help="The text patients sign, as they see it.")],
    hospital: Hospital,
    version: Annotated[str, typer.Option(help="As `text_version` names it.")],
    purpose: Annotated[list[str], typer.Option(help="A purpose it speaks of; repeat for several.")],
    language: Annotated[str, typer.Option(help="As `language` names it.")] = "",
) -> None:
    """Register a text. From then on the hospital's permits must name a registered one."""
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    register_text(
        state_engine(load_settings().database),
        hospital=hospital,
        version=version,
        language=language,
        sha256=digest,
        purposes=tuple(purpose),
    )
    console.print(f"Text {version} of {hospital} is {digest}.")


@app.command()
def status(
    month: Annotated[str, typer.Option(help="Only this month, YYYY-MM.")] = "*",
    as_json: Json = False,
) -> None:
    """Patients by purpose and reason, per hospital and month, as the gate last counted them."""
    rows = [
        {"month": d["month"], "hospital": d["hospital"], "purpose": p, "reason": r, "patients": n}
        for d in read_counts(load_settings(), month=month)
        for p, reasons in d["purposes"].items()
        for r, n in reasons.items()
    ]
    show_rows("Consent", rows, as_json=as_json)


@app.command()
def evidence(
    hospital: Hospital,
    patient_key: Key = "",
    month: Annotated[
        str, typer.Option(help="Decisions at the end of this month; now if omitted.")
    ] = "",
    folder: Annotated[Path, typer.Option(help="Where to write the pack.")] = Path(),
    as_json: Json = False,
) -> None:
    """Write everything on record about one patient, with the decision per purpose and its proof."""
    settings = load_settings()
    key = patient_key or _ask(settings, hospital)
    person = find_person(settings, hospital=hospital, patient_key=key)
    pack = evidence_pack(
        state_engine(settings.database),
        hospital=hospital,
        patient_key=key,
        as_of=end_of_month(month) if month else utc_text(datetime.now(UTC)),
        born_on=person.born_on,
        died_on=person.died_on,
    )
    if as_json:
        print(json.dumps(pack, indent=1, ensure_ascii=False))
        return
    folder.mkdir(parents=True, exist_ok=True)
    document = json.dumps(pack, indent=1, ensure_ascii=False) + "\n"
    (folder / f"consent-{key}.json").write_text(document, encoding="utf-8")
    (folder / f"consent-{key}.html").write_text(pack_html(pack), encoding="utf-8")
    console.print(f"Wrote consent-{key}.json and .html to {folder.resolve()}")


@app.command()
def verify(as_json: Json = False) -> None:
    """Compute every event's hash and the whole chain again; says where it breaks."""
    found = verify_ledger(state_engine(load_settings().database))
    facts = {"events": found.events, "batches": found.batches, "head": found.head.hash}
    show_facts("The consent ledger is as it was written", facts, as_json=as_json)


def _ask(settings: Settings, hospital: str) -> str:
    # Typed without echo, so that the id reaches neither the screen nor the shell's history.
    patient = typer.prompt("Patient id at the hospital", hide_input=True)
    return pseudonym(open_keyring(settings).key("row"), hospital, "patients", patient)
