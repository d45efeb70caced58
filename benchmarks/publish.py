"""Publishing a large release, as a ratio to writing the same rows as Parquet, cp and sync.

    python -m benchmarks.publish [--rows 8000000]

A made-up product with one large table and the reports it needs. The peer is what any publication
must at least do: write the tables with DuckDB, copy the folder, sync.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import duckdb

from clearward.products.spec import load_product
from clearward.releases.shelf import list_releases
from clearward.warehouse import Warehouse, engine, write_parquet
from tests.unit.releases import factory
from tests.unit.releases.conftest import House

LARGE = "measurement"


def main() -> int:
    """Run both, print the ratios; exit code 1 when publishing is dearer than 1.5 times the peer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=8_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory(prefix="clearward-publish-") as name:
        house = House(Path(name) / "home")
        house.write(overrides={LARGE: _rows(rows)})
        peer = _measured(lambda: _peer(house, Path(name)))
        written = _measured(lambda: _write(house, Path(name) / "written"))
        built = _measured(house.build)
        published = _measured(house.publish)
        size = sum(release.bytes for release in list_releases(house.storage))
    print(f"{platform.platform()}, {os.cpu_count()} cores; {rows:,} rows, {size / 1e6:.0f} MB")
    whole = (written[0] + built[0] + published[0], written[1] + built[1] + published[1])
    for what, cost in {
        "write Parquet + cp + sync": peer,
        "publish": published,
        "candidate": built,
        "write + candidate + publish": whole,
    }.items():
        ratio = f"{cost[1] / peer[1]:5.2f} x the peer's CPU"
        print(f"{what:28} {cost[0]:6.2f} s  {cost[1]:6.2f} CPU s  {ratio}")
    is_met = published[1] <= 1.5 * peer[1]
    print(f"publish <= 1.5 x (write Parquet + cp + sync): {'yes' if is_met else 'NO'}")
    return 0 if is_met else 1


def _rows(count: int) -> str:
    """Keys as random as pseudonyms are: they are what takes the room in a real release."""
    return f"""SELECT md5(i::VARCHAR)[:20] AS {LARGE}_key, printf('p%019d', i % 60)
        AS patient_key, 'H01' AS hospital_id, (i % 3000)::INTEGER AS day,
        (hash(i) % 1000) / 10.0::DOUBLE AS value, 'LA' || (i % 500) AS code,
        ['mg', 'g', NULL][1 + i % 3] AS unit FROM range({count}) t(i)"""


def _tables(house: House) -> dict[str, Path]:
    product, warehouse = load_product(factory.PRODUCT), Warehouse(house.settings.warehouse)
    names = [product.table_name(table) for table in product.tables]
    return {n: warehouse.partition("protected", n, month=factory.MONTH) for n in names}


def _peer(house: House, folder: Path) -> None:
    _write(house, folder / "peer")
    subprocess.run(["cp", "-r", folder / "peer", folder / "copy"], check=True)
    subprocess.run(["sync"], check=True)


def _write(house: House, folder: Path) -> None:
    with engine(house.settings) as connection:
        for name, path in _tables(house).items():
            source = f"SELECT * FROM read_parquet('{path}')"
            first = str(duckdb.execute(f"DESCRIBE {source}").fetchall()[0][0])
            write_parquet(connection, source, folder / f"{name}.parquet", order_by=[first])


def _measured(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds and CPU seconds, child processes included."""
    start, before = perf_counter(), os.times()
    work()
    after = os.times()
    return perf_counter() - start, sum(after[:4]) - sum(before[:4])


if __name__ == "__main__":
    sys.exit(main())
