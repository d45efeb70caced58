"""Many buyers at once: each asks for the list, links and every file, over real sockets; then as
many callers ask a bare Starlette application for an answer of the same size.

    python -m benchmarks.service [--buyers N] [--rounds N]

Every buyer is a house of its own with a copy of its own. A wrong answer ends the run: a copy that
is not theirs, a byte that is not the copy's, a line that ledger or log has not.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from time import perf_counter

import httpx
from rich.console import Console
from rich.table import Table

from clearward import audit
from clearward.licensing.copies import copy_id, make_copy
from clearward.licensing.ledger import verify_ledger
from clearward.licensing.model import Licence
from clearward.releases.shelf import load_manifest
from clearward.state.base import state_engine
from tests.acceptance.test_delivery import free_port, make_licence, make_token, wait_for
from tests.unit.releases import factory
from tests.unit.releases.conftest import House

SERVICE = """
import sys
from clearward.service.application import run
from clearward.service.limits import Limits, Rate
from clearward.settings import load_settings
open_wide = Rate(1e6, 10**6)
run(load_settings(), port=int(sys.argv[1]), limits=Limits(open_wide, open_wide, open_wide))
"""
BARE = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from clearward.service.application import server_config
body = b"x" * int(sys.argv[2])
app = Starlette(routes=[Route("/{any:path}", lambda _: Response(body))])
uvicorn.Server(server_config(app, port=int(sys.argv[1]))).run()
"""


@dataclass(frozen=True)
class Buyer:
    """A house, its token, and the name of the copy it must be given."""

    licence: Licence
    token: str
    copy_id: str


@dataclass
class Seen:
    """What came back: seconds of every links call, files, their bytes, hashes of patient tables."""

    calls: list[float]
    files: int = 0
    bytes: int = 0
    size: int = 0


def main() -> int:
    """Publish, copy, ask, compare; print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--buyers", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5, help="links calls of each buyer")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clearward-bench-") as name:
        house = House(Path(name) / "home")
        house.release()
        buyers = _buyers(house, options.buyers)
        with _running(SERVICE, house) as url:
            start = perf_counter()
            seen = asyncio.run(_all(buyers, url, options.rounds))
            whole = perf_counter() - start
        with _running(BARE, house, str(seen.size)) as url:
            bare = asyncio.run(_bare(url, options.buyers, options.rounds))
        lines = _check_records(house, seen, options.buyers)
    _print(seen, bare, buyers=options.buyers, whole=whole, lines=lines)
    return 0


def _buyers(house: House, number: int) -> list[Buyer]:
    canonical = load_manifest(house.storage, factory.PRODUCT, "1.0.0")
    found = []
    for n in range(number):
        licence = make_licence(house, buyer=f"House {n}")
        make_copy(
            house.settings, house.keyring, house.storage, canonical=canonical, licence=licence
        )
        name = copy_id(house.keyring, canonical, licence.licensee)
        found.append(Buyer(licence, make_token(house, licence), name))
    return found


@contextmanager
def _running(script: str, house: House, *arguments: str) -> Iterator[str]:
    port = free_port()
    own = {**os.environ, "CLEARWARD_HOME": str(house.settings.home)}
    command = [sys.executable, "-c", script, str(port), *arguments]
    process = subprocess.Popen(command, env=own)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=20)


async def _all(buyers: list[Buyer], url: str, rounds: int) -> Seen:
    seen = Seen([])
    patients: set[str] = set()
    limits = httpx.Limits(max_connections=len(buyers))
    async with httpx.AsyncClient(base_url=url, timeout=300, limits=limits) as web:
        await asyncio.gather(*(_buy(web, buyer, rounds, seen, patients) for buyer in buyers))
    assert len(patients) == len(buyers), "two houses were given the same patients"
    return seen


async def _buy(
    web: httpx.AsyncClient, buyer: Buyer, rounds: int, seen: Seen, patients: set[str]
) -> None:
    header = {"Authorization": f"Bearer {buyer.token}"}
    listed = await web.get("/v1/releases", headers=header)
    assert [r["version"] for r in listed.json()["releases"]] == ["1.0.0"]
    for _ in range(rounds):
        start = perf_counter()
        answer = await web.get(f"/v1/releases/{factory.PRODUCT}/1.0.0/links", headers=header)
        seen.calls.append(perf_counter() - start)
        assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["copy_id"] == buyer.copy_id, "another house's copy"
    seen.size = len(answer.content)
    for file in told["files"]:
        got = await web.get(file["url"])
        assert got.status_code == 200, got.text
        assert hashlib.sha256(got.content).hexdigest() == file["sha256"], "other bytes"
        seen.files += 1
        seen.bytes += len(got.content)
        if f"/{factory.PRODUCT}__patient/" in file["path"]:
            patients.add(file["sha256"])


async def _bare(url: str, callers: int, rounds: int) -> list[float]:
    calls: list[float] = []
    limits = httpx.Limits(max_connections=callers)

    async def ask(web: httpx.AsyncClient) -> None:
        for _ in range(rounds):
            start = perf_counter()
            await web.get("/v1/releases/x/1.0.0/links")
            calls.append(perf_counter() - start)

    async with httpx.AsyncClient(base_url=url, timeout=300, limits=limits) as web:
        await asyncio.gather(*(ask(web) for _ in range(callers)))
    return calls


def _check_records(house: House, seen: Seen, buyers: int) -> int:
    """Every answer that handed something out has its line; the chain holds."""
    engine = state_engine(house.settings.database)
    audit.verify(engine)
    lines = verify_ledger(engine)
    expected = len(seen.calls) + seen.files
    assert lines == expected, f"{lines} lines for {expected} answers to {buyers} buyers"
    return lines


def _print(seen: Seen, bare: list[float], *, buyers: int, whole: float, lines: int) -> None:
    table = Table(title=f"{buyers} buyers at once", title_justify="left")
    table.add_column(f"{platform.machine()}, {os.cpu_count()} cores, {platform.python_version()}")
    table.add_column("value", justify="right")
    table.add_row("wrong answers", "0")
    table.add_row("files, MB", f"{seen.files:,}, {seen.bytes / 1e6:.0f}")
    table.add_row("ledger and log lines, all there", f"{lines:,}")
    table.add_row("requests a second", f"{(len(seen.calls) + seen.files + buyers) / whole:,.0f}")
    for name, number in (("p50", 49), ("p99", 98)):
        ours, theirs = (quantiles(calls, n=100)[number] * 1000 for calls in (seen.calls, bare))
        table.add_row(f"links call, {name} ms", f"{ours:,.0f}")
        table.add_row(f"bare Starlette reply, {name} ms", f"{theirs:,.0f}")
        table.add_row(f"ratio, {name}", f"{ours / theirs:.1f} x")
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
