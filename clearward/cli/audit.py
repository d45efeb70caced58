"""``clearward audit``: proof that nobody changed the record of decisions."""

import typer

from clearward import audit
from clearward.cli.show import console
from clearward.settings import load_settings
from clearward.state.base import state_engine

app = typer.Typer(
    no_args_is_help=True,
    help="""The hash-chained log of decisions: approvals, sign-offs, licences, keys.

  clearward audit verify                  nobody changed, removed or inserted a line\n
  clearward audit head                    keep this line elsewhere, to notice a log that was cut
""",
)


@app.command()
def verify() -> None:
    """Check the whole chain; names the first line that was changed, removed or inserted."""
    lines = audit.verify(state_engine(load_settings().database))
    console.print(f"The log of {lines:,} lines is whole.")


@app.command()
def head() -> None:
    """Number and hash of the last line: keep it elsewhere, to notice a log that was cut."""
    with state_engine(load_settings().database).connect() as connection:
        last = audit.head(connection)
    console.print(f"{last.sequence} {last.hash}")
