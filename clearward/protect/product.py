"""Protect one product's tables of one month. Add a step of protection here; how each step works
lives in the module that is named after it.

Protected files are staged beside their place, verified by `risk` and only then promoted, so the
protected zone never holds a table that misses its bound.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pyarrow as pa

from clearward.errors import ProtectionError
from clearward.keyring import Keyring
from clearward.products.spec import Product, load_product
from clearward.protect import tables
from clearward.protect.choice import NOBODY, Choice, choose
from clearward.protect.events import bound_events
from clearward.protect.people import keep, load, make_people, read_people
from clearward.protect.report import ProtectReport, report_path, write_report
from clearward.protect.seen import EarlierRelease, read_past
from clearward.protect.shape import ATTRITION
from clearward.risk.prosecutor import Risk, measure_risk
from clearward.settings import Settings
from clearward.warehouse import Warehouse, engine, hash_file, promote


@dataclass(frozen=True)
class _Job:
    """One product and month with the files it reads, stages and leaves."""

    settings: Settings
    product: Product
    month: str
    sources: Mapping[str, Path]
    staged: Mapping[str, Path]
    targets: Mapping[str, Path]

    @property
    def quasi_identifiers(self) -> list[str]:
        return [qi.column for qi in self.product.protection.quasi_identifiers]


def protect_product(
    settings: Settings,
    keyring: Keyring,
    *,
    product: str,
    month: str,
    earlier: Sequence[EarlierRelease] = (),
) -> ProtectReport:
    """Generalise, suppress and re-key every table of a product; one patient is one unit.

    Reads ``product/<product>__*``, writes ``protected/<product>__*`` and the report JSON.

    Args:
        settings, keyring: where, and the product's key.
        product, month: what.
        earlier: published versions this release will stand beside, oldest first.

    Raises ProtectionError when tables are missing, there are fewer than k patients, no labels keep
    the bounds beside the earlier versions, or the written file misses the bound; then nothing is
    promoted and no report remains.
    """
    job = _job(settings, load_product(product), month)
    report_path(settings, product=product, month=month).unlink(missing_ok=True)
    with engine(settings) as connection, _cleaned(job):
        tables.open_tables(connection, job.sources, keyring.key("product", product))
        tables.check_tables(connection, job.product)
        tables.check_patients(connection, job.product.protection.k)
        choice, heights = _choose(connection, job, earlier)
        tables.make_outputs(connection, job.product, month=month)
        uniques = job.product.gates.sequence_uniques
        done = bound_events(connection, job.product, sequence_uniques=uniques)
        rows = _write(connection, job, is_first=not earlier)
        risks = _verify(job, int(choice.present.sum()))
        for entity, staged in job.staged.items():
            promote(staged, job.targets[entity])
    report = _report(job, choice, rows=rows, risks=risks, heights=heights)
    report = replace(report, earlier=tuple(release.version for release in earlier), events=done)
    write_report(settings, report)
    return report


def _choose(
    connection: duckdb.DuckDBPyConnection, job: _Job, earlier: Sequence[EarlierRelease]
) -> tuple[Choice, Mapping[str, int]]:
    """Choose who is published how; makes tables ``kept`` and ``waiting``."""
    bounds = job.product.protection
    make_people(connection)
    tables.check_all_placed(connection)
    people = read_people(connection, job.product, month=job.month)
    past = NOBODY
    if earlier:
        past = read_past(
            connection,
            earlier,
            columns=job.quasi_identifiers,
            sensitive=bounds.sensitive,
            k=bounds.k,
        )
    choice = choose(people, past, bounds)
    keep(connection, people, choice.labels, present=choice.present)
    waiting = people.keys[~choice.returning & ~choice.present]
    load(connection, "waiting", pa.table({"new_key": pa.array(waiting, type=pa.string())}))
    return choice, {h.column: h.height for h in people.hierarchies}


def _job(settings: Settings, product: Product, month: str) -> _Job:
    warehouse = Warehouse(settings.warehouse)
    names = {table.entity: product.table_name(table) for table in product.tables}
    sources = {e: warehouse.partition("product", n, month=month) for e, n in names.items()}
    targets = {e: warehouse.partition("protected", n, month=month) for e, n in names.items()}
    missing = sorted(entity for entity, path in sources.items() if not path.is_file())
    if missing:
        raise ProtectionError(
            f"Product {product.name} of {month} is incomplete.",
            seen=f"no table for {', '.join(missing)}",
            expected=f"{len(names)} tables",
            do="build the marts of that month",
        )
    staged = {entity: path.with_name(".staged.parquet") for entity, path in targets.items()}
    return _Job(settings, product, month, sources, staged, targets)


@contextmanager
def _cleaned(job: _Job) -> Iterator[None]:
    try:
        yield
    finally:
        for path in job.staged.values():
            path.unlink(missing_ok=True)


def _write(connection: duckdb.DuckDBPyConnection, job: _Job, *, is_first: bool) -> dict[str, int]:
    rows = {}
    for table in job.product.tables:
        staged = job.staged[table.entity]
        if table.entity == ATTRITION:
            rows[table.entity] = tables.write_attrition(
                connection, staged, product=job.product, month=job.month, is_first=is_first
            )
        else:
            rows[table.entity] = tables.write_entity(
                connection, table.entity, staged, key=table.key
            )
    return rows


@dataclass(frozen=True)
class _Risks:
    before: Risk
    after: Risk


def _verify(job: _Job, kept: int) -> _Risks:
    columns = job.quasi_identifiers
    after = measure_risk(job.settings, job.staged["patient"], columns)
    bound = job.product.protection.k
    if after.k < bound or after.patients != kept:
        raise ProtectionError(
            f"The protected {job.product.name} misses its bound.",
            seen=f"k {after.k} over {after.patients} patients",
            expected=f"k {bound} over {kept} patients",
            do="report this: the verifier disagrees with the solver",
        )
    return _Risks(
        before=measure_risk(job.settings, job.sources["patient"], columns),
        after=after,
    )


def _report(
    job: _Job,
    choice: Choice,
    *,
    rows: dict[str, int],
    risks: _Risks,
    heights: Mapping[str, int],
) -> ProtectReport:
    bounds, is_first = job.product.protection, not choice.returning.any()
    return ProtectReport(
        product=job.product.name,
        month=job.month,
        k_asked=bounds.k,
        k_reached=risks.after.k,
        max_suppressed=bounds.max_suppressed,
        patients_in=len(choice.present),
        patients_kept=risks.after.patients,
        patients_suppressed=choice.waiting if is_first else 0,
        patients_waiting=0 if is_first else choice.waiting,
        patients_withheld=choice.withheld,
        earlier=(),
        recoding=bounds.recoding,
        levels=choice.levels,
        heights=heights,
        loss=round(choice.loss, 12),
        nodes=choice.nodes,
        nodes_checked=choice.nodes_checked,
        before=risks.before,
        after=risks.after,
        events={},
        rows=rows,
        files={entity: hash_file(path) for entity, path in job.targets.items()},
    )
