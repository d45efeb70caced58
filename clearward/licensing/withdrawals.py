"""Who has withdrawn by now, and which published versions hold them. What follows from it belongs to
`recall`; what an event means to `consent.policies`.

A version's patients are looked up in its own published patient file, by product pseudonym. The
keys of that file are kept under ``<home>/copies/.patients/``, named by the file's hash, so that a
daily run reads no release twice.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa
from sqlalchemy import Engine, func, select

from clearward import audit
from clearward.consent.ledger import select_events, stream_tables, with_versions
from clearward.consent.model import EVENT_SCHEMA
from clearward.consent.people import read_people
from clearward.consent.policies import decide
from clearward.errors import ReleaseError
from clearward.keyring import Keyring, install_hmac
from clearward.licensing.copy_keys import product_keys
from clearward.products.spec import load_product
from clearward.releases.manifest import FileEntry, Manifest
from clearward.releases.shelf import file_key, load_manifest, versions
from clearward.releases.signing import load_public_key
from clearward.settings import Settings
from clearward.state.base import state_engine
from clearward.state.models import ConsentEvent
from clearward.storage import Storage
from clearward.storage.port import CHUNK
from clearward.warehouse import engine, hash_file, read_parquet_sql, write_parquet

_REFUSALS = ("withdraw", "deny")
_REFUSED_STATES = ("withdrawn", "denied")
_GONE_SCHEMA = pa.schema([("patient_key", pa.string()), ("known_at", pa.string())])


@dataclass(frozen=True)
class Holding:
    """A published version that holds a patient who withdrew.

    Attributes:
        product_key: the patient's pseudonym in the published product.
        known_at: when the withdrawal was recorded here, UTC.
    """

    product: str
    version: str
    product_key: str
    known_at: str


def find_holdings(
    settings: Settings, keyring: Keyring, storage: Storage, *, product: str, now: datetime
) -> tuple[Holding, ...]:
    """Every version x withdrawn patient of a product, by version.

    Raises ReleaseError when a published patient file is missing or changed: nobody then knows who
    is in it.
    """
    public_key = load_public_key(keyring)
    found: list[Holding] = []
    with engine(settings) as connection:
        make_gone(connection, settings, keyring, product=product, now=now)
        for version in versions(storage, product):
            manifest = load_manifest(storage, product, version, public_key=public_key)
            keys = read_parquet_sql([_patient_keys(connection, settings, storage, manifest)])
            rows = connection.execute(
                f"SELECT product_key, known_at FROM gone SEMI JOIN {keys} p"
                " ON p.patient_key = gone.product_key ORDER BY product_key"
            ).fetchall()
            found += [Holding(product, str(version), *row) for row in rows]
    return tuple(found)


def withdrawn_keys(
    settings: Settings, keyring: Keyring, *, product: str, now: datetime
) -> frozenset[str]:
    """Product pseudonyms of everybody who has withdrawn from the product's purposes by now."""
    with engine(settings) as connection:
        make_gone(connection, settings, keyring, product=product, now=now)
        rows = connection.execute("SELECT product_key FROM gone").fetchall()
    return frozenset(str(key) for (key,) in rows)


def make_gone(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    keyring: Keyring,
    *,
    product: str,
    now: datetime,
) -> None:
    """Make the temporary table ``gone(product_key, known_at)``: a row per withdrawn patient and
    generation of the product key.

    A withdrawal or refusal counts from the moment it is known, whatever month it was sent with,
    until a later permit begins. The months of the consent gate play no part: recall is about what
    is out already.
    """
    uses = load_product(product).purposes
    gone = _withdrawn(settings, uses, now=now)
    connection.register("withdrawn", gone)
    connection.execute("CREATE OR REPLACE TEMP TABLE gone (product_key VARCHAR, known_at VARCHAR)")
    for key in product_keys(keyring, product):
        install_hmac(connection, "keyed", key)
        connection.execute("INSERT INTO gone SELECT keyed(patient_key), known_at FROM withdrawn")
    connection.unregister("withdrawn")


def _withdrawn(settings: Settings, uses: Sequence[str], *, now: datetime) -> pa.Table:
    """``patient_key, known_at`` of patients whose last word about any of the uses is no."""
    events, known = _events(state_engine(settings.database))
    hospitals = sorted(set(events["hospital_id"].to_pylist()))
    with engine(settings) as connection:
        people = read_people(connection, settings, hospitals)
        decide(connection, events, as_of=audit.utc_text(now), people=people)
        connection.register("known", known)
        return connection.execute(
            "SELECT k.patient_key, k.known_at FROM known k SEMI JOIN"
            " (SELECT patient_key FROM consent_state WHERE list_contains($uses, purpose)"
            "  AND list_contains($states, state)) s ON s.patient_key = k.patient_key",
            {"uses": list(uses), "states": list(_REFUSED_STATES)},
        ).to_arrow_table()


def _events(database: Engine) -> tuple[pa.Table, pa.Table]:
    """Every event of patients who ever said no, or of whom a record may have been taken back by a
    later version, and when the last such word of each was recorded."""
    event = ConsentEvent
    may_be_gone = event.decision.in_(_REFUSALS) | (event.record_key != "")
    patients = select(event.patient_key).where(may_be_gone)
    words = select_events().where(with_versions(event.patient_key.in_(patients)))
    newest = (
        select(event.record_key, func.max(event.recorded_at).label("at"))
        .where(event.record_key != "")
        .group_by(event.record_key)
        .subquery()
    )
    latest = (
        select(event.patient_key, func.max(func.coalesce(newest.c.at, event.recorded_at)))
        .outerjoin(newest, newest.c.record_key == event.record_key)
        .where(may_be_gone)
        .group_by(event.patient_key)
    )
    with database.connect() as connection:
        events = pa.concat_tables([EVENT_SCHEMA.empty_table(), *stream_tables(connection, words)])
        known = stream_tables(connection, latest, _GONE_SCHEMA)
        return events, pa.concat_tables([_GONE_SCHEMA.empty_table(), *known])


def _patient_keys(
    connection: duckdb.DuckDBPyConnection, settings: Settings, storage: Storage, manifest: Manifest
) -> Path:
    table = f"{manifest.product}__patient"
    entry = next((f for f in manifest.files if f.table == table), None)
    if entry is None:
        raise ReleaseError(
            f"{manifest.product} {manifest.version} names no patient table.",
            do="find out by hand who is in it: nothing can be recalled from it",
        )
    kept = settings.home / "copies" / ".patients" / f"{entry.sha256}.parquet"
    if not kept.is_file():
        scratch = settings.home / "spill" / f"patients-{uuid.uuid4().hex}.parquet"
        try:
            _fetch(storage, manifest, entry, target=scratch)
            query = f"SELECT patient_key FROM {read_parquet_sql([scratch])}"
            write_parquet(connection, query, kept, order_by=("patient_key",))
        finally:
            scratch.unlink(missing_ok=True)
    return kept


def _fetch(storage: Storage, manifest: Manifest, entry: FileEntry, *, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with storage.open_range(file_key(manifest, entry)) as stream, target.open("xb") as file:
        while chunk := stream.read(CHUNK):
            file.write(chunk)
    if hash_file(target) != entry.sha256:
        raise ReleaseError(
            f"The patient file of {manifest.product} {manifest.version} was changed in the store.",
            do="verify the release, and find who can write to the store",
        )
