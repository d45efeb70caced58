"""Protect one product's tables of one month. Add a step of protection here; how each step works
lives in the module that is named after it.

Protected files are staged beside their place, verified by `risk` and only then promoted, so the
protected zone never holds a table that misses its bound.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from clearward.errors import ProtectionError
from clearward.keyring import Keyring
from clearward.products.spec import Product, load_product
from clearward.protect import tables
from clearward.protect.report import ProtectReport, report_path, write_report
from clearward.protect.solver import Problem, Solution, solve
from clearward.risk.prosecutor import Risk, measure_risk
from clearward.settings import Settings
from clearward.warehouse import Warehouse, engine, promote


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
    settings: Settings, keyring: Keyring, *, product: str, month: str
) -> ProtectReport:
    """Generalise, suppress and re-key every table of a product; one patient is one unit.

    Reads ``product/<product>__*``, writes ``protected/<product>__*`` and the report JSON. Raises
    ProtectionError when tables are missing, there are fewer than k patients, or the written file
    misses the bound; then nothing is promoted and no report remains.
    """
    job = _job(settings, load_product(product), month)
    report_path(settings, product=product, month=month).unlink(missing_ok=True)
    with engine(settings) as connection, _cleaned(job):
        tables.open_tables(connection, job.sources, keyring.key("product", product))
        tables.check_tables(connection, job.product)
        tables.check_patients(connection, job.product.protection.k)
        tables.label_hospitals(connection)
        problem = tables.read_problem(connection, job.product)
        solution = solve(problem)
        kept = tables.keep_patients(connection, problem, solution)
        rows = _write(connection, job)
        risks = _verify(job, kept)
        for entity, staged in job.staged.items():
            promote(staged, job.targets[entity])
    report = _report(job, problem, solution, rows=rows, risks=risks)
    write_report(settings, report)
    return report


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


def _write(connection: duckdb.DuckDBPyConnection, job: _Job) -> dict[str, int]:
    rows = {}
    for table in job.product.tables:
        staged = job.staged[table.entity]
        if table.entity == tables.ATTRITION:
            k = job.product.protection.k
            rows[table.entity] = tables.write_attrition(
                connection, staged, key=table.key, k=k, month=job.month
            )
            continue
        rows[table.entity] = tables.write_entity(
            connection,
            table.entity,
            staged,
            key=table.key,
            quasi_identifiers=job.quasi_identifiers,
            month=job.month,
        )
    return rows


@dataclass(frozen=True)
class _Risks:
    before: Risk
    after: Risk
    hospital_known: Risk


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
    known = sorted({*columns, "hospital_id"})
    return _Risks(
        before=measure_risk(job.settings, job.sources["patient"], columns),
        after=after,
        hospital_known=measure_risk(job.settings, job.staged["patient"], known),
    )


def _report(
    job: _Job, problem: Problem, solution: Solution, *, rows: dict[str, int], risks: _Risks
) -> ProtectReport:
    columns = job.quasi_identifiers
    bounds = job.product.protection
    return ProtectReport(
        product=job.product.name,
        month=job.month,
        k_asked=bounds.k,
        k_reached=risks.after.k,
        max_suppressed=bounds.max_suppressed,
        patients_in=problem.units,
        patients_kept=risks.after.patients,
        patients_suppressed=problem.units - risks.after.patients,
        levels=dict(zip(columns, solution.levels, strict=True)),
        heights={h.column: h.height for h in problem.hierarchies},
        loss=round(solution.loss, 12),
        nodes=solution.nodes,
        nodes_checked=solution.nodes_checked,
        before=risks.before,
        after=risks.after,
        hospital_known=risks.hospital_known,
        rows=rows,
        files={entity: _sha256(path) for entity, path in job.targets.items()},
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
