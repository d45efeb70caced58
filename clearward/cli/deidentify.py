"""``clearward deidentify``: the one-way door and its rule sets, looked at from outside."""

from __future__ import annotations

from typing import Annotated

import duckdb
import typer

from clearward.cli.show import console, show_rows
from clearward.deidentify.checks import columns_of
from clearward.deidentify.profiles import Facts, check_profiles
from clearward.deidentify.reference import page
from clearward.deidentify.reports import read_reports, stale_months
from clearward.errors import ConfigError
from clearward.products.spec import Product, load_product
from clearward.settings import Settings, load_settings
from clearward.warehouse import Warehouse, read_parquet_sql

app = typer.Typer(
    no_args_is_help=True,
    help="""The one-way door: what it left behind, and which legal rule sets a product keeps.

  clearward deidentify report                              counts of every run\n
  clearward deidentify stale                               runs under an older disease list\n
  clearward deidentify profile cardiology --month 2024-05  Safe Harbor and others, rule by rule
""",
)
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


@app.command()
def report(as_json: Json = False) -> None:
    """What each hospital's month left behind at the door, in counts."""
    rows = [
        {key: value for key, value in each.items() if key != "by_table"}
        for each in read_reports(load_settings())
    ]
    show_rows("Door", rows, as_json=as_json)


@app.command()
def stale(as_json: Json = False) -> None:
    """Months that passed under another list of special diseases; exit code 1 when there are any."""
    rows = [{"hospital": h, "month": m} for h, m in stale_months(load_settings())]
    show_rows("Run the door again for", rows, as_json=as_json)
    raise typer.Exit(1 if rows else 0)


@app.command()
def columns() -> None:
    """Every source column with its treatment, level and domain, as Markdown."""
    print(page(), end="")


@app.command()
def profile(
    product: str,
    month: Annotated[str, typer.Option(help="YYYY-MM of the protected tables.")],
    name: Annotated[
        list[str] | None, typer.Option(help="Profile; the product's own ones if omitted.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Judge a product's protected tables by legal rule sets. What was not measured is not held."""
    settings, spec = load_settings(), load_product(product)
    schema = _schema(settings, spec, month)
    results = check_profiles(
        name or spec.protection.profiles, schema=schema, facts=_facts(settings, spec, month)
    )
    rows = [
        {
            "profile": r.profile,
            "rule": r.rule,
            "asks": r.asks,
            "verdict": r.verdict.value,
            "reason": r.reason,
        }
        for r in results
    ]
    show_rows(f"{product} {month}", rows, as_json=as_json)
    if not as_json:
        console.print("Engineering readings of the law; counsel confirms.")


def _schema(settings: Settings, spec: Product, month: str) -> dict[str, dict[str, str]]:
    warehouse, schema = Warehouse(settings.warehouse), {}
    with duckdb.connect() as connection:
        for table in spec.tables:
            path = warehouse.partition("protected", spec.table_name(table), month=month)
            if path.exists():
                schema[table.entity] = columns_of(connection, path)
    if not schema:
        raise ConfigError(
            f"{spec.name} has no protected table in {month}.", do="run the month first"
        )
    return schema


def _facts(settings: Settings, spec: Product, month: str) -> Facts:
    """Class sizes of the protected patient table; figures of the risk report are not guessed."""
    path = Warehouse(settings.warehouse).partition(
        "protected", f"{spec.name}__patient", month=month
    )
    columns = ", ".join(qi.column for qi in spec.protection.quasi_identifiers)
    with duckdb.connect() as connection:
        row = connection.execute(
            f"SELECT min(n), count(*) / sum(n) FROM (SELECT count(*) AS n FROM"
            f" {read_parquet_sql([path])} GROUP BY {columns})"
        ).fetchone()
    if row is None or not row[0]:
        return {}
    least, mean = int(row[0]), float(row[1])
    return {
        "k": least,
        "max_prosecutor": 1 / least,
        "avg_prosecutor": mean,
        "is_enclave": spec.protection.release_model == "enclave",
    }
