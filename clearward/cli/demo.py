"""``clearward demo``: the sample hospitals end to end, then a buyer who downloads and verifies."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import socket
from threading import Thread
from time import perf_counter, sleep

import duckdb
import typer
import uvicorn

from clearward.cli.show import console, show_rows
from clearward.errors import ConfigError
from clearward.keyring import init_keyring
from clearward.licensing import registry
from clearward.licensing.client import Client
from clearward.releases.signing import load_public_key
from clearward.service.application import create_app, server_config
from clearward.settings import Settings
from clearward.state.base import state_engine
from clearward.state.migrate import migrate

SAMPLES = Path(__file__).parents[2] / "samples" / "extracts"
PRODUCT = "cardiology"
BUYER = "Example Pharma (demo)"
AMBER = (
    "Demonstration with made-up patients: too few of them to bound every attack; "
    "the measured advantage itself is within its bound."
)
TERMS = b"Demonstration terms: sample data only, no rights are granted."


def play(settings: Settings, *, workers: int | None = None) -> None:
    """Run everything; a second time finds nothing to do and says so.

    Args:
        settings: where everything is.
        workers: steps at a time, as for `clearward run`.
    """
    start = perf_counter()
    _say("1  Keys, state database, sample extracts")
    init_keyring(settings.keyring)
    migrate(state_engine(settings.database))
    _land(settings)
    _say("2  The monthly job, through Dagster")
    command = [sys.executable, "-m", "orchestration.monthly", "--approve", "demo data board"]
    command += ["--sign-off", AMBER]
    command += ["--workers", str(workers)] if workers else []
    if subprocess.run(command, check=False).returncode:
        raise typer.Exit(1)
    _say(f"3  {BUYER} downloads what its licence covers")
    folder = _buy(settings)
    _summary(folder)
    _say(f"Done in {perf_counter() - start:.0f} s")
    _where(settings, folder)


def _land(settings: Settings) -> None:
    for extract in sorted(SAMPLES.glob("*/*")):
        target = settings.landing / extract.parent.name / extract.name
        if not target.exists():
            shutil.copytree(extract, target)
        console.print(f"   {extract.parent.name:<10} {extract.name}")


def _buy(settings: Settings) -> Path:
    keyring = init_keyring(settings.keyring)
    token = _licensed_token(settings)
    with _service(settings) as address:
        client = Client(address, token)
        covered = client.releases()
        shown = ("product", "version", "month", "change", "files", "rows")
        rows = [{name: release[name] for name in shown} for release in covered]
        show_rows("   The buyer sees", rows, as_json=False)
        version = str(covered[-1]["version"])
        folder = settings.home / "buyer" / PRODUCT / version
        verified = client.download(
            PRODUCT, version, folder=folder, public_key=load_public_key(keyring)
        )
    console.print(
        f"   {verified.files} files, {verified.bytes / 1e6:.1f} MB by expiring links: "
        "[green]every hash and the signature hold[/]"
    )
    return folder


def _licensed_token(settings: Settings) -> str:
    engine, now = state_engine(settings.database), datetime.now(UTC)
    mine = [li for li in registry.list_licences(engine) if li.buyer == BUYER]
    licence = (
        mine[0]
        if mine
        else registry.create_licence(
            engine,
            buyer=BUYER,
            product=PRODUCT,
            purpose="commercial_licensing",
            version_range="1.x",
            terms=TERMS,
            valid_from=now - timedelta(minutes=1),
            valid_until=now + timedelta(days=365),
        )
    )
    return registry.issue_token(engine, licence.id, expires_at=now + timedelta(hours=1))


@contextmanager
def _service(settings: Settings) -> Iterator[str]:
    """The delivery service on a free loopback port, for as long as the block runs."""
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = uvicorn.Server(server_config(create_app(settings), port=port))
    thread = Thread(target=server.run, daemon=True)
    thread.start()
    for _ in range(200):
        if server.started:
            break
        sleep(0.05)
    else:
        raise ConfigError("The delivery service did not start.", do="look for a busy machine")
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)


def _summary(folder: Path) -> None:
    patients = next((folder / "data" / f"{PRODUCT}__patient").glob("*.parquet"))
    index = next((folder / "data" / f"{PRODUCT}__cv_index").glob("*.parquet"))
    rows = duckdb.sql(
        f"SELECT i.arm, count(DISTINCT p.patient_key) AS patients, "
        f"count(DISTINCT p.hospital_id) AS hospitals FROM '{patients}' p "
        f"JOIN '{index}' i USING (patient_key) GROUP BY ALL ORDER BY ALL"
    )
    table = [dict(zip(rows.columns, row, strict=True)) for row in rows.fetchall()]
    show_rows(f"   Opened in DuckDB: {PRODUCT} by arm", table, as_json=False)


def _where(settings: Settings, folder: Path) -> None:
    for name, place in {
        "the buyer's copy": folder / "index.html",
        "published releases": settings.store,
        "gate and privacy reports": settings.reports,
        "quarantined rows": settings.warehouse / "quarantine",
    }.items():
        console.print(f"   {name:<25} {place}", soft_wrap=True)
    console.print("\nNext:  [bold]make dev[/]  opens the Dagster UI on http://127.0.0.1:3000")
    console.print("       [bold].venv/bin/clearward --help[/]  shows the command line")


def _say(words: str) -> None:
    console.print(f"\n[bold]{words}[/]")
