"""Whose copy is this file? Three ways of looking, each with a bound on accusing an innocent: the
keys' pseudonyms, the calendar days, the marks. How each reads a file belongs to `marking`, what the
answer looks like to `trace_report`.

Whoever is accused is so by a figure that an innocent has with a chance within the bound, over all
licensees, key generations and ways together (Bonferroni). Nobody is accused because others are
cleared: two accused are two figures.
"""

from __future__ import annotations

import math
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from sqlalchemy import Engine

from clearward.errors import LicenceError, ReleaseError
from clearward.keyring import Keyring
from clearward.licensing import ledger, registry
from clearward.licensing.copy_keys import CodeKeys, every_code_keys, every_licensee_keys
from clearward.licensing.trace_case import Case, Laid, Suspect, lay_beside, publish_keys
from clearward.licensing.trace_report import Looked, Suspicion, TraceReport, Way
from clearward.marking import embed, reading, tardos
from clearward.marking.contract import Markable
from clearward.marking.leak import open_leak, read_keys
from clearward.products.spec import product_names
from clearward.releases.manifest import Manifest
from clearward.releases.shelf import load_manifest, versions
from clearward.releases.signing import load_public_key
from clearward.settings import Settings
from clearward.state.base import state_engine
from clearward.storage import Storage
from clearward.warehouse import engine, hash_file, read_parquet_sql

BOUND = 1e-6
INNOCENTS = 10_000


def trace_file(
    settings: Settings,
    keyring: Keyring,
    storage: Storage,
    path: Path,
    *,
    product: str = "",
    version: str = "",
    bound: float = BOUND,
) -> TraceReport:
    """Name the licensees whose copy a Parquet or CSV file comes from, or nobody.

    Args:
        settings, keyring, storage: where the state database, the secrets and the releases are.
        path: the file; any rows, any columns in any order, with or without keys.
        product, version: where to look; all that were published if omitted.
        bound: chance of accusing any innocent licensee, 0-1.

    ReleaseError: no such file or release; LicenceError: nobody was ever licensed.
    """
    shelves = _shelves(keyring, storage, product=product, version=version)
    suspects = {name: suspects_of(settings, keyring, name) for name in shelves}
    tests = _count_tests(suspects, bound=bound)
    with _room(settings) as scratch, engine(settings) as connection:
        leak = open_leak(connection, path)
        keys = read_keys(connection, leak)
        case = partial(
            Case,
            connection=connection,
            storage=storage,
            scratch=scratch,
            leak=leak,
            keys=keys,
            level=bound / tests,
        )
        looked = [
            _look(case(manifests=m, suspects=suspects[n], code=every_code_keys(keyring, n)))
            for n, m in shelves.items()
        ]
    found = max(looked, key=lambda one: one.rank)
    return TraceReport(
        file_sha256=hash_file(path),
        rows=leak.rows,
        columns=tuple(leak.columns),
        keys=keys,
        bound=bound,
        tests=tests,
        simulated=INNOCENTS,
        found=found,
        receipts=_receipts(state_engine(settings.database), found),
    )


def _count_tests(suspects: Mapping[str, Sequence[Suspect]], *, bound: float) -> int:
    """Figures that can accuse: one for each licensee, generation and way."""
    if not 0 < bound < 1:
        raise LicenceError("A bound is a chance.", seen=str(bound), expected="above 0, below 1")
    tests = len(Way) * sum(map(len, suspects.values()))
    if not tests:
        raise LicenceError("Nobody was ever licensed.", do="name a product that has licensees")
    return tests


def _receipts(database: Engine, found: Looked) -> tuple[ledger.Receipt, ...]:
    """What the accused were handed of the product."""
    accused = sorted({s.licensee for s in found.suspicions if s.is_accused})
    return tuple(
        receipt
        for licensee in accused
        for receipt in ledger.versions_of(database, licensee, product=found.product)
    )


def suspects_of(settings: Settings, keyring: Keyring, product: str) -> tuple[Suspect, ...]:
    """Everybody who was ever licensed for a product or received it, in every key generation."""
    database = state_engine(settings.database)
    known = {li.licensee for li in registry.list_licences(database) if li.product == product}
    known |= {r.licensee for r in ledger.all_receipts(database) if r.product == product}
    return tuple(
        Suspect(licensee, generation, keys)
        for licensee in sorted(known)
        for generation, keys in enumerate(every_licensee_keys(keyring, product, licensee))
    )


def _shelves(
    keyring: Keyring, storage: Storage, *, product: str, version: str
) -> dict[str, tuple[Manifest, ...]]:
    """Published versions of every product in question, newest first."""
    public_key = load_public_key(keyring)
    found = {}
    for name in (product,) if product else product_names():
        every = [version] if version else [str(v) for v in reversed(versions(storage, name))]
        manifests = tuple(
            load_manifest(storage, name, number, public_key=public_key) for number in every
        )
        if manifests:
            found[name] = manifests
    if not found:
        raise ReleaseError("There is no release to compare with.", do="list the releases")
    return found


@contextmanager
def _room(settings: Settings) -> Iterator[Path]:
    scratch = settings.home / "spill" / f"trace-{uuid.uuid4().hex}"
    scratch.mkdir(mode=0o700, parents=True)
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _look(case: Case) -> Looked:
    by_name, is_canonical = _by_names(case)
    named = {(found.licensee, found.generation) for found in by_name}
    laid = lay_beside(case, [s for s in case.suspects if (s.licensee, s.generation) in named])
    found = Looked(
        product=case.manifests[0].product,
        version=str(laid.manifest.version) if laid else "",
        manifest_sha256=laid.manifest.sha256 if laid else "",
        table=laid.entry.table if laid else "",
        table_sha256=laid.entry.sha256 if laid else "",
        rows=laid.alignment.rows if laid else 0,
        columns=laid.alignment.used if laid else (),
        licensees=len({suspect.licensee for suspect in case.suspects}),
        suspicions=tuple(by_name),
        is_canonical=is_canonical,
    )
    if laid is None:
        return found
    return _by_marks(case, laid, replace(found, suspicions=(*by_name, *_by_days(case, laid))))


def _by_names(case: Case) -> tuple[list[Suspicion], bool]:
    """Who made the keys of the file; and whether they are the release's own.

    Patients' keys are tried first: they are few. Others only when no patient's fits.
    """
    if not case.keys:
        return [], False
    for patients in (True, False):
        published = publish_keys(case, patients=patients)
        found = []
        for suspect in case.suspects:
            matched, rows = reading.name_matches(case.connection, suspect.keys.pseudonyms)
            chance = reading.name_chance(case.keys, published)
            if matched:
                found.append(_suspicion(case, suspect, Way.NAMES, matched, rows, chance))
        row = case.connection.execute(
            "SELECT count(*) FROM leak_keys SEMI JOIN published_keys USING (key)"
        ).fetchone()
        if found or (row and row[0]):
            return found, bool(row and row[0])
    return [], False


def _by_days(case: Case, laid: Laid) -> list[Suspicion]:
    days = reading.shared_columns(laid.kinds, ("DATE", "TIMESTAMP"))
    days = [name for name in days if name in laid.alignment.columns]
    if not days or "patient_key" not in laid.kinds:
        return []
    found = []
    for suspect in case.suspects:
        patients, matched = reading.day_matches(case.connection, suspect.keys.dates, days)
        chance = reading.day_chance(patients, matched)
        found.append(_suspicion(case, suspect, Way.DAYS, matched, patients, chance))
    return found


def _by_marks(case: Case, laid: Laid, found: Looked) -> Looked:
    marked = [column for column in laid.marked if column.column in laid.alignment.columns]
    if not marked or not laid.alignment.rows:
        return found
    read = [_read(case, laid, marked, code) for code in case.code]
    drawn = [abs(tardos.innocents(r, INNOCENTS, seed=len(case.suspects))) for r in read]
    highest = max(float(z.max()) for z in drawn)
    needed = min(tardos.needed(r, case.level) for r in read)
    suspicions = []
    for suspect in case.suspects:
        what = read[suspect.generation]
        z = tardos.score(what, tardos.codeword(suspect.keys.marks, _biases(case, suspect)))
        chance = tardos.chance(what, z)
        made = _suspicion(case, suspect, Way.MARKS, what.cells, laid.alignment.rows, chance, z=z)
        suspicions.append(replace(made, is_accused=made.is_accused and abs(z) > highest))
    return replace(
        found,
        suspicions=(*found.suspicions, *suspicions),
        marked_columns=tuple(column.column for column in marked),
        cells=max(r.cells for r in read),
        highest_innocent_z=round(highest, 3),
        needed_z=round(needed, 3) if math.isfinite(needed) else None,
        is_rounded=reading.is_rounded(case.connection, marked),
        is_unmarked=reading.is_unmarked(case.connection, marked),
    )


def _read(case: Case, laid: Laid, marked: Sequence[Markable], code: CodeKeys) -> tardos.Reading:
    embed.install_code(case.connection, code.places)
    return reading.read_marks(
        case.connection,
        marked,
        tardos.biases(code.biases),
        key=laid.key,
        published=read_parquet_sql([laid.path]),
    )


def _biases(case: Case, suspect: Suspect) -> tardos.Floats:
    return tardos.biases(case.code[suspect.generation].biases)


def _suspicion(
    case: Case,
    suspect: Suspect,
    way: Way,
    matched: int,
    of: int,
    chance: float,
    *,
    z: float | None = None,
) -> Suspicion:
    return Suspicion(
        licensee=suspect.licensee,
        way=way,
        key_id=suspect.keys.id,
        generation=suspect.generation,
        matched=matched,
        of=of,
        z=None if z is None else round(z, 3),
        chance=chance,
        is_accused=bool(matched) and chance <= case.level,
    )
