"""FHIR R4 NDJSON as staged text (HL7 FHIR Bulk Data Access 2.0): paths, references, components,
text attachments, deleted and error files. Nothing here knows a hospital.
"""

from __future__ import annotations

import gzip
import json
import re
import uuid
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from clearward.errors import ExtractError
from clearward.sources.files import plain_name
from clearward.sources.parsing import quoted
from clearward.sources.spec import Table
from clearward.sources.staging import Input, Piece, select_sql
from clearward.sources.text import has_bom, transcode
from clearward.warehouse import sql_path

INDEX_PATH = "$.component_index"
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


def stage_ndjson(
    connection: duckdb.DuckDBPyConnection,
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
    _check_resource(connection, table, source, target)
    selects = [_select(table, source, target, lookup=lookup)]
    if "explode" in table.options:
        selects.append(_exploded(table, source, target))
    sql = " UNION ALL ".join(f"({select})" for select in selects)
    return Piece(sql, records, (), _present(connection, table, sql))


def _check_resource(
    connection: duckdb.DuckDBPyConnection, table: Table, source: Input, target: Path
) -> None:
    resource = str(table.options["resource"])
    row = connection.execute(
        "SELECT count(*) FILTER (coalesce(json_extract_string(json, '$.resourceType'), '') <> ?) "
        f"FROM read_parquet('{sql_path(target)}')",
        [resource],
    ).fetchone()
    if row and row[0]:
        raise ExtractError(
            f"{source.shown} holds other resources than {resource}.",
            seen=f"{row[0]} lines of another resourceType",
            do="write one resource type per file",
        )


def _paths(table: Table) -> list[str]:
    read = [path for column in table.columns for path in column.source]
    return list(dict.fromkeys([*read, *table.options.get("comparators", {}).values()]))


def _value(table: Table, place: dict[str, str], column: Any) -> str:
    values = [_compared(table, place, path) for path in column.source]
    text = f"coalesce({', '.join(values)})" if len(values) > 1 else values[0]
    if column.name.endswith("_id") and any(path.endswith("reference") for path in column.source):
        return stripped(text)
    if table.options.get("base64") == column.name:
        # Strict: bytes that are not base64, or not UTF-8 inside, leave a required text empty; the
        # first attachment that is text counts, so a scan before it does no harm.
        tries = (f"TRY(decode(from_base64(regexp_replace({v}, '\\s', '', 'g'))))" for v in values)
        return f"coalesce({', '.join(tries)}, NULL)"
    return text


def _compared(table: Table, place: dict[str, str], path: str) -> str:
    """A quantity below a limit of detection is not the limit: ``<1.1``, never ``1.1``."""
    comparator = table.options.get("comparators", {}).get(path)
    return f"(coalesce({place[comparator]}, '') || {place[path]})" if comparator else place[path]


def stripped(text: str) -> str:
    """The id of a reference: ``Patient/x``, ``https://host/Patient/x/_history/2``, ``urn:uuid:x``,
    ``Patient?identifier=system|x`` all give ``x``."""
    unversioned = f"regexp_replace({text}, '/_history/.*$', '')"
    return f"regexp_replace({unversioned}, '^(urn:uuid:|urn:oid:|.*[/|])', '')"


def _select(table: Table, source: Input, target: Path, *, lookup: Path | None) -> str:
    paths = [path for path in _paths(table) if path != INDEX_PATH]
    place = {path: f"p[{number}]" for number, path in enumerate(paths, start=1)}
    place[INDEX_PATH] = "'0'"
    values = [_value(table, place, column) for column in table.columns]
    listed = ", ".join(quoted(path) for path in paths)
    origin = (
        f"SELECT file_row_number + 1 AS n, json_extract_string(json, [{listed}]) AS p "
        f"FROM read_parquet('{sql_path(target)}', file_row_number=true)"
    )
    if lookup is not None:
        values, origin = _with_lookup(table, values, target, listed, lookup)
    columns = select_sql(table, file_no=str(source.file_no), row="n", part="0", values=values)
    return f"SELECT {columns} FROM ({origin})"


def _with_lookup(
    table: Table, values: list[str], target: Path, listed: str, lookup: Path
) -> tuple[list[str], str]:
    """Take from the resource a reference names what the row itself does not hold."""
    rule = table.options["lookup"]
    filled = [
        f"coalesce({value}, json_extract_string(found, {quoted(rule['columns'][column.name])}))"
        if column.name in rule["columns"]
        else value
        for value, column in zip(values, table.columns, strict=True)
    ]
    named = (f"json_extract_string(l.json, {quoted(path)})" for path in rule["reference"])
    reference = stripped(f"coalesce({', '.join(named)})")
    origin = (
        f"SELECT l.file_row_number + 1 AS n, json_extract_string(l.json, [{listed}]) AS p, "
        f"r.json AS found FROM read_parquet('{sql_path(target)}', file_row_number=true) l "
        "LEFT JOIN (SELECT json_extract_string(json, '$.id') AS id, any_value(json) AS json "
        f"FROM read_parquet('{sql_path(lookup)}') GROUP BY 1) r ON r.id = {reference}"
    )
    return filled, origin


def _exploded(table: Table, source: Input, target: Path) -> str:
    """A row per element of the exploded list: its own code and value, the parent's rest."""
    own = tuple(table.options.get("of_element", ()))
    paths = [path for path in _paths(table) if path != INDEX_PATH]
    place = {
        path: f"{'c' if path.startswith(own) else 'p'}[{number}]"
        for number, path in enumerate(paths, start=1)
    }
    place[INDEX_PATH] = "CAST(k AS VARCHAR)"
    values = [_value(table, place, column) for column in table.columns]
    listed = ", ".join(quoted(path) for path in paths)
    inside = quoted(table.options["explode"] + "[*]")
    columns = select_sql(table, file_no=str(source.file_no), row="n", part="k", values=values)
    return (
        f"SELECT {columns} FROM (SELECT n, p, k, json_extract_string(e[k], [{listed}]) AS c FROM ("
        f"SELECT n, p, e, unnest(range(1, len(e) + 1)) AS k FROM ("
        f"SELECT file_row_number + 1 AS n, json_extract_string(json, [{listed}]) AS p, "
        f"json_extract(json, {inside}) AS e "
        f"FROM read_parquet('{sql_path(target)}', file_row_number=true)) WHERE len(e) > 0))"
    )


def _present(connection: duckdb.DuckDBPyConnection, table: Table, sql: str) -> tuple[str, ...]:
    counts = ", ".join(f'count("{column.name}")' for column in table.columns)
    row = connection.execute(f"SELECT count(*), {counts} FROM ({sql})").fetchone() or (0,)
    if not row[0]:
        return tuple(column.name for column in table.columns)
    pairs = zip(row[1:], table.columns, strict=True)
    return tuple(column.name for count, column in pairs if count)


@dataclass(frozen=True)
class BulkManifest:
    """What a Bulk Data manifest says of files, by plain name.

    Attributes:
        roles: of the files in its ``deleted`` and ``error`` lists.
        types: resource type of the files in its ``output`` list.
    """

    roles: Mapping[str, str]
    types: Mapping[str, str]


def read_bulk_manifest(path: Path, shown: str) -> BulkManifest:
    """Read ``deleted``, ``error`` and ``output`` of a Bulk Data manifest.

    An empty or absent list says nothing: servers return one without looking.
    """
    try:
        document = json.loads(path.read_bytes())
        roles = {
            name: role
            for key, role in (("deleted", "fhir_deleted"), ("error", "fhir_error"))
            for name, _ in _listed(document, key)
        }
        return BulkManifest(roles, dict(_listed(document, "output")))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ExtractError(
            f"{shown} is not a Bulk Data manifest.",
            expected="JSON with output, deleted and error lists of {type, url}",
            do="send the export's own manifest, or leave it out",
        ) from None


def _listed(document: dict[str, Any], key: str) -> list[tuple[str, str]]:
    return [
        (plain_name(str(item["url"]).split("?")[0]), str(item.get("type", "")))
        for item in document.get(key) or []
    ]


def first_resource(path: Path) -> str:
    """The resource type that the first line of an NDJSON file names; empty when it names none."""
    packed = path.suffix.lower() == ".gz"
    try:
        with gzip.open(path) if packed else path.open("rb") as file:
            found = json.loads(file.readline(_MAX_OBJECT).decode("utf-8-sig"))
    except (ValueError, OSError, EOFError, zlib.error):
        return ""
    kind = found.get("resourceType") if isinstance(found, dict) else None
    return kind if isinstance(kind, str) and kind.isalpha() else ""


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
