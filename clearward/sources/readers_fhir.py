"""FHIR R4 NDJSON as staged text (HL7 FHIR Bulk Data Access 2.0): files, rows, deletions.
What an element of a resource says belongs to `fhir_values`, the export's manifest to `bulk`.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from clearward.errors import ExtractError
from clearward.sources.fhir_values import (
    INDEX_PATH,
    chosen_sql,
    coding_lists,
    paths_of,
    places,
    target_sql,
    value_sql,
)
from clearward.sources.parsing import quoted
from clearward.sources.spec import SourceSystem, Table
from clearward.sources.staging import Input, Piece, select_sql
from clearward.sources.text import has_bom, transcode
from clearward.warehouse import sql_path

_MAX_OBJECT = 64_000_000


def copy_ndjson(
    connection: duckdb.DuckDBPyConnection, source: Input, *, target: Path, gz: bool
) -> int:
    """Copy the lines of an NDJSON file to Parquet (`json`, in file order); returns records."""
    path = source.path
    if has_bom(path):
        # The engine takes the mark for a part of the first object.
        path, gz = target.with_suffix(".ndjson"), False
        transcode(source.path, path, encoding="utf-8", shown=source.shown)
    compression = "gzip" if gz else "uncompressed"
    try:
        row = connection.execute(
            f"COPY (SELECT json FROM read_ndjson_objects('{sql_path(path)}', "
            f"ignore_errors=false, maximum_object_size={_MAX_OBJECT}, compression='{compression}'))"
            f" TO '{sql_path(target)}' (FORMAT parquet, COMPRESSION zstd)"
        ).fetchone()
    except duckdb.InvalidInputException as error:
        line = re.search(r"in line (\d+)", str(error))
        raise ExtractError(
            f"{source.shown} is not whole NDJSON.",
            seen="a line that is not JSON" + (f", line {line.group(1)}" if line else ""),
            expected="one JSON resource per line, the last one complete",
            do="export the file again",
        ) from None
    if path != source.path:
        path.unlink()
    return int(row[0]) if row else 0


@dataclass(frozen=True)
class Sheet:
    """One NDJSON file of one table, copied to Parquet.

    Attributes:
        several: lists of codings that have more than one in some row.
        lookup: Parquet of the resources that the rows may refer to.
    """

    system: SourceSystem
    table: Table
    source: Input
    target: Path
    several: frozenset[str]
    lookup: Path | None = None


def stage_ndjson(
    connection: duckdb.DuckDBPyConnection,
    system: SourceSystem,
    table: Table,
    *,
    source: Input,
    scratch: Path,
    lookup: Path | None = None,
) -> Piece:
    """Stage one NDJSON file of one resource type; a line of another type refuses the file."""
    target = scratch / f"{uuid.uuid4().hex}.parquet"
    gz = source.path.suffix.lower() == ".gz"
    records = copy_ndjson(connection, source, target=target, gz=gz)
    several = _look_over(connection, table, source, target)
    sheet = Sheet(system, table, source, target, several, lookup)
    selects = [_select(sheet)]
    if "explode" in table.options:
        selects.append(_exploded(sheet))
    sql = " UNION ALL ".join(f"({select})" for select in selects)
    return Piece(sql, records, (), _present(connection, table, sql))


def _look_over(
    connection: duckdb.DuckDBPyConnection, table: Table, source: Input, target: Path
) -> frozenset[str]:
    """Refuse a file of another resource type; returns the lists with more than one coding."""
    resource = str(table.options["resource"])
    lists = coding_lists(paths_of(table))
    seconds = ", ".join(quoted(path) for path in ("$.resourceType", *(f"{x}[1]" for x in lists)))
    counts = [f"count(x[{number}])" for number in range(2, len(lists) + 2)]
    if "explode" in table.options:
        inside = (f"{table.options['explode']}[*]{path[1:]}[1]" for path in lists)
        part = quoted(f'"{table.options["explode"][2:]}"')
        counts = [
            f"{count} + count(CASE WHEN contains(json::VARCHAR, {part}) "
            f"THEN json_extract(json, {quoted(path)})[1] END)"
            for count, path in zip(counts, inside, strict=True)
        ]
    row = connection.execute(
        f"SELECT count(*) FILTER (coalesce(x[1]->>'$', '') <> ?), {', '.join(counts) or '0'} FROM "
        f"(SELECT json, json_extract(json, [{seconds}]) AS x "
        f"FROM read_parquet('{sql_path(target)}'))",
        [resource],
    ).fetchone() or (0,)
    if row[0]:
        raise ExtractError(
            f"{source.shown} holds other resources than {resource}.",
            seen=f"{row[0]} lines of another resourceType",
            do="write one resource type per file",
        )
    return frozenset(path for path, count in zip(lists, row[1:], strict=False) if count)


def _select(sheet: Sheet) -> str:
    table, paths = sheet.table, [path for path in paths_of(sheet.table) if path != INDEX_PATH]
    place = places(sheet.system, paths, row="p", document="json", several=sheet.several)
    place[INDEX_PATH] = "'0'"
    values = [value_sql(sheet.system, table, column, place) for column in table.columns]
    listed = ", ".join(quoted(path) for path in paths)
    origin = (
        f"SELECT file_row_number + 1 AS n, json_extract_string(json, [{listed}]) AS p, json "
        f"FROM read_parquet('{sql_path(sheet.target)}', file_row_number=true)"
    )
    if "lookup" in table.options:
        values, origin = _with_lookup(sheet, values, origin)
    number = str(sheet.source.file_no)
    columns = select_sql(table, file_no=number, row="n", part="0", values=values)
    return f"SELECT {columns} FROM ({origin})"


def _with_lookup(sheet: Sheet, values: list[str], origin: str) -> tuple[list[str], str]:
    """Take from the resource a reference names, contained or sent beside, what the row lacks."""
    table, rule = sheet.table, sheet.table.options["lookup"]
    filled = [
        f"coalesce({value}, {_found(sheet, rule['columns'][column.name])})"
        if column.name in rule["columns"]
        else value
        for value, column in zip(values, table.columns, strict=True)
    ]
    named = (f"json_extract_string(json, {quoted(path)})" for path in rule["reference"])
    contained = (
        "CASE WHEN ref LIKE '#%' THEN list_filter(json_extract(json, '$.contained[*]'), "
        "lambda c: json_extract_string(c, '$.id') IN (ref, ref[2:]))[1] END"
    )
    origin = f"SELECT *, coalesce({', '.join(named)}) AS ref FROM ({origin})"
    if sheet.lookup is None:
        return filled, f"SELECT n, p, json, {contained} AS found FROM ({origin})"
    beside = (
        "SELECT json_extract_string(json, '$.id') AS id, any_value(json) AS sent "
        f"FROM read_parquet('{sql_path(sheet.lookup)}') GROUP BY 1"
    )
    return filled, (
        f"SELECT n, p, json, coalesce(held, r.sent) AS found FROM "
        f"(SELECT *, {contained} AS held FROM ({origin})) l LEFT JOIN ({beside}) r "
        f"ON r.id = {target_sql('l.ref', str(rule['resource']))}"
    )


def _found(sheet: Sheet, path: str) -> str:
    text = f"json_extract_string(found, {quoted(path)})"
    return chosen_sql(sheet.system, path, text=text, document="found")


def _exploded(sheet: Sheet) -> str:
    """A row per element of the exploded list: its own code and value, the parent's rest."""
    table = sheet.table
    own = tuple(table.options.get("of_element", ()))
    paths = [path for path in paths_of(table) if path != INDEX_PATH]
    mine = places(sheet.system, paths, row="c", document="element", several=sheet.several)
    rest = places(sheet.system, paths, row="p", document="json", several=sheet.several)
    place = {path: (mine if path.startswith(own) else rest)[path] for path in paths}
    place[INDEX_PATH] = "CAST(k AS VARCHAR)"
    values = [value_sql(sheet.system, table, column, place) for column in table.columns]
    listed = ", ".join(quoted(path) for path in paths)
    inside = quoted(table.options["explode"] + "[*]")
    number = str(sheet.source.file_no)
    columns = select_sql(table, file_no=number, row="n", part="k", values=values)
    return (
        f"SELECT {columns} FROM (SELECT n, p, k, json, e[k] AS element, "
        f"json_extract_string(e[k], [{listed}]) AS c FROM ("
        f"SELECT n, p, e, json, unnest(range(1, len(e) + 1)) AS k FROM ("
        f"SELECT file_row_number + 1 AS n, json_extract_string(json, [{listed}]) AS p, json, "
        f"json_extract(json, {inside}) AS e "
        f"FROM read_parquet('{sql_path(sheet.target)}', file_row_number=true)) WHERE len(e) > 0))"
    )


def _present(connection: duckdb.DuckDBPyConnection, table: Table, sql: str) -> tuple[str, ...]:
    counts = ", ".join(f'count("{column.name}")' for column in table.columns)
    row = connection.execute(f"SELECT count(*), {counts} FROM ({sql})").fetchone() or (0,)
    if not row[0]:
        return tuple(column.name for column in table.columns)
    pairs = zip(row[1:], table.columns, strict=True)
    return tuple(column.name for count, column in pairs if count)


def deleted_urls(connection: duckdb.DuckDBPyConnection, source: Input, scratch: Path) -> list[str]:
    """``Type/id`` of every DELETE request in a deleted file; any other request refuses it."""
    target = scratch / f"{uuid.uuid4().hex}.parquet"
    gz = source.path.suffix.lower() == ".gz"
    copy_ndjson(connection, source, target=target, gz=gz)
    rows: Sequence[tuple[Any, ...]] = connection.execute(
        "SELECT json_extract_string(e, '$.request.method'), json_extract_string(e, '$.request.url')"
        " FROM (SELECT unnest(CASE WHEN json_exists(json, '$.entry') "
        "THEN json_extract(json, '$.entry[*]') ELSE [json] END) AS e "
        f"FROM read_parquet('{sql_path(target)}'))"
    ).fetchall()
    wrong = sum(1 for method, url in rows if method != "DELETE" or not url or "/" not in url)
    if wrong:
        raise ExtractError(
            f"{source.shown} holds entries that are no deletions.",
            seen=f"{wrong} of {len(rows)} entries without a DELETE request",
            expected="request.method DELETE and request.url Type/id",
            do="correct the file: a delete must not get lost",
        )
    return [str(url) for _, url in rows]
