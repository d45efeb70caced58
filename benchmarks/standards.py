"""What the documents for machines cost a publish, in CPU seconds per release: written, issued and
checked, against the limit of 0.2 and, in one run, mlcroissant's validation of one of them.

    python -m benchmarks.standards HOME

HOME is a home with candidates, such as the demo's; each newest candidate is built again in place,
which gives the same bytes.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
import warnings
from collections.abc import Callable
from datetime import date
from pathlib import Path
from time import process_time
from typing import Any

from rich.console import Console
from rich.table import Table

from clearward.deidentify.installation import open_keyring
from clearward.products.spec import load_product, product_names
from clearward.releases import standards
from clearward.releases.candidate import build_candidate
from clearward.releases.issue import issue_candidate
from clearward.releases.standards import croissant
from clearward.settings import load_settings

LIMIT = 0.2
ROUNDS = 5


def main() -> int:
    """Print one line per product; 1 when a product is above the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    home = parser.parse_args().home
    warnings.simplefilter("ignore")
    console = Console()
    imports = cpu(import_validators)
    console.print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    )
    console.print(f"validators imported once per process: {imports:.2f} CPU s")
    table = Table(
        "product", "columns", "write", "issue", "check", "sum", "of limit", "of mlcroissant"
    )
    worst = 0.0
    for product in product_names():
        figures = measure(home, product)
        total = figures["write"] + figures["issue"] + figures["check"]
        worst = max(worst, total)
        cells = [f"{figures[name]:.3f}" for name in ("write", "issue", "check")]
        peer = f"{total / figures['mlcroissant']:.2f}"
        row = [*cells, f"{total:.3f}", f"{total / LIMIT:.2f}", peer]
        table.add_row(product, str(int(figures["columns"])), *row)
    console.print(table)
    return int(worst > LIMIT)


def import_validators() -> None:
    import clearward.releases.standards.validators  # noqa: F401, PLC0415


def measure(home: Path, product: str) -> dict[str, float]:
    """Medians of some rounds; the candidate is built once, to learn what it is told."""
    settings = load_settings({**os.environ, "CLEARWARD_HOME": str(home)})
    month = max(path.name for path in (home / "candidates" / product).iterdir())
    told: list[Any] = []
    writer = standards.write
    standards.write = lambda folder, facts: told.append(facts) or writer(folder, facts)
    try:
        keyring = open_keyring(settings)
        candidate = build_candidate(settings, keyring, product=product, month=month)
    finally:
        standards.write = writer
    import mlcroissant  # noqa: PLC0415 - beside, not before, the imports that are measured

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        issued = issue_candidate(candidate, date(2026, 1, 1), folder=folder / "issued")
        files, spec = issued.folder / "files", load_product(product)
        rounds = [
            {
                "write": cpu(lambda: standards.write(folder, told[0])),
                "issue": cpu(lambda: standards.issue(folder, "2026-01-01")),
                "check": cpu(
                    lambda: standards.check(files, issued.files, spec, version=issued.version)
                ),
                "mlcroissant": cpu(lambda: mlcroissant.Dataset(jsonld=str(files / croissant.NAME))),
            }
            for _ in range(ROUNDS)
        ]
    columns = sum(len(entry.columns or {}) for entry in issued.files)
    return {n: statistics.median(r[n] for r in rounds) for n in rounds[0]} | {"columns": columns}


def cpu(work: Callable[[], object]) -> float:
    """User and system seconds of this process."""
    before = process_time()
    work()
    return process_time() - before


if __name__ == "__main__":
    raise SystemExit(main())
