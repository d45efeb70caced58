"""Getting a licensee's newest version ready before they ask: their own copy is built, and they are
told once. Handing out belongs to the delivery service, which asks again whether they may.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine

from clearward import audit
from clearward.errors import LicenceError
from clearward.keyring import Keyring
from clearward.licensing.copies import CopyOfRelease, canonical_copy, make_copy
from clearward.licensing.model import Copy, Licence
from clearward.licensing.outlook import in_force, receivable
from clearward.licensing.registry import find_licence
from clearward.notify import Notice, notify
from clearward.releases.shelf import load_manifest
from clearward.releases.signing import load_public_key
from clearward.settings import Settings
from clearward.storage import Storage
from clearward.warehouse import write_text


@dataclass(frozen=True)
class Prepared:
    """A version that lies ready for a licence; ``versions`` counts all it may receive."""

    licence: str
    product: str
    version: str
    month: str
    copy: str
    copy_id: str
    manifest_sha256: str
    versions: int
    files: int
    rows: int
    bytes: int

    def metadata(self) -> dict[str, int | float | str]:
        """Counts and ids."""
        return dict(self.__dict__)


@dataclass(frozen=True)
class Waiting:
    """A version that a licence may receive; ``key`` is another when either is another."""

    licence: str
    version: str

    @property
    def key(self) -> str:
        """For whoever must not start the same work twice."""
        return f"{self.licence}|{self.version}"


def waiting(
    settings: Settings, database: Engine, storage: Storage, *, now: datetime
) -> tuple[Waiting, ...]:
    """The newest receivable version of every licence in force that has one."""
    found = (
        (licence, receivable(settings, database, storage, licence=licence, now=now))
        for licence in in_force(database, now=now)
    )
    return tuple(Waiting(licence.id, allowed[-1]) for licence, allowed in found if allowed)


def prepare_newest(
    settings: Settings,
    keyring: Keyring,
    storage: Storage,
    *,
    database: Engine,
    licence_id: str,
    now: datetime,
) -> Prepared:
    """Build the licensee's copy of the newest version they may receive, and tell them once.

    Safe to repeat. Raises LicenceError where the licence may receive nothing now, ReleaseError
    where its copy cannot be built.
    """
    licence = find_licence(database, licence_id)
    allowed: tuple[str, ...] = ()
    if licence:
        allowed = receivable(settings, database, storage, licence=licence, now=now)
    if licence is None or not allowed:
        raise LicenceError(
            f"Nothing can be prepared for {licence_id}.",
            seen="no version that it may receive now" if licence else "no such licence",
            do="list the licences, and the releases they cover",
        )
    copy = _open(settings, keyring, storage, licence=licence, version=allowed[-1])
    prepared = _told(licence, copy, len(allowed))
    _tell_once(settings, licence, prepared, now=now)
    return prepared


def _open(
    settings: Settings, keyring: Keyring, storage: Storage, *, licence: Licence, version: str
) -> CopyOfRelease:
    public_key = load_public_key(keyring)
    manifest = load_manifest(storage, licence.product, version, public_key=public_key)
    if licence.copy is Copy.CANONICAL:
        return canonical_copy(storage, manifest)
    return make_copy(settings, keyring, storage, canonical=manifest, licence=licence)


def _told(licence: Licence, copy: CopyOfRelease, versions: int) -> Prepared:
    manifest = copy.manifest
    return Prepared(
        licence=licence.id,
        product=manifest.product,
        version=str(manifest.version),
        month=manifest.month,
        copy=copy.copy.value,
        copy_id=copy.copy_id,
        manifest_sha256=manifest.sha256,
        versions=versions,
        files=len(manifest.files),
        rows=sum(entry.rows or 0 for entry in manifest.files),
        bytes=sum(entry.bytes for entry in manifest.files),
    )


def _tell_once(settings: Settings, licence: Licence, prepared: Prepared, *, now: datetime) -> None:
    """The report is written after the notifier took the news: a failure tells again."""
    report = _report(settings, prepared)
    if report.is_file():
        return
    reason = f"licensee {licence.licensee}, version {prepared.version} of {prepared.month}"
    notify(
        settings, Notice("delivery: a new version lies ready", licence.product, licence.id, reason)
    )
    document = {**asdict(prepared), "told_at": audit.utc_text(now)}
    write_text(report, json.dumps(document, indent=1, sort_keys=True) + "\n")


def _report(settings: Settings, prepared: Prepared) -> Path:
    folder = settings.reports / "deliveries" / prepared.licence
    return folder / f"{prepared.version}-{prepared.manifest_sha256[:16]}.json"
