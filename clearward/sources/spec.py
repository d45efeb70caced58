"""Spec files of source systems, as values. Add a key here when every system needs it; what only
one format needs belongs to its reader.

A spec lists each table's columns with their type and TREATMENT at the one-way door. A column that
no spec lists is dropped and reported; there is no default that lets one pass.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from clearward.errors import ConfigError
from clearward.warehouse import check_name

TYPES = {
    "text": "VARCHAR",
    "integer": "BIGINT",
    "decimal": "DOUBLE",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "boolean": "BOOLEAN",
}
TREATMENTS = {
    "keep": "leaves as it is",
    "drop": "never leaves the identified zone",
    "pseudonym": "the stable key of the row it names in table `of`",
    "shift": "moved by the patient's secret number of days",
    "birth_year": "year of the shifted date; ages over 89 pooled",
    "region": "generalised to a region by the code list `of`",
    "zip3": "first three digits of a US ZIP code; 000 where 20,000 people or fewer live",
    "measured_value": "numbers leave; words leave only for the codes in `text_codes`",
    "scrub": "free text: leaves through the note scrubber only",
}
# GB/T 39725-2020: who may see data as it stands in the source. 4 and 5 never leave as they are.
LEVELS = {
    1: "may be public",
    2: "may be used widely inside the sector",
    3: "for a named project, de-identified",
    4: "identifies a person: treating staff only",
    5: "identifies, or tells of a special disease: closest circle only",
}
LEAVES_AT_MOST = 3
SPEC_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Column:
    """One listed column.

    Attributes:
        name: our name, lower snake case.
        source: header names or JSON paths, first that is present wins.
        type: a key of `TYPES`.
        treatment: a key of `TREATMENTS`.
        required: missing header stops the hospital's month; a null value quarantines the row.
        of: what a treatment refers to (table, code list).
        output: name after the door.
        level: GB/T 39725-2020 level of the column as the source sends it, a key of `LEVELS`.
        domain: what a kept column may hold, a table of `deidentify/domains.toml`.
        default: what a file means whose header lacks the column; never fills an empty cell.
    """

    name: str
    source: tuple[str, ...]
    type: str
    treatment: str
    level: int = 5
    domain: str = ""
    required: bool = False
    of: str = ""
    output: str = ""
    default: str = ""


@dataclass(frozen=True)
class Table:
    """One table of a source system.

    Attributes:
        name: our name; the warehouse calls it ``<system>__<name>``.
        files: file names it may come in (``.gz`` is understood as well).
        columns: every column that is read.
        natural_key: columns that name a row inside a hospital.
        repeats: columns that order rows sharing a natural key, where a source has no own key.
        patient: column with the patient's natural id; empty for reference tables.
        required: its absence stops the hospital's month.
        passes: False when no row may leave the identified zone (staff, organisations).
        unpivot: column groups that make several rows of one wide row.
        text_codes, dropped_codes, code_column: see treatment ``measured_value``.
    """

    name: str
    files: tuple[str, ...]
    columns: tuple[Column, ...]
    natural_key: tuple[str, ...]
    repeats: tuple[str, ...] = ()
    patient: str = ""
    required: bool = False
    passes: bool = True
    description: str = ""
    code_column: str = "code"
    text_codes: tuple[str, ...] = ()
    dropped_codes: tuple[str, ...] = ()
    unpivot: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    def column(self, name: str) -> Column:
        """The column of that name; KeyError when the spec lists none."""
        return next(c for c in self.columns if c.name == name)


@dataclass(frozen=True)
class SourceSystem:
    """A format we read: its tables and how text is told from null.

    Attributes:
        code_systems: spelling of a code system in lower case -> how it is written from there on.
        declared: what the hospital itself said of its code systems; part of what an extract is.
    """

    name: str
    title: str
    format: str
    encoding: str
    null_tokens: tuple[str, ...]
    date_formats: tuple[str, ...]
    timestamp_formats: tuple[str, ...]
    tables: tuple[Table, ...]
    code_systems: Mapping[str, str] = field(default_factory=dict)
    declared: Mapping[str, str] = field(default_factory=dict)

    def table(self, name: str) -> Table:
        """The table of that name; KeyError when the spec lists none."""
        for table in self.tables:
            if table.name == name:
                return table
        raise KeyError(name)

    def warehouse_name(self, table: Table) -> str:
        """Name of a table in every zone: ``<system>__<table>``."""
        return f"{self.name}__{table.name}"


def source_systems() -> tuple[str, ...]:
    """Names of the systems that have a spec file."""
    return tuple(sorted(path.stem for path in SPEC_FOLDER.glob("*.toml")))


@cache
def load_spec(system: str) -> SourceSystem:
    """Read ``<system>.toml``; raises ConfigError for an unknown system or a broken spec."""
    path = SPEC_FOLDER / f"{system}.toml"
    if system not in source_systems():
        raise ConfigError(
            f"Unknown source system {system!r}.",
            expected=", ".join(source_systems()),
            do=f"write {path.name} beside the others, or name one of them",
        )
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    head = document["system"]
    return SourceSystem(
        name=head["name"],
        title=head["title"],
        format=head["format"],
        encoding=head["encoding"],
        null_tokens=tuple(head["null_tokens"]),
        date_formats=tuple(head["date_formats"]),
        timestamp_formats=tuple(head["timestamp_formats"]),
        tables=tuple(_table(name, body) for name, body in document["tables"].items()),
    )


def _table(name: str, body: Mapping[str, Any]) -> Table:
    known = {"files", "columns", "natural_key", "repeats", "text_codes", "dropped_codes"}
    lists: dict[str, Any] = {k: tuple(body[k]) for k in known - {"columns"} if k in body}
    rest = {key: value for key, value in body.items() if key not in known}
    columns = tuple(_column(name, item) for item in body["columns"])
    table = Table(name=check_name(name), columns=columns, **lists, **rest)
    names = [column.name for column in columns]
    outside = {*table.natural_key, *table.repeats, *filter(None, [table.patient])} - {*names}
    if outside or len(set(names)) != len(names):
        raise ConfigError(f"Spec of table {name}: key columns {sorted(outside)} or doubled names.")
    return table


def _column(table: str, item: Mapping[str, Any]) -> Column:
    if item["type"] not in TYPES or item["treatment"] not in TREATMENTS:
        raise ConfigError(
            f"Spec of {table}.{item['name']}: unknown type or treatment.",
            seen=f"{item['type']}, {item['treatment']}",
            expected=f"{sorted(TYPES)} and {sorted(TREATMENTS)}",
        )
    _check_leaving(table, item)
    return Column(
        name=check_name(item["name"]),
        source=tuple(item["source"]),
        type=item["type"],
        treatment=item["treatment"],
        level=item["level"],
        domain=item.get("domain", ""),
        required=item.get("required", False),
        of=item.get("of", ""),
        output=item.get("output", item["name"]),
        default=item.get("default", ""),
    )


def _check_leaving(table: str, item: Mapping[str, Any]) -> None:
    """What is kept as it is must be harmless by level, and of a domain that can be checked."""
    level, is_kept = item.get("level"), item["treatment"] == "keep"
    if level not in LEVELS or (is_kept and level > LEAVES_AT_MOST):
        raise ConfigError(
            f"Spec of {table}.{item['name']}: no level, or one that may not leave as it is.",
            seen=f"level {level}, treatment {item['treatment']}",
            expected=f"1 to 5, and at most {LEAVES_AT_MOST} where the treatment is keep",
            do="give the column its level of GB/T 39725-2020, or another treatment",
        )
    if is_kept and not item.get("domain"):
        raise ConfigError(
            f"Spec of {table}.{item['name']}: a kept column without a domain could hold anything.",
            do="name a table of deidentify/domains.toml as its `domain`",
        )
