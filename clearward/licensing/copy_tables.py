"""The tables of a licensee's copy: keys replaced, calendar days shifted, last digits marked where
they are to be, everything else as it was. What a copy is and where it is kept belongs to `copies`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from clearward.deidentify.dates import install_shift_of, shifted_sql
from clearward.errors import ConfigError, ReleaseError
from clearward.keyring import install_hmac
from clearward.licensing.copy_keys import CopyKeys
from clearward.marking import embed
from clearward.marking.contract import Markable
from clearward.marking.preserved import Preserved, compare
from clearward.marking.tardos import Bits
from clearward.products.spec import load_product
from clearward.releases.manifest import SUMS_NAME, FileEntry, Manifest
from clearward.releases.shelf import file_key
from clearward.settings import Settings
from clearward.storage import Storage
from clearward.storage.port import CHUNK
from clearward.warehouse import engine, hash_file, read_parquet_sql, write_parquet

_PATIENT = "patient_key"


@dataclass(frozen=True)
class Marks:
    """What a marked copy is made with. ``repr`` shows columns only.

    Attributes:
        columns: those that carry marks.
        places: the secret that places cells in the code.
        word: (CODE_LENGTH,) the licensee's bits.
    """

    columns: tuple[Markable, ...]
    places: bytes
    word: Bits

    def __repr__(self) -> str:
        return f"Marks({len(self.columns)} columns)"

    def of(self, table: str) -> tuple[Markable, ...]:
        """The columns of one table."""
        return tuple(column for column in self.columns if column.table == table)


@dataclass(frozen=True)
class Rewritten:
    """A copy's files, sums and manifest aside.

    Attributes:
        files: entries with the files behind them.
        preserved: what the marks did to the statistics of every marked column.
        cells: numbers in these columns.
    """

    files: tuple[tuple[FileEntry, Path], ...]
    preserved: tuple[Preserved, ...]
    cells: int


def rewrite_tables(
    settings: Settings,
    storage: Storage,
    canonical: Manifest,
    *,
    keys: CopyKeys,
    marks: Marks | None,
    scratch: Path,
) -> Rewritten:
    """Fetch a release's files and re-key its tables; ``marks``: also mark these columns.

    Files without a key column (documents, the attrition table) stay as they are, byte for byte;
    the sums are left to the caller.
    """
    made: list[tuple[FileEntry, Path]] = []
    preserved: list[Preserved] = []
    cells = 0
    with engine(settings) as connection:
        _install(connection, keys, marks)
        for number, entry in enumerate(canonical.files):
            if entry.path == SUMS_NAME:
                continue
            source = scratch / f"{number}.in"
            fetch_file(storage, canonical, entry, target=source)
            marked = marks.of(entry.table) if marks else ()
            if not marked and not any(name.endswith("_key") for name in entry.columns or {}):
                made.append((entry, source))
                continue
            job = _Rewriting(canonical, entry, marked, source, scratch / f"{number}.parquet")
            made.append((_rewrite(connection, job), job.target))
            preserved += [
                compare(connection, column, before=source, after=job.target) for column in marked
            ]
            cells += sum(_count(connection, job.target, column.column) for column in marked)
            source.unlink()
    return Rewritten(tuple(made), tuple(preserved), cells)


def _install(connection: duckdb.DuckDBPyConnection, keys: CopyKeys, marks: Marks | None) -> None:
    install_hmac(connection, "rekey", keys.pseudonyms)
    install_shift_of(connection, "copy_days", keys.dates)
    if marks:
        embed.install_code(connection, marks.places)
        embed.install_word(connection, marks.word)


def _count(connection: duckdb.DuckDBPyConnection, path: Path, column: str) -> int:
    row = connection.execute(f'SELECT count("{column}") FROM {read_parquet_sql([path])}').fetchone()
    return int(row[0]) if row else 0


def fetch_file(storage: Storage, manifest: Manifest, entry: FileEntry, *, target: Path) -> None:
    """A published file on this machine; ReleaseError unless it is what the manifest says."""
    with storage.open_range(file_key(manifest, entry)) as stream, target.open("xb") as file:
        while chunk := stream.read(CHUNK):
            file.write(chunk)
    if hash_file(target) != entry.sha256:
        raise ReleaseError(
            f"A file of {manifest.product} {manifest.version} is not the one that was published.",
            seen=f"another content of {entry.path}",
            do="verify the release, and find who can write to the store",
        )


@dataclass(frozen=True)
class _Rewriting:
    """One table on its way: the published file, and the copy's."""

    manifest: Manifest
    entry: FileEntry
    marked: tuple[Markable, ...]
    source: Path
    target: Path


def _rewrite(connection: duckdb.DuckDBPyConnection, job: _Rewriting) -> FileEntry:
    # The manifest names the columns in alphabetical order, the file in its own
    rows = marked = read_parquet_sql([job.source])
    described = connection.execute(f"DESCRIBE SELECT * FROM {rows}")
    columns = {str(name): str(kind) for name, kind, *_ in described.fetchall()}
    keys = [name for name in columns if name.endswith("_key")]
    days = [name for name, kind in columns.items() if kind.startswith(("DATE", "TIMESTAMP"))]
    _check_columns(job.entry, columns, keys=keys, days=days)
    primary = [n for n in primary_key(job.manifest.product, job.entry.table) if n in columns]
    if job.marked:
        _check_marked(job, columns, primary)
        ends = embed.ends_of(connection, rows, job.marked)
        marked = embed.marked_sql(rows, job.marked, key=primary, ends=ends)
    query = _query(rows, marked, columns, keys=keys, days=days, primary=primary)
    order = [*(primary or keys), *(n for n in columns if n not in (primary or keys))]
    write_parquet(connection, query, job.target, order_by=[f'"{name}"' for name in order])
    _check_same(connection, job, keys=keys, unchanged=_unchanged(job, columns, keys, days))
    digest = hash_file(job.target)
    path = f"data/{job.entry.table}/part-{digest}.parquet"
    return replace(job.entry, path=path, sha256=digest, bytes=job.target.stat().st_size)


def _unchanged(
    job: _Rewriting, columns: Mapping[str, str], keys: Sequence[str], days: Sequence[str]
) -> list[str]:
    """What must be the same multiset in both files; of a marked number, where it is read."""
    marked = {column.column: column for column in job.marked}
    return [
        embed.cell_sql(marked[name], f'"{name}"') if name in marked else f'"{name}"'
        for name in columns
        if name not in keys and name not in days
    ]


def _check_marked(job: _Rewriting, columns: Mapping[str, str], primary: Sequence[str]) -> None:
    odd = [c.column for c in job.marked if columns.get(c.column) != "DOUBLE"]
    if odd or not primary:
        raise ReleaseError(
            f"{job.entry.table} cannot be marked.",
            seen=f"no number: {', '.join(odd)}" if odd else "no primary key",
            expected="the columns its contract opened to marks, and the key its spec names",
            do="license the own copy",
        )


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


def primary_key(product: str, table: str) -> tuple[str, ...]:
    """As today's spec has it; a table that an older version had orders by its keys."""
    try:
        spec = load_product(product)
    except ConfigError:
        return ()
    return next((t.key for t in spec.tables if spec.table_name(t) == table), ())


def _query(
    rows: str,
    marked: str,
    columns: Mapping[str, str],
    *,
    keys: Sequence[str],
    days: Sequence[str],
    primary: Sequence[str],
) -> str:
    """Keys that repeat are hashed once per value and joined; a primary key is hashed in place.

    ``marked``: the relation of ``rows`` with its marks, whose keys are the same.
    """
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
    return f"SELECT {selected} FROM {marked} s {' '.join(joins)}"


def _check_same(
    connection: duckdb.DuckDBPyConnection,
    job: _Rewriting,
    *,
    keys: Sequence[str],
    unchanged: Sequence[str],
) -> None:
    """Rows, different keys and empty keys are as many as before, the rest is the same multiset."""
    entry = job.entry
    counts = [f'count("{k}"), count(DISTINCT "{k}")' for k in keys]
    if unchanged:
        hashed = f"hash({', '.join(unchanged)})"
        counts.append(f"sum({hashed}::HUGEINT), bit_xor({hashed})")
    query = f"SELECT {', '.join(['count(*)', *counts])} FROM "
    before, after = (
        connection.execute(query + read_parquet_sql([path])).fetchone()
        for path in (job.source, job.target)
    )
    if before is None or before != after or before[0] != entry.rows:
        raise ReleaseError(
            f"The copy of {entry.table} would not hold the same data.",
            seen="other counts or values than the release",
            expected="the same rows with other keys",
            do="report this: nothing was handed out",
        )
