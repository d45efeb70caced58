"""``clearward extract``: look at what a hospital sent before anything is done with it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clearward.arrival import all_arrivals, find_extract
from clearward.cli.show import console, show_facts, show_rows
from clearward.settings import load_settings
from clearward.signoff import sign_off
from clearward.sources.extract import pack_extract, verify_extract
from clearward.state.base import state_engine

app = typer.Typer(
    no_args_is_help=True,
    help="""Extracts: what hospitals send, one folder per hospital and month.

  clearward extract pack FOLDER --hospital stmary --system fhir --month 2024-05\n
  clearward extract verify FOLDER         is it whole and readable? changes nothing\n
  clearward extract list                  what lies in the landing folder\n
  clearward run --month 2024-05           take it in
""",
)
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


@app.command()
def verify(
    folder: Annotated[Path, typer.Argument(help="Folder with the files and their manifest.json.")],
    as_json: Json = False,
) -> None:
    """Check an extract whole: hashes, row counts, encoding, headers, types. Changes nothing."""
    extract = verify_extract(folder)
    facts = {
        "hospital": extract.hospital,
        "system": extract.system,
        "month": extract.month,
        "kind": extract.kind,
        "sequence": extract.sequence,
        "files": len(extract.files),
        "rows": sum(file.rows for file in extract.files),
        "files_not_read": ", ".join(extract.unknown_files) or "-",
        "columns_dropped": ", ".join(extract.dropped_columns) or "-",
        "export_errors": extract.export_errors,
    }
    show_facts("Extract is whole and readable", facts, as_json=as_json)


@app.command()
def pack(
    folder: Annotated[Path, typer.Argument(help="Folder with the files as they were sent.")],
    hospital: Annotated[str, typer.Option(help="Id of the hospital, such as stmary.")],
    system: Annotated[str, typer.Option(help="Source system: synthea, fhir or his.")],
    month: Annotated[str, typer.Option(help="YYYY-MM the extract is for.")],
    kind: Annotated[str, typer.Option(help="full (everything again) or delta.")] = "full",
    sequence: Annotated[int, typer.Option(help="1 for the first extract, then one more.")] = 1,
) -> None:
    """Write the manifest for a folder that was sent without one."""
    path = pack_extract(
        folder, hospital=hospital, system=system, month=month, kind=kind, sequence=sequence
    )
    console.print(f"Wrote {path}. Next: clearward extract verify {folder}")


@app.command()
def signoff(
    hospital: Annotated[str, typer.Argument(help="Id of the hospital.")],
    month: Annotated[str, typer.Option(help="YYYY-MM of the held extract.")],
    change: Annotated[list[str], typer.Option(help="deletes, moved or system; repeatable.")],
    by: Annotated[str, typer.Option(metavar="NAME", help="Who asked the hospital.")],
    reason: Annotated[str, typer.Option(help="What the hospital answered.")],
) -> None:
    """Let one held extract through: goes to the audit log, then run the month again."""
    settings = load_settings()
    arrival = find_extract(settings, hospital=hospital, month=month)
    database = state_engine(settings.database)
    sign_off(database, arrival.manifest_sha256, changes=change, by=by, reason=reason)
    console.print(f"Signed off: {', '.join(change)} for {hospital} {month}, this extract only.")
    console.print(f"Next: clearward run --month {month} --hospital {hospital}")


@app.command("list")
def list_extracts(as_json: Json = False) -> None:
    """Extracts in the landing folder."""
    rows = [
        {"hospital": a.hospital, "month": a.month, "manifest": a.manifest_sha256[:12]}
        for a in all_arrivals(load_settings())
    ]
    show_rows("Landed extracts", rows, as_json=as_json)
