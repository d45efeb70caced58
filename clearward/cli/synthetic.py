"""``clearward synthetic``: the sample a buyer looks at before signing, and what privacy it cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from sqlalchemy import Engine

from clearward.cli.show import show_facts, show_rows
from clearward.products.spec import product_names
from clearward.products.synthesis import load_synthesis
from clearward.settings import load_settings
from clearward.state.base import state_engine
from clearward.state.migrate import check_migrated
from clearward.synthetic.ledger import read_budget, samples_of
from clearward.synthetic.sample import make_sample
from clearward.synthetic.store import open_sample

app = typer.Typer(
    no_args_is_help=True,
    help="""Evaluation samples: synthetic patients in a product's shape, differentially private.

A sample is made once per product and reused in every release whose columns still hold it, because
each new one costs privacy. What one may cost, and all together, is in the product spec:
[synthetic] epsilon, delta, total_epsilon.

  clearward synthetic make ophthalmology --month 2024-05     the sample there is, or a first one\n
  clearward synthetic make ophthalmology --month 2024-05 --fresh   a new one; asks the budget\n
  clearward synthetic show                                   budgets of all products\n
  clearward synthetic show ophthalmology                     its newest sample: cost, error, files

Exit codes: 0 done, 2 spec, 6 budget exhausted or product incomplete, 13 ledger or sample damaged.
""",
)
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


@app.command()
def make(
    product: str,
    month: Annotated[str, typer.Option(help="YYYY-MM whose tables are measured.")],
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Make a new sample even if one fits; costs budget.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make the sample, or find the one that was made. Needs a product that is protected."""
    _database()
    made = make_sample(load_settings(), product=product, month=month, is_fresh=fresh)
    title = "Made" if made.is_new else "Already there, nothing was spent"
    show_facts(title, made.metadata(), as_json=as_json)


@app.command()
def show(
    product: Annotated[str, typer.Argument(help="One product; all budgets if omitted.")] = "",
    as_json: Json = False,
) -> None:
    """Privacy budgets, or one product's newest sample."""
    if not product:
        show_rows("Privacy budgets of samples", _budgets(), as_json=as_json)
        return
    settings = load_settings()
    load_synthesis(product)
    stored = samples_of(_database(), product)
    if not stored:
        show_rows(f"Samples of {product}", [], as_json=as_json)
        return
    sample = open_sample(settings, stored[0])
    if as_json:
        show_facts("", sample.document, as_json=True)
        return
    privacy = sample.document["privacy"]
    facts = {"sample": stored[0].ordinal, "month": stored[0].month, **privacy}
    show_facts(product, {**facts, "folder": str(sample.folder)}, as_json=False)
    show_rows("Tables", _tables(sample.document), as_json=False)


def _database() -> Engine:
    engine = state_engine(load_settings().database)
    check_migrated(engine)
    return engine


def _budgets() -> list[dict[str, object]]:
    engine = _database()
    rows = []
    for name in product_names():
        synthesis = load_synthesis(name)
        budget = read_budget(engine, synthesis)
        rows.append(
            {
                "product": name,
                "samples_paid": budget.samples,
                "epsilon_spent": round(budget.epsilon_spent, 4),
                "epsilon_total": synthesis.total_epsilon,
                "delta": synthesis.delta,
                "epsilon_of_one": synthesis.epsilon,
                "unit": "patient",
            }
        )
    return rows


def _tables(document: Mapping[str, Any]) -> list[dict[str, object]]:
    return [
        {
            "table": name,
            "rows": told["rows"],
            "modelled": len(told["modelled"]),
            "derived": len(told["derived"]),
            "empty": len(told["empty"]),
        }
        for name, told in document["tables"].items()
    ]
