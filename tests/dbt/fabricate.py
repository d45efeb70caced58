"""Makes a de-identified warehouse out of rows told in Python. It knows the layout of the zone and
the specs of the source systems; what the rows say belongs to the test.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from clearward.sources.spec import Table, load_spec, source_systems

ARROW = {
    "text": pa.string(),
    "integer": pa.int64(),
    "decimal": pa.float64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "boolean": pa.bool_(),
}
LOAD = {
    "hospital_id": pa.string(),
    "month": pa.string(),
    "row_key": pa.string(),
    "patient_key": pa.string(),
    "op": pa.string(),
    "file_id": pa.string(),
    "source_row": pa.int64(),
}
SUBJECT = {name: pa.string() for name in ("hospital_id", "month", "patient_key", "purpose")}
NOTE = {
    **{name: pa.string() for name in ("hospital_id", "month", "row_key", "patient_key")},
    **{name: pa.string() for name in ("encounter_key", "op")},
    "written_at": pa.timestamp("us"),
    **{name: pa.string() for name in ("title", "lang", "text", "note_sha256", "file_id")},
    "source_row": pa.int64(),
}
FINDING = {
    **{name: pa.string() for name in ("hospital_id", "month", "finding_id", "note_key")},
    **{name: pa.string() for name in ("patient_key", "encounter_key")},
    "recorded_at": pa.timestamp("us"),
    **{name: pa.string() for name in ("lang", "attribute", "concept_code", "concept_system")},
    **{name: pa.float64() for name in ("value_num", "value_low", "value_high")},
    **{name: pa.string() for name in ("comparator", "value_text", "unit_ucum", "laterality")},
    "method": pa.string(),
    "is_negated": pa.bool_(),
    **{name: pa.string() for name in ("certainty", "temporality", "experiencer", "speaker")},
    "section": pa.string(),
    "span_start": pa.int64(),
    "span_end": pa.int64(),
    **{name: pa.string() for name in ("rule_id", "pack_version", "engine_version")},
    "confidence": pa.float64(),
}


def columns_of(table: Table) -> dict[str, pa.DataType]:
    """Columns of a table behind the one-way door, with their types."""
    passed = {
        column.output: pa.int32() if column.treatment == "birth_year" else ARROW[column.type]
        for column in table.columns
        if column.treatment not in ("drop", "scrub")
    }
    return {**LOAD, **passed}


def all_tables() -> dict[str, dict[str, pa.DataType]]:
    """Every de-identified table by its warehouse name."""
    tables = {"subject": SUBJECT, "note": NOTE, "finding": FINDING}
    for system in source_systems():
        spec = load_spec(system)
        for table in spec.tables:
            if table.passes and table.name != "notes":
                tables[spec.warehouse_name(table)] = columns_of(table)
    return tables


@dataclass
class DeidentifiedZone:
    """Rows by (table, month, hospital), written by `write`."""

    root: Path
    rows: dict[tuple[str, str, str], list[dict[str, Any]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def add(self, table: str, month: str, hospital: str, values: Mapping[str, Any]) -> None:
        """Add one row; columns that are not named are null, unknown ones are refused."""
        schema = all_tables()[table]
        unknown = set(values) - set(schema)
        if unknown:
            raise KeyError(f"{table} has no {sorted(unknown)}")
        place = self.rows[table, month, hospital]
        filled = dict.fromkeys(schema) | {"hospital_id": hospital, "month": month}
        if "file_id" in schema:
            filled |= {"file_id": "f" * 12, "source_row": len(place) + 2}
        if "op" in schema:
            filled |= {"op": "I"}
        place.append(filled | dict(values))

    def write(self) -> None:
        """Write the empty `_schema` partitions and every partition that has rows."""
        for table, schema in all_tables().items():
            self._write(table, "0000-00", "_schema", [], schema)
        for (table, month, hospital), rows in self.rows.items():
            self._write(table, month, hospital, rows, all_tables()[table])

    def _write(
        self,
        table: str,
        month: str,
        hospital: str,
        rows: list[dict[str, Any]],
        schema: Mapping[str, pa.DataType],
    ) -> None:
        folder = self.root / "deidentified" / table / f"month={month}" / f"hospital={hospital}"
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(
            pa.Table.from_pylist(rows, pa.schema(list(schema.items()))), folder / "part.parquet"
        )


def at(text: str) -> datetime:
    """A moment: ``2024-03-05`` or with a time."""
    return datetime.fromisoformat(text)


def on(text: str) -> date:
    """A day."""
    return date.fromisoformat(text)
