"""Synthea's text export: a folder of ``<names>_<patient id>.txt``, each a run of dated sections.
Other forms of free text come as columns of a CSV or as FHIR attachments and are read there.
"""

from __future__ import annotations

import re
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq

from clearward.sources.spec import Table
from clearward.sources.staging import Input, Piece, select_sql
from clearward.sources.text import decoded
from clearward.warehouse import sql_path

_DATE_LINE = re.compile(r"^(\d{4}-\d{2}-\d{2})[ \t\r]*$", re.MULTILINE)
_SCHEMA = pa.schema(
    [
        ("file_no", pa.int32()),
        ("source_row", pa.int64()),
        ("part", pa.int32()),
        ("note_id", pa.string()),
        ("patient_id", pa.string()),
        ("written_at", pa.string()),
        ("text", pa.string()),
    ]
)
_BATCH = 512

Note = tuple[int, int, int, str, str, str | None, str]


def stage_notes(table: Table, *, sources: Sequence[Input], scratch: Path, encoding: str) -> Piece:
    """Split every text at its bare date lines; the note id is patient id, date and ordinal."""
    target = scratch / f"{uuid.uuid4().hex}.parquet"
    with pq.ParquetWriter(target, _SCHEMA, compression="zstd") as writer:
        batch: list[Note] = []
        for source in sources:
            batch.extend(_notes(source, encoding))
            if len(batch) >= _BATCH:
                writer.write_batch(_batch(batch))
                batch = []
        if batch:
            writer.write_batch(_batch(batch))
    names = [column.name for column in table.columns]
    values = [name if name in _SCHEMA.names else "NULL" for name in names]
    columns = select_sql(table, file_no="file_no", row="source_row", part="part", values=values)
    sql = f"SELECT {columns} FROM read_parquet('{sql_path(target)}')"
    return Piece(sql, len(sources), (), tuple(names))


def _batch(notes: list[Note]) -> pa.RecordBatch:
    arrays = [
        pa.array(values, field.type)
        for values, field in zip(zip(*notes, strict=True), _SCHEMA, strict=True)
    ]
    return pa.record_batch(arrays, schema=_SCHEMA)


def _notes(source: Input, encoding: str) -> Iterator[Note]:
    text = "".join(decoded(source.path, encoding=encoding, shown=source.shown))
    stem = PurePosixPath(re.sub(r"\.gz$", "", source.path.name, flags=re.IGNORECASE)).stem
    patient = stem.rsplit("_", 1)[-1]
    dates = [*_DATE_LINE.finditer(text)]
    before = text[: dates[0].start()] if dates else text
    if before.strip():
        # Words above the first date belong to no encounter: they reach quarantine, dateless.
        yield (source.file_no, 1, 0, f"{patient}-undated", patient, None, before.strip())
    seen: Counter[str] = Counter()
    line, counted = 1, 0
    for place, found in enumerate(dates):
        line += text.count("\n", counted, found.start())
        counted = found.start()
        date = found.group(1)
        seen[date] += 1
        end = dates[place + 1].start() if place + 1 < len(dates) else len(text)
        body = text[found.end() : end].strip()
        note = f"{patient}-{date}-{seen[date]}"
        yield (source.file_no, line, place + 1, note, patient, date, body)
