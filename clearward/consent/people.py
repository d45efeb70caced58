"""Ages and deaths as the raw zone knows them; what they mean to a permit belongs to `ages`."""

from __future__ import annotations

from dataclasses import dataclass

from clearward.consent.changes import people_sql
from clearward.settings import Settings
from clearward.sources.spec import load_spec, source_systems
from clearward.sources.state_sql import accepted_history
from clearward.warehouse import Warehouse, engine

_EVER = "9999-12"


@dataclass(frozen=True)
class Person:
    """Dates of one patient, ``YYYY-MM-DD``; None where unknown."""

    born_on: str | None
    died_on: str | None


def find_person(settings: Settings, *, hospital: str, patient_key: str) -> Person:
    """Dates of a patient; a patient no extract brought has none, so no permit of theirs counts."""
    warehouse = Warehouse(settings.warehouse)
    names = (f"{system}__patients" for system in map(_name, source_systems()))
    histories = (accepted_history(warehouse, n, upto=_EVER, hospital=hospital) for n in names)
    tables = [paths for paths in histories if paths]
    if not tables:
        return Person(None, None)
    with engine(settings) as connection:
        row = connection.execute(
            f"SELECT born_on, died_on FROM ({people_sql(tables)}) WHERE patient_key = ?",
            [patient_key],
        ).fetchone()
    return Person(*row) if row else Person(None, None)


def _name(system: str) -> str:
    return load_spec(system).name
