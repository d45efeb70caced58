"""Reading a file of consents into events. A file is taken whole or refused whole.

What a line must be belongs to `lines`, how a FHIR Consent becomes lines to `fhir`. Patients'
natural ids end here: events carry `patient_key` only.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
from pyarrow import csv

from clearward.consent.fhir import read_fhir
from clearward.consent.fhir_deletions import deletion_files, read_deletions
from clearward.consent.lines import (
    COLUMNS,
    EVENTS_SQL,
    LINE_SCHEMA,
    NUMBERED_SCHEMA,
    OPTIONAL,
    TRIMMED_SQL,
    check_lines,
)
from clearward.consent.model import EVENT_SCHEMA, no_values_in_errors
from clearward.errors import ConsentError
from clearward.keyring import Keyring, install_hmac
from clearward.sources.files import is_consents, plain_name
from clearward.warehouse import check_hospital, check_month, hash_file

FILE_NAMES = ("consents.csv", "consents.csv.gz", "Consent.ndjson", "Consent.ndjson.gz")


def read_consents(
    extract_folder: Path,
    *,
    hospital: str,
    month: str,
    keyring: Keyring,
    taken_at: datetime | None = None,
) -> pa.Table:
    """Events of an extract's consents, in the form of `EVENT_SCHEMA`; see `read_file`.

    Returns:
        One row per line, in the order of the file, then one per Consent that the extract's list
        of deletions names; no row when the extract has no such file, which permits nothing.

    Raises:
        ConsentError: any line breaks a rule, the extract holds two such files, or one under
            another name, which must not go unread: it could hold refusals.
    """
    found = sorted(p for p in extract_folder.iterdir() if p.is_file() and is_consents(p.name))
    if len(found) > 1 or any(path.name not in FILE_NAMES for path in found):
        raise ConsentError(
            "The extract holds its consents twice, or under a name that is not agreed.",
            seen=f"{len(found)} files of consents",
            expected=f"one, named {' or '.join(FILE_NAMES)}",
            do="put all consents into one file of such a name",
        )
    read = [
        *((path, _read_lines(path)) for path in found),
        *((path, read_deletions(path)) for path in deletion_files(extract_folder)),
    ]
    parts = [
        _to_events(p, r, hospital=hospital, month=month, keyring=keyring, taken_at=taken_at)
        for p, r in read
    ]
    return pa.concat_tables([EVENT_SCHEMA.empty_table(), *parts])


def read_file(
    path: Path,
    *,
    hospital: str,
    month: str,
    keyring: Keyring,
    taken_at: datetime | None = None,
) -> pa.Table:
    """Events of one CSV file, or of FHIR Consents (R4 or R5) where the name says NDJSON.

    A date without a time means its first second for a permit and its last second for a refusal
    or a withdrawal, and the last second of `valid_until`: a patient who allowed and refused on
    one day has refused. Times without an offset are UTC.

    Args:
        path: the file, `.gz` or plain.
        hospital: whose patients are meant.
        month: month of the extract that brings it.
        keyring: key `row` makes the patients' keys.
        taken_at: decisions later than a day after this are refused; default now.

    Raises:
        ConsentError: any line breaks a rule; the message names lines and rules, no value.
    """
    numbered = _read_lines(path)
    return _to_events(
        path, numbered, hospital=hospital, month=month, keyring=keyring, taken_at=taken_at
    )


def _is_fhir(path: Path) -> bool:
    return plain_name(path.name).endswith((".ndjson", ".jsonl"))


def _read_lines(path: Path) -> pa.Table:
    return read_fhir(path) if _is_fhir(path) else _numbered(_read_text(path))


def _to_events(
    path: Path,
    numbered: pa.Table,
    *,
    hospital: str,
    month: str,
    keyring: Keyring,
    taken_at: datetime | None,
) -> pa.Table:
    check_hospital(hospital)
    check_month(month)
    moment = (taken_at or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    file_id = hash_file(path)[:12]
    with duckdb.connect(":memory:") as connection, no_values_in_errors("reading consents"):
        connection.execute("SET TimeZone = 'UTC'")
        install_hmac(connection, "row_key_of", keyring.key("row"))
        connection.register("numbered", numbered)
        connection.execute(TRIMMED_SQL)
        unit = "resource" if _is_fhir(path) else "line"
        check_lines(connection, path.name, taken_at=moment, unit=unit)
        query = EVENTS_SQL.format(hospital=hospital, month=month, file_id=file_id)
        return connection.sql(query).to_arrow_table().cast(EVENT_SCHEMA)


def _numbered(lines: pa.Table) -> pa.Table:
    """Lines with their number in the file (the header is line 1), all of one saying."""
    numbers = pa.array(range(2, lines.num_rows + 2), pa.int64())
    sayings = pa.repeat(pa.scalar(0, pa.int64()), lines.num_rows)
    columns = [*lines.columns, numbers, sayings]
    return pa.Table.from_arrays(columns, schema=NUMBERED_SCHEMA)


def _read_text(path: Path) -> pa.Table:
    """All columns as text. The parser's own errors quote lines, so they are not passed on."""
    try:
        options = csv.ConvertOptions(
            column_types={name: pa.string() for name in LINE_SCHEMA.names},
            strings_can_be_null=False,
        )
        table = csv.read_csv(path, convert_options=options)
    except (pa.ArrowInvalid, pa.ArrowKeyError, OSError) as error:
        raise ConsentError(
            f"{path.name} is not a UTF-8 CSV with the same number of cells in every line.",
            seen=type(error).__name__,
            expected=f"a header and at least {len(COLUMNS)} cells a line",
            do="mend the file and send the extract again",
        ) from None
    names = [name.strip() for name in table.column_names]
    unknown = set(names) - set(LINE_SCHEMA.names)
    missing = set(COLUMNS) - set(names)
    if unknown or missing or len(set(names)) != len(names):
        raise ConsentError(
            f"{path.name} has other columns than agreed.",
            seen=f"{len(unknown)} unknown, without {sorted(missing)}",
            expected=f"{', '.join(COLUMNS)}; and if wanted {', '.join(OPTIONAL)}",
            do="mend the header and send the extract again",
        )
    table = table.rename_columns(names)
    for name in set(OPTIONAL) - set(names):
        table = table.append_column(name, pa.repeat(pa.scalar(""), table.num_rows))
    return table.select(LINE_SCHEMA.names).cast(LINE_SCHEMA)
