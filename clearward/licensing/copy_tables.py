"""The tables of a licensee's copy: keys replaced, calendar days shifted, everything else as it was.
What a copy is and where it is kept belongs to `copies`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import duckdb

from clearward.deidentify.dates import install_shift_of, shifted_sql
from clearward.errors import ConfigError, ReleaseError
from clearward.keyring import install_hmac
from clearward.licensing.copy_keys import CopyKeys
from clearward.products.spec import load_product
from clearward.releases.manifest import SUMS_NAME, FileEntry, Manifest
from clearward.releases.shelf import file_key
from clearward.releases.tables import hash_file
from clearward.settings import Settings
from clearward.storage import Storage
from clearward.storage.port import CHUNK
from clearward.warehouse import engine, read_parquet_sql, write_parquet

_PATIENT = "patient_key"


def rewrite_tables(
    settings: Settings, storage: Storage, canonical: Manifest, *, keys: CopyKeys, scratch: Path
) -> list[tuple[FileEntry, Path]]:
    """Fetch a release's files and re-key its tables; returns entries with the files behind them.

    Files without a key column (documents, the attrition table) stay as they are, byte for byte;
    the sums are left to the caller.
    """
    made = []
    with engine(settings) as connection:
        install_hmac(connection, "rekey", keys.pseudonyms)
        install_shift_of(connection, "copy_days", keys.dates)
        for number, entry in enumerate(canonical.files):
            if entry.path == SUMS_NAME:
                continue
            source = scratch / f"{number}.in"
            _fetch(storage, canonical, entry, target=source)
            columns = dict(entry.columns or {})
            if not any(name.endswith("_key") for name in columns):
                made.append((entry, source))
                continue
            target = scratch / f"{number}.out"
            copied = _rewrite(connection, canonical, entry, source=source, target=target)
            made.append((copied, target))
            source.unlink()
    return made


def _fetch(storage: Storage, manifest: Manifest, entry: FileEntry, *, target: Path) -> None:
    with storage.open_range(file_key(manifest, entry)) as stream, target.open("xb") as file:
        while chunk := stream.read(CHUNK):
            file.write(chunk)
    if hash_file(target) != entry.sha256:
        raise ReleaseError(
            f"A file of {manifest.product} {manifest.version} is not the one that was published.",
            seen=f"another content of {entry.path}",
            do="verify the release, and find who can write to the store",
        )


def _rewrite(
    connection: duckdb.DuckDBPyConnection,
    manifest: Manifest,
    entry: FileEntry,
    *,
    source: Path,
    target: Path,
) -> FileEntry:
    # The manifest names the columns in alphabetical order, the file in its own
    described = connection.execute(f"DESCRIBE SELECT * FROM {read_parquet_sql([source])}")
    columns = {str(name): str(kind) for name, kind, *_ in described.fetchall()}
    keys = [name for name in columns if name.endswith("_key")]
    days = [name for name, kind in columns.items() if kind.startswith(("DATE", "TIMESTAMP"))]
    _check_columns(entry, columns, keys=keys, days=days)
    primary = [name for name in _primary_key(manifest.product, entry.table) if name in columns]
    rows = read_parquet_sql([source])
    query = _query(rows, columns, keys=keys, days=days, primary=primary)
    order = [*(primary or keys), *(n for n in columns if n not in (primary or keys))]
    write_parquet(connection, query, target, order_by=[f'"{name}"' for name in order])
    unchanged = [name for name in columns if name not in keys and name not in days]
    _check_same(connection, entry, source=source, target=target, keys=keys, unchanged=unchanged)
    digest = hash_file(target)
    path = f"data/{entry.table}/part-{digest}.parquet"
    return replace(entry, path=path, sha256=digest, bytes=target.stat().st_size)


def _check_columns(
    entry: FileEntry, columns: Mapping[str, str], *, keys: Sequence[str], days: Sequence[str]
) -> None:
    odd = [name for name in keys if columns[name] != "VARCHAR"]
    if odd or (days and _PATIENT not in columns):
        raise ReleaseError(
            f"No own copy can be made of {entry.table}.",
            seen=f"keys that are no text: {', '.join(odd)}" if odd else "days of nobody's",
            expected="text keys, and a patient_key beside every calendar day",
            do="correct the product's marts, or license the canonical copy",
        )


def _primary_key(product: str, table: str) -> tuple[str, ...]:
    """As today's spec has it; a table that an older version had orders by its keys."""
    try:
        spec = load_product(product)
    except ConfigError:
        return ()
    return next((t.key for t in spec.tables if spec.table_name(t) == table), ())


def _query(
    rows: str,
    columns: Mapping[str, str],
    *,
    keys: Sequence[str],
    days: Sequence[str],
    primary: Sequence[str],
) -> str:
    """Keys that repeat are hashed once per value and joined; a primary key is hashed in place."""
    joined = [name for name in keys if list(primary) != [name]]
    values = {name: f's."{name}"' for name in columns}
    values |= {name: f'rekey(s."{name}")' for name in keys}
    values |= {name: f"m_{i}.new" for i, name in enumerate(joined)}
    values |= {name: shifted_sql(f's."{name}"', "who.days", columns[name]) for name in days}
    joins = [
        f'LEFT JOIN (SELECT old, rekey(old) AS new FROM (SELECT DISTINCT "{name}" AS old'
        f' FROM {rows})) m_{i} ON m_{i}.old = s."{name}"'
        for i, name in enumerate(joined)
    ]
    if days:
        joins.append(
            f"LEFT JOIN (SELECT {_PATIENT} AS old, copy_days({_PATIENT}) AS days FROM"
            f" (SELECT DISTINCT {_PATIENT} FROM {rows})) who ON who.old = s.{_PATIENT}"
        )
    selected = ", ".join(f'{value} AS "{name}"' for name, value in values.items())
    return f"SELECT {selected} FROM {rows} s {' '.join(joins)}"


def _check_same(
    connection: duckdb.DuckDBPyConnection,
    entry: FileEntry,
    *,
    source: Path,
    target: Path,
    keys: Sequence[str],
    unchanged: Sequence[str],
) -> None:
    """Rows, different keys and empty keys are as many as before, the rest is the same multiset."""
    counts = [f'count("{k}"), count(DISTINCT "{k}")' for k in keys]
    content = ", ".join(f'"{name}"' for name in unchanged)
    if content:
        hashed = f"hash({content})"
        counts.append(f"sum({hashed}::HUGEINT), bit_xor({hashed})")
    query = f"SELECT count(*), {', '.join(counts)} FROM "
    before, after = (
        connection.execute(query + read_parquet_sql([path])).fetchone() for path in (source, target)
    )
    if before is None or before != after or before[0] != entry.rows:
        raise ReleaseError(
            f"The copy of {entry.table} would not hold the same data.",
            seen="other counts or values than the release",
            expected="the same rows with other keys",
            do="report this: nothing was handed out",
        )
