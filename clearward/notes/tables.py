"""The tables this room writes: their Arrow schemas and the staging that keeps memory bounded.

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
_VALUE = (
    [(name, _TEXT) for name in ("lang", "attribute", "concept_code", "concept_system")]
    + [(name, pa.float64()) for name in ("value_num", "value_low", "value_high")]
    + [(name, _TEXT) for name in ("comparator", "value_text", "unit_ucum", "laterality", "method")]
    + [("is_negated", pa.bool_())]
    + [(name, _TEXT) for name in ("certainty", "temporality", "experiencer", "speaker", "section")]
)
_RULE = [(name, _TEXT) for name in ("rule_id", "pack_version", "engine_version")]
_PLACE = [(name, pa.int64()) for name in ("span_start", "span_end", "cue_start", "cue_end")]
_STATUS = [("confidence", pa.float64()), ("review_status", _TEXT)]
_IDS = [(name, _TEXT) for name in ("hospital_id", "month", "finding_id", "note_key", "patient_key")]
# places are of the scrubbed text whose hash is note_sha256
FINDING = pa.schema(
    [*_IDS, ("encounter_key", _TEXT), ("recorded_at", _TIME), *_VALUE, *_PLACE, *_RULE, *_STATUS,
     ("note_sha256", _TEXT)]
)  # fmt: skip
# identified: the same findings in the note as it came, with what was read
PLACE = pa.schema(
    [*_IDS, *_VALUE, *_PLACE, *_RULE, *_STATUS, ("note_sha256", _TEXT), ("span_text", _TEXT)]
)
# identified: values a rule saw and would not vouch for
REJECT = pa.schema(
    [(name, _TEXT) for name in ("hospital_id", "month", "note_key", "patient_key", "lang")]
    + [(name, _TEXT) for name in ("attribute", "rule_id", "engine_version", "reason", "span_text")]
    + [("span_start", pa.int64()), ("span_end", pa.int64())]
)
# a full key: a row that changed patients is deleted for one and new for the other
KEYS: Mapping[str, tuple[str, ...]] = {
    "note": ("row_key", "op", "patient_key", "file_id", "source_row"),
    "finding": ("note_key", "span_start", "attribute", "finding_id"),
    "finding_place": ("note_key", "span_start", "attribute", "finding_id"),
    "note_reject": ("note_key", "span_start", "attribute", "rule_id", "reason", "span_end"),
}
SCHEMAS: Mapping[str, pa.Schema] = {
    "note": NOTE,
    "finding": FINDING,
    "finding_place": PLACE,
    "note_reject": REJECT,
}
ZONES: Mapping[str, str] = {
    "note": "deidentified",
    "finding": "deidentified",
    "finding_place": "cleared",
    "note_reject": "quarantine",
}


def to_arrow(table: str, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows of one table in its schema."""
    return pa.Table.from_pylist(list(rows), schema=SCHEMAS[table])


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

    def add(self, rows: pa.Table) -> None:
        """Append the rows of one batch."""
        if rows.num_rows:
            self._writer.write_table(rows)

    def publish(self, connection: duckdb.DuckDBPyConnection, target: Path) -> int:
        """Write the partition from what was staged, also when nothing was; returns rows."""
        query = f"SELECT * FROM {read_parquet_sql([self.path])}"
        return write_parquet(connection, query, target, order_by=KEYS[self.table])
