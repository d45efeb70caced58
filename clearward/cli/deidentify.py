"""``clearward deidentify``: the one-way door and its rule sets, looked at from outside."""

from __future__ import annotations

from typing import Annotated

import typer

from clearward.cli.show import console, show_rows
from clearward.deidentify.reference import page
from clearward.deidentify.reports import read_reports, stale_months
from clearward.products.spec import load_product
from clearward.releases.profile_check import judge_profiles
from clearward.settings import load_settings

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
    results = judge_profiles(settings, spec, month=month, names=name or ())
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
