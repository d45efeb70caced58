"""``clearward notes``: free text seen from outside: counts, doubtful findings, a blind check."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from clearward.cli.show import console, show_rows
from clearward.notes.drift import drift_rows
from clearward.notes.exports import export_fhir, export_omop
from clearward.notes.review.check import (
    JUDGEMENTS,
    Sample,
    draw_sample,
    precision,
    read_judgements,
    write_judgements,
)
from clearward.notes.review.page import write_page
from clearward.notes.review.queue import queued
from clearward.settings import load_settings

app = typer.Typer(
    no_args_is_help=True,
    help="""Free text: what was read, what is in doubt, how right it is at one hospital.

  clearward notes report --hospital H                   counts by rule, beside the month before\n
  clearward notes review --hospital H --month 2024-05   doubtful findings, as a page\n
  clearward notes check --hospital H --sample 200       draw a blind sample to judge\n
  clearward notes check --hospital H --judged FILE      precision with intervals\n
  clearward notes export --hospital H --month 2024-05 --to FOLDER
""",
)
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
Hospital = Annotated[str, typer.Option(help="Hospital id.")]
Month = Annotated[str, typer.Option(help="YYYY-MM.")]


@app.command()
def report(hospital: Hospital, as_json: Json = False) -> None:
    """Cues and findings of every rule per 1,000 notes, and what changed since the month before."""
    rows = drift_rows(load_settings(), hospital)
    show_rows(f"Rules at {hospital}, per 1,000 notes", rows, as_json=as_json)


@app.command()
def review(
    hospital: Hospital,
    month: Month,
    limit: Annotated[int, typer.Option(help="At most so many.")] = 500,
) -> None:
    """Write the page of doubtful findings, least sure first. It shows text: it stays here."""
    settings = load_settings()
    found = queued(settings, hospital=hospital, month=month, limit=limit)
    path = write_page(settings, found, purpose="review", hospital=hospital, is_blind=False)
    console.print(f"{len(found)} findings wait for a person: {path}", soft_wrap=True)


@app.command()
def check(
    hospital: Hospital,
    sample: Annotated[int, typer.Option(help="Findings to draw.")] = 200,
    month: Annotated[str, typer.Option(help="YYYY-MM; all months if omitted.")] = "",
    attribute: Annotated[
        list[str] | None, typer.Option(help="Only this attribute; repeat for several.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Another number draws another sample.")] = 1,
    judged: Annotated[Path | None, typer.Option(help="Judgements to read: a CSV.")] = None,
    prompt: Annotated[bool, typer.Option("--prompt", help="Judge here, one by one.")] = False,
    as_json: Json = False,
) -> None:
    """Draw a blind sample, collect judgements, print precision with 95 % Wilson intervals."""
    settings = load_settings()
    if judged:
        _show(hospital, judged, as_json=as_json)
        return
    drawn = draw_sample(
        settings, hospital=hospital, size=sample, month=month, seed=seed, attributes=attribute or ()
    )
    if prompt:
        _ask(drawn)
        _show(hospital, drawn.path, as_json=as_json)
        return
    page = write_page(settings, drawn.items, purpose="check", hospital=hospital, is_blind=True)
    console.print(f"{len(drawn.items)} findings drawn. Judge them on the page:", soft_wrap=True)
    console.print(f"  {page}", soft_wrap=True)
    console.print(f"or write {', '.join(JUDGEMENTS)} into the last column of", soft_wrap=True)
    console.print(f"  {drawn.path}", soft_wrap=True)
    console.print(f"Next: clearward notes check --hospital {hospital} --judged FILE")


@app.command()
def export(
    hospital: Hospital,
    month: Month,
    to: Annotated[Path, typer.Option(help="Folder to write into.")],
) -> None:
    """Write de-identified findings as OMOP NOTE_NLP and FHIR R4, for use inside the hospital."""
    settings = load_settings()
    rows = export_omop(settings, to, hospital=hospital, month=month)
    counts = export_fhir(settings, to, hospital=hospital, month=month)
    facts = [{"what": "note_nlp rows", "number": rows}]
    facts += [{"what": name, "number": number} for name, number in counts.items()]
    show_rows(f"{hospital} {month}", facts, as_json=False)


def _show(hospital: str, path: Path, *, as_json: bool) -> None:
    rows = [each.row() for each in precision(read_judgements(path))]
    show_rows(f"Precision at {hospital}", rows, as_json=as_json)


def _ask(drawn: Sample) -> None:
    """One finding after another; what was judged is kept after each."""
    keys = ", ".join(f"{number} {word}" for number, word in enumerate(JUDGEMENTS, 1))
    said: dict[str, str] = {}
    for number, item in enumerate(drawn.items, 1):
        shown: list[Any] = [item.attribute, item.value, item.side, *item.said]
        console.rule(f"{number} of {len(drawn.items)}")
        console.print("  ".join(str(part) for part in shown if part), markup=False, style="bold")
        console.print(f"{item.before}⟦{item.span}⟧{item.after}", markup=False)
        answer = typer.prompt(f"{keys}, 0 stop", type=int)
        if not 1 <= answer <= len(JUDGEMENTS):
            break
        said[item.finding_id] = JUDGEMENTS[answer - 1]
        write_judgements(drawn.path, drawn.items, said)
