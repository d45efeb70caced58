"""Ages and deaths as the raw zone knows them; what they mean to a permit belongs to `ages`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from clearward.consent.changes import people_sql
from clearward.consent.policies import NOBODY
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
    tables = _patient_tables(settings, hospital)
    if not tables:
        return Person(None, None)
    with engine(settings) as connection:
        row = connection.execute(
            f"SELECT born_on, died_on FROM ({people_sql(tables)}) WHERE patient_key = ?",
            [patient_key],
        ).fetchone()
    return Person(*row) if row else Person(None, None)


def read_people(
    connection: duckdb.DuckDBPyConnection, settings: Settings, hospitals: Iterable[str]
) -> pa.Table:
    """``patient_key, born_on, died_on`` of everybody whom the hospitals' extracts ever brought."""
    tables = [paths for name in hospitals for paths in _patient_tables(settings, name)]
    return connection.sql(people_sql(tables)).to_arrow_table() if tables else NOBODY


def _patient_tables(settings: Settings, hospital: str) -> list[list[Path]]:
    """Accepted partitions of each patient table of a hospital, oldest first."""
    warehouse = Warehouse(settings.warehouse)
    names = (f"{load_spec(system).name}__patients" for system in source_systems())
    histories = (accepted_history(warehouse, n, upto=_EVER, hospital=hospital) for n in names)
    return [list(paths) for paths in histories if paths]
