"""The tables this room writes: their Arrow schemas and the staging that keeps memory bounded.

Columns are the contract of docs/reference/rooms.md. Rows are staged per batch as they come and
written once, in key order, so the bytes do not depend on how large a batch was.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
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
# where an identifier stood in the note as it came, and by which rule: identified zone only
PHI = pa.schema(
    [(name, _TEXT) for name in ("hospital_id", "month", "note_key", "patient_key", "kind")]
    + [("span_start", pa.int64()), ("span_end", pa.int64()), ("rule_id", _TEXT)]
)
# a full key: a row that changed patients is deleted for one and new for the other
KEYS: Mapping[str, tuple[str, ...]] = {
    "note": ("row_key", "op", "patient_key", "file_id", "source_row"),
    "finding": ("note_key", "span_start", "attribute", "finding_id"),
    "finding_place": ("note_key", "span_start", "attribute", "finding_id"),
    "note_reject": ("note_key", "span_start", "attribute", "rule_id", "reason", "span_end"),
    "note_phi": ("note_key", "span_start", "span_end", "kind"),
}
SCHEMAS: Mapping[str, pa.Schema] = {
    "note": NOTE,
    "finding": FINDING,
    "finding_place": PLACE,
    "note_reject": REJECT,
    "note_phi": PHI,
}
ZONES: Mapping[str, str] = {
    "note": "deidentified",
    "finding": "deidentified",
    "finding_place": "cleared",
    "note_reject": "quarantine",
    "note_phi": "cleared",
}


# one row of a batch holds a finding for both of its tables, which share most columns
_SHARED = [*_IDS, *_VALUE, *_RULE, *_STATUS]
_OF_NOTE = [("encounter_key", _TEXT), ("recorded_at", _TIME), *_PLACE, ("note_sha256", _TEXT)]
_AS_IT_CAME = [*_PLACE, ("note_sha256", _TEXT), ("span_text", _TEXT)]
_JOINED = [*_SHARED, *_OF_NOTE, *_AS_IT_CAME]
_MAY_BE_EMPTY = frozenset(name for name, type_ in _VALUE if type_ == _TEXT)


def to_arrow(table: str, rows: Sequence[Sequence[Any]]) -> pa.Table:
    """Rows of one table, their values in the order of its schema."""
    schema = SCHEMAS[table]
    columns = zip(*rows, strict=True) if rows else ([] for _ in schema)
    arrays = [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def findings_to_arrow(rows: Sequence[Sequence[Any]]) -> dict[str, pa.Table]:
    """Tables `finding` and `finding_place` of rows that hold both: ids, the values of a `Finding`
    up to `section`, its rule, confidence and status; encounter, time, place and hash in the
    scrubbed text; place, hash and characters in the note as it came. An empty value is null."""
    columns = zip(*rows, strict=True) if rows else ([] for _ in _JOINED)
    arrays = [
        pa.array([value or None for value in c] if name in _MAY_BE_EMPTY else c, type_)
        for c, (name, type_) in zip(columns, _JOINED, strict=True)
    ]
    shared, own = len(_SHARED), len(_SHARED) + len(_OF_NOTE)
    return {
        "finding": _picked(FINDING, arrays[:own], [*_SHARED, *_OF_NOTE]),
        "finding_place": _picked(PLACE, arrays[:shared] + arrays[own:], [*_SHARED, *_AS_IT_CAME]),
    }


def _picked(
    schema: pa.Schema, arrays: Sequence[pa.Array], names: Collection[tuple[str, pa.DataType]]
) -> pa.Table:
    """A table of named arrays, in the order of its schema."""
    by_name = dict(zip((name for name, _ in names), arrays, strict=True))
    return pa.Table.from_arrays([by_name[name] for name in schema.names], schema=schema)


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
