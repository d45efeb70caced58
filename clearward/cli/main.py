"""The root command, set-up and running. Groups of commands are in the modules beside this one."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from clearward.cli import (
    agreement,
    audit,
    catalogue,
    consent,
    deidentify,
    extract,
    keys,
    licence,
    notes,
    organisation,
    recall,
    release,
    request,
    risk,
    synthetic,
    trace,
)
from clearward.cli.examples import show_examples
from clearward.cli.show import console, errors, show_rows
from clearward.deidentify.installation import check_new_keyring, record_installation
from clearward.doctor import examine
from clearward.errors import ClearwardError
from clearward.keyring import init_keyring, is_plain
from clearward.keyring.store import unlock_source
from clearward.licensing.odrl import keep_policies
from clearward.settings import load_settings
from clearward.state.base import state_engine
from clearward.state.migrate import migrate

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="""From raw hospital extracts to consent-cleared, de-identified, gated, versioned datasets.

A first session:

  clearward init                          keys, state database, folders\n
  clearward extract verify FOLDER         is this extract whole and readable?\n
  clearward run --month 2024-05           one month of all hospitals, up to candidates\n
  clearward release list                  what is published\n
  clearward release approve PRODUCT --month 2024-05 --by NAME\n
  clearward release publish PRODUCT --month 2024-05\n
  clearward doctor                        what is wrong with this installation?

Every group and command has its own --help. Settings come from CLEARWARD_* variables; see
.env.example.

Exit codes: 0 done, 1 not clear (doctor, stale months, open recalls, nobody traced) or a run that
failed, 2 configuration or usage, 3 extract, 4 consent, 5 door, 6 protection, 7 gate red,
8 gate broken, 9 release, 10 storage, 11 storage busy (try again), 12 licence, 13 state database.
""",
)
app.add_typer(extract.app, name="extract")
app.add_typer(release.app, name="release")
app.add_typer(licence.app, name="licence")
app.add_typer(catalogue.app, name="catalogue")
app.add_typer(request.app, name="request")
app.add_typer(organisation.app, name="organisation")
app.add_typer(agreement.app, name="agreement")
app.add_typer(recall.app, name="recall")
app.add_typer(consent.app, name="consent")
app.add_typer(synthetic.app, name="synthetic")
app.add_typer(audit.app, name="audit")
app.add_typer(risk.app, name="risk")
app.add_typer(keys.app, name="keys")
app.add_typer(deidentify.app, name="deidentify")
app.add_typer(notes.app, name="notes")
app.command("trace")(trace.trace)

Workers = Annotated[
    int | None,
    typer.Option(min=1, help="Steps at a time; one for each core, at most 4, if omitted."),
]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


@app.command()
def init() -> None:
    """Make the keyring, migrate the state database, create the folders. Safe to repeat.

    Next: put an extract into the landing folder, then clearward extract list
    """
    settings = load_settings()
    database = state_engine(settings.database)
    check_new_keyring(settings, database)
    was_plain = is_plain(settings.keyring)
    keyring = init_keyring(settings.keyring)
    revision = migrate(database)
    record_installation(settings, keyring, database)
    keep_policies(database, now=datetime.now(UTC))
    settings.landing.mkdir(parents=True, exist_ok=True)
    console.print(f"Keyring   {keyring.path} (back it up: keys cannot be made again)")
    if was_plain:
        console.print("          it was not encrypted until now; destroy older copies of the file")
    console.print(f"          opened by {unlock_source(keyring.path)}; see `clearward keys --help`")
    console.print(f"Database  at revision {revision}")
    console.print(f"Landing   {settings.landing} - put extracts there, one folder per hospital")


@app.command()
def run(
    month: Annotated[
        list[str] | None, typer.Option(help="YYYY-MM; repeat for several; all landed if omitted.")
    ] = None,
    hospital: Annotated[
        list[str] | None, typer.Option(help="Only this hospital; repeat for several.")
    ] = None,
    approve: Annotated[
        str, typer.Option(metavar="NAME", help="Publish at once, approved by NAME, unseen.")
    ] = "",
    sign_off: Annotated[
        str,
        typer.Option(
            metavar="REASON",
            help="With --approve: why NAME answers for amber privacy gates. Published.",
        ),
    ] = "",
    workers: Workers = None,
) -> None:
    """Run the monthly job through Dagster: extracts in, release candidates (or releases) out.

    A hospital that is refused stops only itself; the exit code is the first refusal's.

      clearward run --month 2024-05                     all hospitals, up to candidates

      clearward run --month 2024-05 --hospital stmary   one hospital alone

    Next: clearward release approve PRODUCT --month 2024-05 --by NAME
    """
    command = [sys.executable, "-m", "orchestration.monthly"]
    command += [part for value in month or [] for part in ("--month", value)]
    command += [part for value in hospital or [] for part in ("--hospital", value)]
    command += ["--approve", approve] if approve else []
    command += ["--sign-off", sign_off] if sign_off else []
    command += ["--workers", str(workers)] if workers else []
    raise typer.Exit(subprocess.run(command, check=False).returncode)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Check environment, keyring, database and what the object store really does.

    Changes nothing that stays. Exit code 1 when anything is wrong; each line says what to do.
    """
    findings = examine(load_settings())
    show_rows("Doctor", [finding.row() for finding in findings], as_json=as_json)
    raise typer.Exit(0 if all(finding.is_ok for finding in findings) else 1)


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="TCP port.")] = 8350,
    host: Annotated[
        str, typer.Option(help="Address to listen on; this machine only.")
    ] = "127.0.0.1",
    url: Annotated[
        str, typer.Option(help="Where buyers reach it, for links; default: what they asked for.")
    ] = "",
    certificate: Annotated[Path | None, typer.Option(help="TLS certificate chain (PEM).")] = None,
    key: Annotated[Path | None, typer.Option(help="Its private key (PEM).")] = None,
    address_rate: Annotated[
        str, typer.Option(help="Requests of one address: a second/at once.")
    ] = "200/2000",
    buyer_rate: Annotated[
        str, typer.Option(help="Requests under one token: a second/at once.")
    ] = "100/1000",
) -> None:
    """Serve releases to licensed buyers: links, Delta Sharing; the licence is asked every time.

    A buyer needs a token: clearward licence token LICENCE. Ends with Ctrl-C.
    """
    from clearward.catalogue.web import routes  # noqa: PLC0415
    from clearward.service.application import run as serve_until_stopped  # noqa: PLC0415
    from clearward.service.limits import Limits, parse_rate  # noqa: PLC0415

    serve_until_stopped(
        load_settings(),
        host=host,
        port=port,
        base_url=url,
        certificate=certificate,
        key=key,
        pages=routes,
        limits=Limits(address=parse_rate(address_rate), token=parse_rate(buyer_rate)),
    )


@app.command()
def demo(workers: Workers = None) -> None:
    """Run the sample hospitals end to end, then play the buyer."""
    from clearward.cli.demo import play  # noqa: PLC0415

    play(load_settings(), workers=workers)


show_examples(app)


def main() -> None:
    """Entry point: a refusal is one clear message and its exit code, never a traceback."""
    try:
        app()
    except ClearwardError as refusal:
        errors.print(f"[red]{type(refusal).__name__}[/] {refusal}", soft_wrap=True)
        sys.exit(refusal.exit_code)
