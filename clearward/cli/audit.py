"""``clearward audit``: proof that nobody changed the record of decisions."""

import re
from typing import Annotated

import typer

from clearward import audit
from clearward.cli.show import console
from clearward.errors import ConfigError
from clearward.licensing import ledger, proof
from clearward.settings import load_settings
from clearward.state.base import state_engine

app = typer.Typer(
    no_args_is_help=True,
    help="""The hash-chained log of decisions: approvals, sign-offs, licences, deliveries, keys.

  clearward audit verify                  nobody changed, removed, moved or inserted a line\n
  clearward audit head                    keep this line elsewhere, to notice a log that was cut\n
  clearward audit verify --head "4711 9f86d081…"
""",
)


@app.command()
def verify(
    head: Annotated[
        str, typer.Option(help="A line that `audit head` printed earlier; the log must hold it.")
    ] = "",
) -> None:
    """Check the whole chain, and that deliveries, licences and what was revoked are still what it
    says. Names the first line that is not as it was.

    A log whose newest lines were cut off is whole again: only a head kept elsewhere shows it.
    """
    engine = state_engine(load_settings().database)
    lines = audit.verify(engine, upto=_head(head) if head else None)
    delivered = ledger.verify_ledger(engine)
    compared = proof.verify_licences(engine)
    console.print(f"The log of {lines:,} lines is whole.")
    console.print(f"{delivered:,} deliveries and {compared:,} lines about licences are as it says.")


@app.command()
def head() -> None:
    """Number and hash of the last line: keep it elsewhere, to notice a log that was cut."""
    with state_engine(load_settings().database).connect() as connection:
        last = audit.head(connection)
    print(f"{last.sequence} {last.hash}")


def _head(text: str) -> audit.Head:
    found = re.fullmatch(r"\s*([0-9]{1,12})[\s:]+([0-9a-f]{64})\s*", text)
    if not found:
        raise ConfigError(
            "Not a head of the log.", expected="a number and 64 hex characters, as `audit head` has"
        )
    return audit.Head(int(found[1]), found[2])
