"""The change feed of one table between two versions: the rows that a holder of the old one inserts,
updates and deletes to have the new one. Which versions may be compared for whom, and how the feed
is served, belongs to whoever delivers.

**What a version no longer says, its feed does not say again.** A deleted row and the old half of
an updated one show the key and nothing else: the values may be those of a patient who withdrew, a
name that the scrubbing missed, or a label that is coarser now. Whoever was entitled to the old
version has them; the feed is no second way to get it. It still tells which keys it held, so it is
for those who may have both versions, or had the old one.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path

import duckdb

from clearward.errors import ReleaseError
from clearward.releases.side_by_side import SideBySide, quoted, side_by_side
from clearward.settings import Settings, load_settings
from clearward.warehouse import engine, promote, read_parquet_sql, write_parquet

CHANGE_TYPE = "_change_type"
COMMIT_VERSION = "_commit_version"

_KINDS = """(VALUES
    ('insert', 'insert', true), ('delete', 'delete', false),
    ('update', 'update_preimage', false), ('update', 'update_postimage', true)
) AS kind(change, name, is_shown)"""


def write_feed(
    old_files: Sequence[Path],
    new_files: Sequence[Path],
    *,
    key: Sequence[str],
    out: Path,
    commit_version: int | None,
    settings: Settings | None = None,
) -> Path:
    """Write what changed from one version of a table to the next as one Parquet file.

    Columns are those of the new version (of the old one, where the table was dropped), then
    ``_change_type`` (text: insert, update_preimage, update_postimage or delete) and
    ``_commit_version`` (64-bit integer). They mean what they do in a Delta table's change data
    feed, except that ``delete`` and ``update_preimage`` hold the key alone, other columns null.

    - Rows that are the same, or differ in `LOAD_COLUMNS` only, are left out.
    - An added column updates the rows where it is filled; a dropped one updates none; one of
      another type updates those whose value does not survive the way there and back.

    Args:
        old_files, new_files: Parquet of the table; none for a table that the version has not.
        key: primary key columns; their order is the order of the feed, the old half of an update
            before the new. The same files give the same bytes.
        out: where it goes, whole or not at all.
        commit_version: number of the new version; None leaves the column out, as the parquet
            format of Delta Sharing wants: its clients refuse a file that has one, and take the
            number from the server's line.
        settings: limits of threads and memory; the environment's when left out.

    Returns ``out``. Raises ReleaseError when a file is missing or damaged, the key is another than
    before or not unique, or a column bears the feed's own names.
    """
    unchecked = out.with_name(f".{out.name}.{uuid.uuid4().hex}")
    with engine(settings or load_settings()) as connection:
        try:
            pair = side_by_side(connection, old_files, new_files, key=key)
            _check_names(pair)
            columns = [*map(quoted, pair.key), f"{CHANGE_TYPE} DESC"]
            query = _feed_sql(pair, commit_version)
            write_parquet(connection, query, unchecked, order_by=columns)
            _check_unique(connection, pair, unchecked)
        except duckdb.Error as error:
            raise ReleaseError(
                "The changes between two versions cannot be written.",
                seen=type(error).__name__,
                do="verify both versions, and look for free memory and disk",
            ) from None
        else:
            promote(unchecked, out)
        finally:
            unchecked.unlink(missing_ok=True)
    return out


def _check_names(pair: SideBySide) -> None:
    taken = {CHANGE_TYPE, COMMIT_VERSION} & {*pair.old_columns, *pair.new_columns}
    if taken:
        raise ReleaseError(
            "A table's column bears a name of the change feed.",
            seen=", ".join(sorted(taken)),
            do="rename the column",
        )


def _feed_sql(pair: SideBySide, commit_version: int | None) -> str:
    keys = [f"coalesce(n.{quoted(k)}, o.{quoted(k)}) AS {quoted(k)}" for k in pair.key]
    values = [quoted(name) for name in pair.new_columns if name not in pair.key]
    inner = ", ".join([*keys, *(f"n.{value} AS {value}" for value in values)])
    shown = [
        quoted(name)
        if name in pair.key
        else f"CASE WHEN is_shown THEN {quoted(name)} END AS {quoted(name)}"
        for name in pair.new_columns
    ]
    shown.append(f"kind.name AS {CHANGE_TYPE}")
    if commit_version is not None:
        shown.append(f"CAST({commit_version:d} AS BIGINT) AS {COMMIT_VERSION}")
    return f"""
        SELECT {", ".join(shown)} FROM (
            SELECT {inner}, CASE WHEN o._is_there IS NULL THEN 'insert'
                WHEN n._is_there IS NULL THEN 'delete'
                WHEN {pair.any_differs_sql()} THEN 'update' END AS _change
            {pair.join_sql()}
        ) JOIN {_KINDS} ON _change = kind.change
    """


def _check_unique(connection: duckdb.DuckDBPyConnection, pair: SideBySide, feed: Path) -> None:
    """Rows with one key pair with each other: what came out would be no row's change."""
    key = ", ".join(map(quoted, pair.key))
    counts = f"""
        SELECT count(*), count(DISTINCT ({key}, {CHANGE_TYPE})),
            (SELECT count(*) FROM {pair.old}) - count(*) FILTER ({CHANGE_TYPE} = 'delete'),
            (SELECT count(*) FROM {pair.new}) - count(*) FILTER ({CHANGE_TYPE} = 'insert')
        FROM {read_parquet_sql([feed])}"""
    rows, distinct, kept_of_old, kept_of_new = connection.execute(counts).fetchone() or (0,) * 4
    if rows != distinct or kept_of_old != kept_of_new:
        raise ReleaseError(
            "The key does not name one row.",
            seen=f"{rows - distinct} rows of the feed under a key that is taken",
            expected="one row per key in each version",
            do="name the table's primary key",
        )
