"""Findings beside the text they were read in. How they look belongs to `page`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clearward.errors import ConfigError, DeidentifyError
from clearward.settings import Settings
from clearward.warehouse import Warehouse, check_hospital, engine, read_parquet_sql

AROUND = 240
_SHOWN = {"mm[Hg]": "mmHg", "{beats}/min": "/min"}


@dataclass(frozen=True)
class Item:
    """One finding as a reviewer sees it; identified.

    Attributes:
        said: what the clause says of it, only what is out of the ordinary.
        before, span, after: the note round the value; `cue` is what announced it, as start and end
            in ``before + span + after``.
    """

    finding_id: str
    lang: str
    attribute: str
    value: str
    side: str
    said: tuple[str, ...]
    section: str
    before: str
    span: str
    after: str
    cue: tuple[int, int]
    rule_id: str
    confidence: float


def identified_folder(settings: Settings, purpose: str, hospital: str) -> Path:
    """``<home>/identified/<purpose>/<hospital>``, for its owner alone."""
    folder = settings.home / "identified" / purpose / check_hospital(hospital)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for each in (folder, folder.parent, folder.parent.parent):
        each.chmod(0o700)
    return folder


def queued(settings: Settings, *, hospital: str, month: str, limit: int = 500) -> list[Item]:
    """Findings of low confidence, the least sure first."""
    return list(
        items(
            settings,
            hospital=hospital,
            month=month,
            choose=f"WHERE review_status = 'queued' ORDER BY confidence, finding_id LIMIT {limit}",
        )
    )


def items(settings: Settings, *, hospital: str, month: str, choose: str) -> Iterator[Item]:
    """Findings of a hospital, of one month or, with an empty month, of all.

    Raises:
        ConfigError: no month of the hospital was read.
        DeidentifyError: a note changed since it was read.
    """
    warehouse = Warehouse(settings.warehouse)
    places = _paths(warehouse, "finding_place", hospital, month)
    if not places:
        raise ConfigError(
            f"No findings of hospital {hospital} are here.",
            seen=f"month {month or 'any'}",
            do=f"run a month first: clearward run --hospital {hospital}",
        )
    texts = " UNION ALL ".join(_texts_sql(warehouse, hospital, month)) or _NOTHING
    with engine(settings) as connection:
        result = connection.execute(f"""
            SELECT place.*, note.text FROM (
                SELECT * FROM {read_parquet_sql(places)} {choose}) place
            JOIN ({texts}) note ON note.note_key = place.note_key AND note.month = place.month
            ORDER BY place.confidence, place.finding_id""")
        names = [column[0] for column in result.description or ()]
        for row in result.fetchall():
            yield _item(dict(zip(names, row, strict=True)))


_NOTHING = "SELECT NULL::VARCHAR AS note_key, NULL::VARCHAR AS month, NULL::VARCHAR AS text"


def _paths(warehouse: Warehouse, table: str, hospital: str, month: str) -> list[Path]:
    if month:
        path = warehouse.partition("cleared", table, month=month, hospital=hospital)
        return [path] if path.is_file() else []
    return warehouse.history("cleared", table, upto="9999-12", hospital=hospital)


def _texts_sql(warehouse: Warehouse, hospital: str, month: str) -> Iterator[str]:
    from clearward.notes.roster import note_tables  # noqa: PLC0415 - half a second of pinyin

    for system, table in note_tables():
        paths = _paths(warehouse, system.warehouse_name(table), hospital, month)
        if paths:
            yield (
                f"SELECT row_key AS note_key, month, text FROM {read_parquet_sql(paths)}"
                " WHERE op <> 'D' AND text IS NOT NULL"
            )


def _item(row: dict[str, Any]) -> Item:
    text, start, end = row["text"], row["span_start"], row["span_end"]
    if text[start:end] != row["span_text"]:
        raise DeidentifyError(
            "A note is not the one its finding was read in.",
            seen=f"finding {row['finding_id']}",
            do="read the month again, then open the queue",
        )
    first = max(0, start - AROUND)
    return Item(
        finding_id=row["finding_id"],
        lang=row["lang"] or "",
        attribute=row["attribute"],
        value=_value(row),
        side=row["laterality"] or "",
        said=tuple(_said(row)),
        section=row["section"] or "",
        before=text[first:start],
        span=text[start:end],
        after=text[end : end + AROUND],
        cue=(max(row["cue_start"], first) - first, row["cue_end"] - first),
        rule_id=row["rule_id"],
        confidence=row["confidence"],
    )


def _value(row: dict[str, Any]) -> str:
    unit = _SHOWN.get(row["unit_ucum"] or "", (row["unit_ucum"] or "").strip("{}"))
    if row["value_low"] is not None and row["value_high"] is not None:
        number = f"{row['value_low']:g} to {row['value_high']:g} {unit}"
    elif row["value_num"] is not None:
        number = f"{row['comparator'] or ''}{row['value_num']:g} {unit}"
    else:
        number = ""
    words: Sequence[str] = [w for w in (number.strip(), row["value_text"], row["method"]) if w]
    return " · ".join(words) or "present"


def _said(row: dict[str, Any]) -> Iterator[str]:
    usual = {"certainty": "certain", "temporality": "current", "experiencer": "patient"}
    if row["is_negated"]:
        yield "negated"
    for name, value in usual.items():
        if row[name] != value:
            yield row[name]
    if row["speaker"]:
        yield f"said by {row['speaker']}"
