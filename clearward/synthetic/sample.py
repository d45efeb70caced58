"""Make a product's evaluation sample: pay, measure, generate, check, keep. Each of these lives in a
module of its own; here is their order.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import duckdb

from clearward.errors import ConfigError
from clearward.products.spec import load_product
from clearward.products.synthesis import Synthesis, load_synthesis
from clearward.settings import Settings
from clearward.state.base import state_engine
from clearward.synthetic import ledger, report
from clearward.synthetic.accounting import rho_of
from clearward.synthetic.aim import Fitted, Plan, fit_privately
from clearward.synthetic.check import check_sample
from clearward.synthetic.contract import TableContract, open_seeds, read_contracts
from clearward.synthetic.domain import Attribute, TableDesign, design_tables
from clearward.synthetic.generate import Fits, generate, write_tables
from clearward.synthetic.junction import Clique
from clearward.synthetic.records import open_sources, read_events, read_patients
from clearward.synthetic.store import Sample, find_sample, hash_folder, open_sample, sample_folder
from clearward.warehouse import Warehouse, check_month, engine

# With few patients every answer costs much, so half of ρ goes into the single columns and the rest
# into a few rounds; the paper's own settings are the defaults of `Plan`.
_FIRST_SHARE, _BATCH, _ROUNDS, _STEPS, _CELLS = 0.5, 4, 2, 20, 100_000
_EMPHASIS = 5.0


@dataclass(frozen=True)
class SampleReport:
    """What was made, or found. ``is_new`` tells whether budget was spent."""

    sample: Sample
    is_new: bool
    budget: ledger.Budget

    def metadata(self) -> dict[str, int | float | str]:
        """Counts and ids."""
        document = self.sample.document
        return {
            "product": self.sample.stored.product,
            "sample": self.sample.stored.ordinal,
            "month": self.sample.stored.month,
            "is_new": int(self.is_new),
            "epsilon": document["privacy"]["epsilon"],
            "delta": document["privacy"]["delta"],
            "unit": document["privacy"]["unit"],
            "epsilon_spent_in_all": round(self.budget.epsilon_spent, 4),
            "samples_paid": self.budget.samples,
            "tables": len(document["tables"]),
            "rows": sum(table["rows"] for table in document["tables"].values()),
            "sample_sha256": self.sample.stored.sha256,
            "folder": str(self.sample.folder),
        }


def make_sample(
    settings: Settings, *, product: str, month: str, is_fresh: bool = False
) -> SampleReport:
    """The product's sample: the one there is if it still fits the schema, else a new one.

    Args:
        settings: homes of warehouse, samples and state database.
        product, month: whose tables; they must be protected, for the release's columns are theirs.
        is_fresh: make a new one even so; costs budget.

    Raises:
        ProtectionError: the budget is exhausted, or the product is not complete.
        ConfigError: [synthetic] does not cover a column.
        StateError: a recorded sample is gone or changed.
    """
    synthesis = load_synthesis(product)
    database = state_engine(settings.database)
    with engine(settings) as connection:
        contracts, designs = _prepare(connection, settings, synthesis, month=check_month(month))
        schema = {c.table: c.schema for c in contracts.values()}
        found = None if is_fresh else find_sample(settings, product, schema=schema)
        if found:
            return SampleReport(found, False, ledger.read_budget(database, synthesis))
        line = ledger.spend(database, synthesis, month=month)
        fits = fit_product(connection, synthesis, designs)
        with _building(sample_folder(settings, product, line.ordinal)) as folder:
            generate(connection, fits, designs, patients=synthesis.patients)
            rows = write_tables(connection, designs, folder, month=month)
            check_sample(connection, folder, contracts)
            report.write_documents(folder, synthesis, designs, fits=fits, rows=rows, month=month)
    final = sample_folder(settings, product, line.ordinal)
    stored = ledger.record_sample(database, line, sha256=hash_folder(final))
    sample = open_sample(settings, stored)
    return SampleReport(sample, True, ledger.read_budget(database, synthesis))


def _prepare(
    connection: duckdb.DuckDBPyConnection, settings: Settings, synthesis: Synthesis, *, month: str
) -> tuple[dict[str, TableContract], dict[str, TableDesign]]:
    product, warehouse = load_product(synthesis.product), Warehouse(settings.warehouse)
    open_seeds(connection)
    contracts = read_contracts(connection, product, warehouse, month=month)
    designs = design_tables(connection, synthesis, contracts)
    names = {table.entity: product.table_name(table) for table in product.tables}
    open_sources(
        connection, {e: warehouse.partition("product", n, month=month) for e, n in names.items()}
    )
    return contracts, designs


def fit_product(
    connection: duckdb.DuckDBPyConnection, synthesis: Synthesis, designs: Mapping[str, TableDesign]
) -> Fits:
    """Measure all tables within one sample's ρ; tables of events share by their columns.

    The views ``source_<entity>`` must be open. A patient is in every model, so their costs add up.
    """
    rho = rho_of(synthesis.epsilon, synthesis.delta)
    attributes, data = read_patients(connection, designs)
    given = _given(synthesis, attributes)
    plan = _plan(len(attributes), rho * synthesis.patient_share, _emphasis(synthesis, attributes))
    patient = attributes, fit_privately(data, plan)
    shares = {e: len(d.modelled) for e, d in designs.items() if d.counts and d.modelled}
    each = rho * (1 - synthesis.patient_share) / sum(shares.values())
    events: dict[str, tuple[tuple[Attribute, ...], Fitted]] = {}
    for entity, columns in shares.items():
        names, records = read_events(connection, designs[entity], given)
        events[entity] = names, fit_privately(records, _plan(len(names), each * columns, ()))
    return Fits(patient, events, given)


def _plan(columns: int, rho: float, emphasised: tuple[Clique, ...]) -> Plan:
    workload: dict[Clique, float] = dict.fromkeys(combinations(range(columns), 2), 1.0)
    workload |= dict.fromkeys(emphasised, _EMPHASIS)
    return Plan(workload, rho, _FIRST_SHARE, _BATCH, _ROUNDS, _CELLS, _STEPS)


def _given(synthesis: Synthesis, attributes: tuple[Attribute, ...]) -> Attribute:
    return attributes[_places(synthesis, attributes, (synthesis.given,))[0]]


def _emphasis(synthesis: Synthesis, attributes: tuple[Attribute, ...]) -> tuple[Clique, ...]:
    return tuple(_places(synthesis, attributes, group) for group in synthesis.workload)


def _places(
    synthesis: Synthesis, attributes: tuple[Attribute, ...], names: tuple[str, ...]
) -> Clique:
    """Numbers of ``table.column`` names, ascending; ConfigError for one that is not modelled."""
    known = {f"{a.entity}.{a.column}": i for i, a in enumerate(attributes)}
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise ConfigError(
            f"[synthetic] of {synthesis.product} names columns that the patient record lacks.",
            seen=", ".join(unknown),
            do="name modelled columns of tables with one row per patient",
        )
    return tuple(sorted(known[name] for name in names))


@contextmanager
def _building(folder: Path) -> Iterator[Path]:
    """Build beside the folder; it appears whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    building = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")
    building.mkdir()
    try:
        yield building
        building.rename(folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)
