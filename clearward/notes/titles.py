"""Which titles of notes may leave: kinds of documents, and words that many patients share. A title
is typed by hand in many systems, so one that only few have may hold a name or a diagnosis.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import duckdb

from clearward.deidentify.domains import is_identifier_sql, plain_sql
from clearward.notes.document import fold
from clearward.notes.sections import section_names
from clearward.warehouse import read_parquet_sql

# As many patients and notes as the strictest product's k: a test holds it to the specs.
SHARED = 11


def plain_title(title: str) -> str:
    """A title as it is compared: half width, lower case, one blank between words."""
    return " ".join(fold(title).lower().split()).strip("[]【】<>《》: ")


@cache
def known_titles() -> frozenset[str]:
    """Titles that ship with Clearward, and every spelling of a section."""
    document = tomllib.loads(Path(__file__).with_name("titles.toml").read_text(encoding="utf-8"))
    return frozenset(map(plain_title, (*document["names"], *section_names())))


def shared_titles(connection: duckdb.DuckDBPyConnection, paths: Sequence[Path]) -> frozenset[str]:
    """Plain titles that `SHARED` patients have on as many notes, without a digit in them.

    Args:
        connection: where the query runs.
        paths: cleared partitions of one table up to the month. A row that was deleted since
            still counts: a title does not become rare by being corrected.
    """
    plain = plain_sql("title")
    rows = connection.execute(
        f"SELECT title FROM {read_parquet_sql(list(paths))}"
        " WHERE op <> 'D' AND title IS NOT NULL AND NOT regexp_matches(title, '[0-9０-９]')"
        f" AND NOT {is_identifier_sql(plain)} GROUP BY title"
        f" HAVING count(DISTINCT patient_key) >= {SHARED} AND count(DISTINCT row_key) >= {SHARED}"
    ).fetchall()
    return frozenset(plain_title(title) for (title,) in rows)
