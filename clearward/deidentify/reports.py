"""The door's reports on disk: what each hospital's month left behind, in counts by table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clearward.deidentify.special import list_id
from clearward.settings import Settings
from clearward.warehouse import check_hospital, check_month, write_text


def write_report(
    settings: Settings, detail: Mapping[str, object], *, hospital: str, month: str
) -> Path:
    """Write ``reports/door/<hospital>/<month>.json``, whole or not at all."""
    path = settings.reports / "door" / check_hospital(hospital) / f"{check_month(month)}.json"
    return write_text(path, json.dumps(detail, ensure_ascii=False, indent=1) + "\n")


def read_reports(settings: Settings) -> list[dict[str, Any]]:
    """Every report, by hospital and month."""
    paths = sorted((settings.reports / "door").glob("*/*.json"))
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def stale_months(settings: Settings) -> list[tuple[str, str]]:
    """Hospital and month of each run that used another list of special diseases than today's."""
    reports = read_reports(settings)
    return [(r["hospital"], r["month"]) for r in reports if r["special_list"] != list_id()]
