"""``clearward consent``: decisions that reach us between extracts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from clearward.cli.show import console
from clearward.consent.registry import record_withdrawal
from clearward.settings import load_settings
from clearward.state.base import state_engine

app = typer.Typer(no_args_is_help=True, help="Consent: the patient's word decides; default deny.")


@app.command()
def withdraw(
    hospital: Annotated[str, typer.Option(help="Id of the hospital.")],
    patient_key: Annotated[str, typer.Option(help="The patient's key: 20 hex characters.")],
    purpose: Annotated[str, typer.Option(help="Purpose withdrawn.")] = "commercial_licensing",
) -> None:
    """Record a withdrawal. The next run leaves the patient out and the version rises."""
    record_withdrawal(
        state_engine(load_settings().database),
        hospital,
        patient_key=patient_key,
        purpose=purpose,
        decided_at=datetime.now(UTC),
    )
    console.print("Recorded. Run the month again to release without this patient.")
