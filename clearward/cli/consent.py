"""``clearward consent``: decisions that reach us between extracts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from clearward.cli.show import console
from clearward.consent.purposes import EVERYTHING
from clearward.consent.registry import record_withdrawal
from clearward.deidentify.installation import open_keyring
from clearward.keyring import pseudonym
from clearward.settings import Settings, load_settings
from clearward.state.base import state_engine

app = typer.Typer(no_args_is_help=True, help="Consent: the patient's word decides; default deny.")


@app.command()
def withdraw(
    hospital: Annotated[str, typer.Option(help="Id of the hospital.")],
    month: Annotated[str, typer.Option(help="First month to leave the patient out of, YYYY-MM.")],
    patient_key: Annotated[
        str, typer.Option(help="20 hex characters; asked for by the hospital's own id if omitted.")
    ] = "",
    purpose: Annotated[str, typer.Option(help="Purpose withdrawn.")] = EVERYTHING,
) -> None:
    """Record a withdrawal. The next run of the month leaves the patient out."""
    settings = load_settings()
    is_new = record_withdrawal(
        state_engine(settings.database),
        hospital=hospital,
        patient_key=patient_key or _ask(settings, hospital),
        decided_at=datetime.now(UTC),
        month=month,
        purpose=purpose,
    )
    done = "Recorded" if is_new else "Already on record"
    console.print(f"{done}. Run {month} again to release without this patient.")


def _ask(settings: Settings, hospital: str) -> str:
    # Typed without echo, so that the id reaches neither the screen nor the shell's history.
    patient = typer.prompt("Patient id at the hospital", hide_input=True)
    return pseudonym(open_keyring(settings).key("row"), hospital, "patients", patient)
