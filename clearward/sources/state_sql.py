"""Which raw partitions count, and the current state they add up to. Read the raw zone through
here: a partition whose extract has no marker is half written or abandoned, and does not exist.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from clearward.errors import ExtractError
from clearward.settings import Settings
from clearward.sources.report import IngestReport, report_from_json
from clearward.warehouse import Warehouse, check_hospital, check_month, read_parquet_sql


def marker_path(warehouse: Warehouse, *, month: str, hospital: str) -> Path:
    """``raw/_extracts/month=/hospital=/report.json``: written last, so that it accepts the rest."""
    folder = warehouse.root / "raw" / "_extracts" / f"month={check_month(month)}"
    return folder / f"hospital={check_hospital(hospital)}" / "report.json"


def accepted_reports(warehouse: Warehouse, *, hospital: str) -> tuple[IngestReport, ...]:
    """Reports of a hospital's accepted extracts, oldest first."""
    folder = warehouse.root / "raw" / "_extracts"
    markers = sorted(folder.glob(f"month=*/hospital={check_hospital(hospital)}/report.json"))
    return tuple(report_from_json(json.loads(path.read_text("utf-8"))) for path in markers)


def accepted_history(warehouse: Warehouse, table: str, *, upto: str, hospital: str) -> list[Path]:
    """Raw partitions of a table that accepted extracts of months <= ``upto`` wrote, oldest first.

    ``table`` is the warehouse name, ``<system>__<table>``.
    """
    paths = warehouse.history("raw", table, upto=upto, hospital=hospital)
    return [
        path
        for path in paths
        if marker_path(
            warehouse, month=path.parts[-3].removeprefix("month="), hospital=hospital
        ).is_file()
    ]


def current_state_sql(paths: Sequence[Path]) -> str:
    """SELECT of the latest version of every row over raw partitions, deleted rows left out.

    The partitions may be of several hospitals; ``row_key`` is unique over them.
    """
    source = read_parquet_sql(paths)
    if len(paths) == 1:
        return f"SELECT * FROM {source} WHERE op <> 'D'"
    return (
        f"SELECT * FROM (SELECT * FROM {source} "
        "QUALIFY row_number() OVER (PARTITION BY row_key ORDER BY month DESC) = 1) "
        "WHERE op <> 'D'"
    )


def read_ingest_report(settings: Settings, *, hospital: str, month: str) -> IngestReport:
    """The report of the accepted extract; ExtractError when the month has none."""
    path = marker_path(Warehouse(settings.warehouse), month=month, hospital=hospital)
    if not path.is_file():
        raise ExtractError(
            f"No extract of {hospital} for {month} was accepted.", do="ingest it first"
        )
    return report_from_json(json.loads(path.read_text("utf-8")))
