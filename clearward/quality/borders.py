"""The two borders: which suites judge which files when a hospital comes in and a product goes out.

How a suite is run is `gate`'s work; what is expected stands in `expectations/`.
"""

from __future__ import annotations

from pathlib import Path

from clearward.errors import GateError
from clearward.products.spec import load_product
from clearward.quality.gate import run_gate
from clearward.quality.report import REPORT_NAME, GateReport
from clearward.settings import Settings
from clearward.sources.spec import load_spec
from clearward.stamp import stamp_file
from clearward.warehouse import Warehouse

EXPECTATIONS = Path(__file__).parents[2] / "expectations"


def judge_raw(settings: Settings, *, hospital: str, month: str) -> GateReport:
    """Judge what one hospital's month brought; required tables over their history too."""
    warehouse = Warehouse(settings.warehouse)
    system = _system_of(warehouse, hospital=hospital, month=month)
    spec = load_spec(system)
    names = [spec.warehouse_name(table) for table in spec.tables if table.passes]
    place = {"month": month, "hospital": hospital}
    partitions = {name: warehouse.partition("raw", name, **place) for name in names}
    return run_gate(
        settings,
        gate="raw",
        suites={name: EXPECTATIONS / "raw" / f"{name}.json" for name in names},
        tables={name: [path] for name, path in partitions.items() if path.exists()},
        report_dir=raw_report(settings, **place),
        history={
            name: warehouse.history("raw", name, upto=month, hospital=hospital) for name in names
        },
    )


def judge_release(settings: Settings, *, product: str, month: str) -> GateReport:
    """Judge every protected table of a product's month; the report is stamped for `releases`."""
    warehouse = Warehouse(settings.warehouse)
    spec = load_product(product)
    names = [spec.table_name(table) for table in spec.tables]
    partitions = {name: warehouse.partition("protected", name, month=month) for name in names}
    folder = release_report(settings, product=product, month=month)
    report = run_gate(
        settings,
        gate="release",
        suites={name: EXPECTATIONS / "release" / f"{name}.json" for name in names},
        tables={name: [path] for name, path in partitions.items() if path.exists()},
        report_dir=folder,
        k=spec.protection.k,
    )
    stamp_file(settings, folder / REPORT_NAME)
    return report


def raw_report(settings: Settings, *, hospital: str, month: str) -> Path:
    """Folder of a raw gate's report."""
    return settings.reports / "raw" / hospital / month


def release_report(settings: Settings, *, product: str, month: str) -> Path:
    """Folder of a release gate's report."""
    return settings.reports / product / month / "release_gate"


def _system_of(warehouse: Warehouse, *, hospital: str, month: str) -> str:
    place = {"month": month, "hospital": hospital}
    systems = {
        name.split("__")[0]
        for name in warehouse.tables("raw")
        if "__" in name and warehouse.partition("raw", name, **place).exists()
    }
    if len(systems) != 1:
        raise GateError(
            f"The raw gate finds no single source system for {hospital} in {month}.",
            seen=", ".join(sorted(systems)) or "no raw table",
            do="ingest the hospital's extract first",
        )
    return systems.pop()
