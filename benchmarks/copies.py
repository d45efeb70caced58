"""A licensee's own copy, as a ratio to DuckDB's plain rewrite of the same tables; and what a links
call costs once the copy is there, beside the same call for the canonical files.

    python -m benchmarks.copies [--patients N] [--rows-per-patient N]

The peer reads every table of the release and writes it again in the same order and compression:
what any copy must at least do.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time

from rich.console import Console
from rich.table import Table
from starlette.testclient import TestClient

from clearward.licensing import registry
from clearward.licensing.copies import make_copy
from clearward.licensing.model import Copy
from clearward.products.spec import load_product
from clearward.releases.shelf import file_key, load_manifest
from clearward.service.application import create_app
from clearward.state.base import state_engine
from clearward.storage.local import LocalStorage
from clearward.warehouse import engine, read_parquet_sql, write_parquet
from tests.unit.releases import factory
from tests.unit.releases.conftest import House

CALLS = 30


def main() -> int:
    """Publish, copy, ask; print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=20_000)
    parser.add_argument("--rows-per-patient", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clearward-bench-") as folder:
        house = House(Path(folder) / "home")
        rows = options.patients * options.rows_per_patient
        house.release(
            patients=options.patients, overrides=large_measurements(options.patients, rows)
        )
        figures = {**_copy(house), **_calls(house)}
    table = Table(
        title=f"{rows:,} measurements of {options.patients:,} patients", title_justify="left"
    )
    table.add_column(f"{platform.machine()}, {platform.python_version()}")
    table.add_column("value", justify="right")
    for name, value in figures.items():
        table.add_row(name, value)
    Console().print(table)
    return 0


def large_measurements(patients: int, rows: int) -> dict[str, str]:
    return {
        "measurement": f"""SELECT printf('m%019d', i) AS measurement_key,
            printf('p%019d', i % {patients}) AS patient_key,
            printf('e%019d', i // 4) AS encounter_key, 'H01' AS hospital_id,
            i % 4000 AS day, round(random() * 100, 2) AS value FROM range({rows}) t(i)"""
    }


def _licence(house: House, buyer: str, copy: Copy) -> registry.Licence:
    now = datetime.now(UTC)
    return registry.create_licence(
        state_engine(house.settings.database),
        buyer=buyer,
        product=factory.PRODUCT,
        purpose="commercial_licensing",
        version_range="1.x",
        terms=b"bench",
        valid_from=now - timedelta(days=1),
        valid_until=now + timedelta(days=1),
        copy=copy,
    )


def _copy(house: House) -> dict[str, str]:
    manifest = load_manifest(house.storage, factory.PRODUCT, "1.0.0")
    start, cpu = perf_counter(), process_time()
    make_copy(
        house.settings,
        house.keyring,
        house.storage,
        canonical=manifest,
        licence=_licence(house, "Bench", Copy.OWN),
    )
    own, own_cpu = perf_counter() - start, process_time() - cpu
    assert isinstance(house.storage, LocalStorage)
    start, cpu = perf_counter(), process_time()
    spec = load_product(factory.PRODUCT)
    order = {spec.table_name(t): t.key for t in spec.tables}
    with engine(house.settings) as connection:
        for entry in (f for f in manifest.files if f.table):
            source = read_parquet_sql([house.storage.root / file_key(manifest, entry)])
            target = house.settings.home / "peer" / f"{entry.table}.parquet"
            write_parquet(
                connection, f"SELECT * FROM {source}", target, order_by=order[entry.table]
            )
    peer, peer_cpu = perf_counter() - start, process_time() - cpu
    return {
        "own copy, s": f"{own:.2f} ({own_cpu:.2f} CPU)",
        "plain rewrite, s": f"{peer:.2f} ({peer_cpu:.2f} CPU)",
        "ratio": f"{own / peer:.1f} ({own_cpu / peer_cpu:.1f} CPU)",
    }


def _calls(house: House) -> dict[str, str]:
    web = TestClient(create_app(house.settings), base_url="http://127.0.0.1")
    path = f"/v1/releases/{factory.PRODUCT}/1.0.0/links"
    found = {}
    for copy in (Copy.CANONICAL, Copy.OWN):
        licence = _licence(house, "Bench", copy)
        token = registry.issue_token(
            state_engine(house.settings.database),
            licence.id,
            expires_at=datetime.now(UTC) + timedelta(hours=1),
        )
        taken = []
        for _ in range(CALLS):
            start = perf_counter()
            answer = web.get(path, headers={"Authorization": f"Bearer {token}"})
            taken.append(perf_counter() - start)
            assert answer.status_code == 200
        found[copy] = sorted(taken)[CALLS // 2] * 1000
    ratio = found[Copy.OWN] / found[Copy.CANONICAL]
    return {
        "links call, canonical, median ms": f"{found[Copy.CANONICAL]:.1f}",
        "links call, own copy, median ms": f"{found[Copy.OWN]:.1f}",
        "links call, ratio": f"{ratio:.2f}",
    }


if __name__ == "__main__":
    raise SystemExit(main())
