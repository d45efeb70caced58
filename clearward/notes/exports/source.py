"""The findings and notes an export reads. What a row becomes belongs to `omop` and `fhir`."""

from __future__ import annotations

from pathlib import Path

from clearward.errors import ConfigError
from clearward.settings import Settings
from clearward.warehouse import Warehouse, read_parquet_sql


def findings_sql(settings: Settings, *, hospital: str, month: str) -> str:
    """SELECT of one partition's de-identified findings.

    Raises:
        ConfigError: the partition was never written.
    """
    path = Warehouse(settings.warehouse).partition(
        "deidentified", "finding", month=month, hospital=hospital
    )
    if not path.is_file():
        raise ConfigError(
            f"Hospital {hospital} has no findings of {month}.",
            seen="no deidentified/finding partition",
            do=f"run the month first: clearward run --month {month} --hospital {hospital}",
        )
    return f"SELECT * FROM {read_parquet_sql([path])}"


def new_file(folder: Path, name: str) -> Path:
    """A file only its owner may read, in a folder that is made as private."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / name
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    return path
