"""Build a published release again from the same inputs, and compare it byte for byte: proof that
what is out is what this code makes of these marts, reports and keys, and nothing else.

Everything is made in a home of its own, which is gone afterwards; the store, the warehouse and the
state database are only read. What a buyer can check without the inputs belongs to `verify`.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from clearward.errors import ReleaseError
from clearward.keyring import Keyring
from clearward.products.spec import load_product
from clearward.releases.candidate import Candidate, build_candidate
from clearward.releases.history import protect_release
from clearward.releases.issue import issue_candidate
from clearward.releases.lineage import code_identity
from clearward.releases.manifest import Manifest
from clearward.releases.shelf import load_manifest, versions
from clearward.releases.signing import load_public_key
from clearward.settings import Settings
from clearward.storage import Storage
from clearward.warehouse import Warehouse

_OWN = frozenset({"candidates", "copies", "history", "spill", "staging"})
"""Folders of a home that a rebuild makes for itself, or has no use for."""
_AFTERWARDS = frozenset({"sign_offs"})
"""Facts that come with the publication, after the candidate was built."""


@dataclass(frozen=True)
class Rebuilt:
    """A release that was built again and is the same; ``since`` names the first step done again."""

    product: str
    version: str
    since: str
    files: int
    bytes: int

    def metadata(self) -> dict[str, int | float | str]:
        """Counts and ids."""
        return dict(self.__dict__)


def rebuild_release(
    settings: Settings, keyring: Keyring, storage: Storage, *, product: str, version: str
) -> Rebuilt:
    """Build a release again and compare every file and every published figure.

    Protection is done again where the month's marts are still there, the documents always. Raises
    ReleaseError that names what differs, and whether the code is another than it was; also when a
    later version of the same month has replaced the inputs.
    """
    manifest = load_manifest(storage, product, version, public_key=load_public_key(keyring))
    _check_newest(storage, manifest)
    with _scratch(settings, manifest) as (inside, has_marts):
        if has_marts:
            protect_release(inside, keyring, product=product, month=manifest.month)
        built = build_candidate(inside, keyring, product=product, month=manifest.month)
        day = date.fromisoformat(manifest.published_at[:10])
        candidate = issue_candidate(built, day, folder=inside.home / "issued")
    _check_same(manifest, candidate)
    return Rebuilt(
        product=product,
        version=version,
        since="protection" if has_marts else "documents",
        files=len(candidate.files),
        bytes=sum(entry.bytes for entry in candidate.files),
    )


def _check_newest(storage: Storage, manifest: Manifest) -> None:
    for version in versions(storage, manifest.product):
        if version > manifest.version:
            later = load_manifest(storage, manifest.product, version)
            if later.month == manifest.month:
                raise ReleaseError(
                    f"{manifest.product} {manifest.version} cannot be built again.",
                    seen=f"{version} of the same month",
                    expected="the inputs of this version, which the correction replaced",
                    do="verify its hashes instead, or rebuild in a home kept from then",
                )


@contextmanager
def _scratch(settings: Settings, manifest: Manifest) -> Iterator[tuple[Settings, bool]]:
    """A home that sees the inputs of the real one and writes beside them."""
    home = settings.home / "spill" / f"rebuild-{uuid.uuid4().hex}"
    has_marts = _has_marts(settings, manifest)
    try:
        _mirror(settings.home, home, without=_OWN | {"warehouse", "reports"})
        _mirror(
            settings.warehouse,
            home / "warehouse",
            without=frozenset({"protected"} if has_marts else ()),
        )
        product, month = manifest.product, manifest.month
        _mirror(settings.reports, home / "reports", without=frozenset({product}))
        shutil.copytree(settings.reports / product / month, home / "reports" / product / month)
        yield replace(settings, home=home), has_marts
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _has_marts(settings: Settings, manifest: Manifest) -> bool:
    warehouse, spec = Warehouse(settings.warehouse), load_product(manifest.product)
    names = [spec.table_name(table) for table in spec.tables]
    return all(
        warehouse.partition("product", name, month=manifest.month).is_file() for name in names
    )


def _mirror(source: Path, target: Path, *, without: frozenset[str]) -> None:
    target.mkdir(parents=True)
    for path in source.iterdir():
        if path.name not in without:
            (target / path.name).symlink_to(path.absolute())


def _check_same(manifest: Manifest, candidate: Candidate) -> None:
    old = {entry.path: entry.sha256 for entry in manifest.files}
    new = {entry.path: entry.sha256 for entry in candidate.files}
    files = sorted(path for path in {*old, *new} if old.get(path) != new.get(path))
    told = {n: fact for n, fact in manifest.facts.items() if n not in _AFTERWARDS}
    facts = sorted(name for name, fact in told.items() if candidate.facts.get(name) != fact)
    if not (files or facts or candidate.content_sha256 != manifest.content_sha256):
        return
    shown = ", ".join(files[:5]) + (f" and {len(files) - 5} more" if len(files) > 5 else "")
    then, now = manifest.facts.get("lineage", {}).get("code", {}), code_identity()
    raise ReleaseError(
        f"{manifest.product} {manifest.version} built again is another release.",
        seen=f"{len(files)} of {len(old)} files differ ({shown}); figures that differ: "
        + (", ".join(facts) or "none")
        + ("; the code is another than it was" if then != now else ""),
        expected="the bytes that were published",
        do="use the version of the code that published it"
        if then != now
        else "find which input changed since: marts, reports, keys, or earlier releases",
    )
