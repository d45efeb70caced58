"""Earlier published versions of a product, as verified local copies: what a new release must be
safe beside. Add here what must be known of them; what follows from it belongs to `protect` and
`risk`.

Every published version counts, retired ones too: who has it keeps it.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from clearward.errors import ProtectionError, ReleaseError
from clearward.keyring import Keyring, load_keyring
from clearward.products.spec import load_product
from clearward.protect.product import protect_product
from clearward.protect.report import ProtectReport
from clearward.protect.seen import EarlierRelease
from clearward.releases.generations import check_generation
from clearward.releases.manifest import FileEntry, Manifest
from clearward.releases.shelf import file_key, load_manifest, versions
from clearward.releases.signing import load_public_key
from clearward.settings import Settings
from clearward.storage import Storage, open_storage
from clearward.storage.port import CHUNK
from clearward.warehouse import Warehouse, check_month, hash_file, promote

_PATIENT = "patient"


def earlier_patients(
    settings: Settings, storage: Storage, *, product: str, month: str
) -> tuple[EarlierRelease, ...]:
    """Published versions that the protected tables of a month stand beside, oldest first.

    Where the newest version of that month holds the very patient table that is protected now, this
    is that version built again, and stands beside the versions before it. Anything else is a
    correction, and stands beside that version too.

    Raises ReleaseError when a manifest's signature or a file's hash does not hold, or a version has
    no patient table.
    """
    published = _published(settings, storage, product, month=month)
    again = _before_newest(published, month)
    protected = Warehouse(settings.warehouse).partition(
        "protected", f"{product}__{_PATIENT}", month=month
    )
    is_rebuilt = (
        len(again) < len(published)
        and protected.is_file()
        and hash_file(protected) == _patient_file(published[len(again)]).sha256
    )
    return _fetched(settings, storage, again if is_rebuilt else published)


def protect_release(
    settings: Settings, keyring: Keyring, *, product: str, month: str
) -> ProtectReport:
    """Protect a product's month so that it is safe beside everything published before.

    A month that is published already is first built as it was then, beside the versions before it:
    unchanged input gives the same bytes. If it does not, this is a correction, and that version
    was seen too. Raises ProtectionError and ReleaseError as the steps do, and ReleaseError beside
    a version whose pseudonyms a retired key made.
    """
    storage = open_storage(settings)
    published = _published(settings, storage, product, month=month)
    again = _before_newest(published, month)

    def protect(beside: Sequence[Manifest]) -> ProtectReport:
        earlier = _fetched(settings, storage, beside)
        place = {"product": product, "month": month}
        check_generation(settings, keyring, **place, earlier=earlier)
        return protect_product(settings, keyring, **place, earlier=earlier)

    if len(again) < len(published):
        with suppress(ProtectionError):  # then it is no rebuild of what was published
            report = protect(again)
            if report.files[_PATIENT] == _patient_file(published[len(again)]).sha256:
                return report
    return protect(published)


def _published(
    settings: Settings, storage: Storage, product: str, *, month: str
) -> tuple[Manifest, ...]:
    """Manifests of the versions of this month and earlier ones, oldest first."""
    public_key = load_public_key(load_keyring(settings.keyring))
    manifests = [
        load_manifest(storage, product, version, public_key=public_key)
        for version in versions(storage, product)
    ]
    return tuple(manifest for manifest in manifests if manifest.month <= check_month(month))


def _before_newest(published: Sequence[Manifest], month: str) -> tuple[Manifest, ...]:
    """All but the newest version, where that one is of this month."""
    is_of_month = bool(published) and published[-1].month == month
    return tuple(published[:-1] if is_of_month else published)


def _fetched(
    settings: Settings, storage: Storage, manifests: Sequence[Manifest]
) -> tuple[EarlierRelease, ...]:
    return tuple(_fetch(settings, storage, manifest) for manifest in manifests)


def _fetch(settings: Settings, storage: Storage, manifest: Manifest) -> EarlierRelease:
    spec = load_product(manifest.product)
    wanted = {place.table for place in spec.protection.sensitive} - {_PATIENT}
    tables = {
        entity: _local(settings, storage, manifest, entry)
        for entity in sorted(wanted)
        for entry in [_find(manifest, entity)]
        if entry is not None
    }
    path = _local(settings, storage, manifest, _patient_file(manifest))
    return EarlierRelease(str(manifest.version), manifest.month, path, tables)


def _patient_file(manifest: Manifest) -> FileEntry:
    entry = _find(manifest, _PATIENT)
    if entry is None:
        raise ReleaseError(
            f"{manifest.product} {manifest.version} cannot be compared with.",
            seen="no patient table in its manifest",
            expected="one, as in every release",
            do="verify the store; a release that nobody can compare with blocks the next",
        )
    return entry


def _find(manifest: Manifest, entity: str) -> FileEntry | None:
    name = f"{manifest.product}__{entity}"
    return next((entry for entry in manifest.files if entry.table == name), None)


def _local(settings: Settings, storage: Storage, manifest: Manifest, entry: FileEntry) -> Path:
    """A verified copy under ``<home>/history``, named by its hash."""
    target = settings.home / "history" / manifest.product / f"{entry.sha256}.parquet"
    if target.is_file() and hash_file(target) == entry.sha256:
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{uuid.uuid4().hex}")
    try:
        with (
            storage.open_range(file_key(manifest, entry)) as source,
            partial.open("wb") as file,
        ):
            while chunk := source.read(CHUNK):
                file.write(chunk)
        _check_hash(partial, manifest, entry)
        promote(partial, target)
    finally:
        partial.unlink(missing_ok=True)
    return target


def _check_hash(path: Path, manifest: Manifest, entry: FileEntry) -> None:
    found = hash_file(path)
    if found != entry.sha256:
        raise ReleaseError(
            f"A file of {manifest.product} {manifest.version} is not what was signed.",
            seen=f"SHA-256 {found[:12]}…",
            expected=f"{entry.sha256[:12]}…",
            do="verify the release and restore the store; nothing is published beside a doubt",
        )
