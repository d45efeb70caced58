"""The two tables this room writes: their Arrow schemas and the staging that keeps memory bounded.

Columns are the contract of docs/reference/rooms.md. Rows are staged per batch as they come and
written once, in key order, so the bytes do not depend on how large a batch was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from clearward.warehouse import read_parquet_sql, write_parquet

_TEXT, _TIME = pa.string(), pa.timestamp("us")
NOTE = pa.schema(
    [(name, _TEXT) for name in ("hospital_id", "month", "row_key", "patient_key")]
    + [("encounter_key", _TEXT), ("op", _TEXT), ("written_at", _TIME)]
    + [(name, _TEXT) for name in ("title", "lang", "text", "note_sha256", "file_id")]
    + [("source_row", pa.int64())]
)
FINDING = pa.schema(
    [(name, _TEXT) for name in ("hospital_id", "month", "finding_id", "note_key", "patient_key")]
    + [("encounter_key", _TEXT), ("recorded_at", _TIME)]
    + [(name, _TEXT) for name in ("lang", "attribute", "concept_code", "concept_system")]
    + [(name, pa.float64()) for name in ("value_num", "value_low", "value_high")]
    + [(name, _TEXT) for name in ("comparator", "value_text", "unit_ucum", "laterality", "method")]
    + [("is_negated", pa.bool_())]
    + [(name, _TEXT) for name in ("certainty", "temporality", "experiencer", "speaker", "section")]
    + [("span_start", pa.int64()), ("span_end", pa.int64())]
    + [(name, _TEXT) for name in ("rule_id", "pack_version", "engine_version")]
    + [("confidence", pa.float64())]
)
# where an identifier stood in the note as it came, and by which rule: identified zone only
PHI = pa.schema(
    [(name, _TEXT) for name in ("hospital_id", "month", "note_key", "patient_key", "kind")]
    + [("span_start", pa.int64()), ("span_end", pa.int64()), ("rule_id", _TEXT)]
)
# a full key: a row that changed patients is deleted for one and new for the other
KEYS: Mapping[str, tuple[str, ...]] = {
    "note": ("row_key", "op", "patient_key", "file_id", "source_row"),
    "finding": ("note_key", "span_start", "attribute", "finding_id"),
    "note_phi": ("note_key", "span_start", "span_end", "kind"),
}
SCHEMAS: Mapping[str, pa.Schema] = {"note": NOTE, "finding": FINDING, "note_phi": PHI}


class Staging:
    """Rows of one table on their way to its partition; a scrubbed file, removed by its maker."""

    def __init__(self, folder: Path, table: str) -> None:
        self.table = table
        self.path = folder / f"{table}.parquet"
        self._writer = pq.ParquetWriter(self.path, SCHEMAS[table], compression="zstd")

    def __enter__(self) -> Staging:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.close()

    def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Append the rows of one batch."""
        if rows:
            self._writer.write_table(pa.Table.from_pylist(list(rows), schema=SCHEMAS[self.table]))

    def publish(self, connection: duckdb.DuckDBPyConnection, target: Path) -> int:
        """Write the partition from what was staged, also when nothing was; returns rows."""
        query = f"SELECT * FROM {read_parquet_sql([self.path])}"
        return write_parquet(connection, query, target, order_by=KEYS[self.table])
