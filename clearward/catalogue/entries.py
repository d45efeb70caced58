"""What the catalogue shows, read from the store: every product with its releases, each manifest's
signature checked. How it looks belongs to `pages`.

A release that was published without an overview, or before there were any, is an entry all the
same: its page says less.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Engine

from clearward.errors import ReleaseError
from clearward.licensing.recall_store import marks
from clearward.products.spec import Product, load_product, product_names
from clearward.releases.manifest import FileEntry, Manifest
from clearward.releases.overview import NAME as OVERVIEW
from clearward.releases.readers import Reader, reader_of
from clearward.releases.shelf import file_key, is_retired, load_manifest, versions
from clearward.storage import Storage

LICENCE = "LICENCE.md"


@dataclass(frozen=True)
class Edition:
    """One release of a product.

    Attributes:
        overview: see `releases.overview`; empty where the release has none.
        is_latest: no newer release may be delivered.
        licence: the text of its terms of use, or empty.
        newest: the version that stands in its place, or empty.
        recalled_from: moment from which a recalled version is no longer handed out, or empty.
    """

    product: Product
    manifest: Manifest
    overview: Mapping[str, Any]
    licence: str
    is_latest: bool
    newest: str
    is_retired: bool
    recalled_from: str

    @property
    def version(self) -> str:
        """As text."""
        return str(self.manifest.version)

    @property
    def is_offered(self) -> bool:
        """Whether new copies are handed out, or will be until a recall's grace is over."""
        return not self.is_retired and not self.recalled_from

    @property
    def bytes(self) -> int:
        """Size of the data files."""
        return sum(f.bytes for f in self.manifest.files if f.table)

    @property
    def documents(self) -> tuple[FileEntry, ...]:
        """Files of the release that anybody may read, see `may_be_shown`."""
        return tuple(f for f in self.manifest.files if may_be_shown(f))

    def document(self, *names: str) -> str:
        """The first of these documents that the release has and anybody may read, or nothing."""
        shown = {entry.path for entry in self.documents}
        return next((name for name in names if name in shown), "")


@dataclass(frozen=True)
class Listing:
    """A product and its releases, newest first; none when nothing was published yet."""

    product: Product
    editions: tuple[Edition, ...]

    @property
    def latest(self) -> Edition | None:
        """The release to show first: the newest one offered, else the newest one."""
        return next((e for e in self.editions if e.is_latest), None) or next(
            iter(self.editions), None
        )


def may_be_shown(entry: FileEntry) -> bool:
    """True for what `releases.readers` makes public; never for a table's data, wherever it lies."""
    return not entry.table and reader_of(entry.path) is Reader.PUBLIC


def read_listings(
    storage: Storage, database: Engine, *, public_key: Ed25519PublicKey
) -> tuple[Listing, ...]:
    """Every product with its releases.

    ReleaseError when a manifest's signature does not hold, or a file is not the one it names.
    """
    recalled = {(product, version): since for product, version, _, since in marks(database)}
    return tuple(
        _listing(storage, load_product(name), recalled, public_key) for name in product_names()
    )


def _listing(
    storage: Storage,
    product: Product,
    recalled: Mapping[tuple[str, str], str],
    public_key: Ed25519PublicKey,
) -> Listing:
    numbers = [str(version) for version in reversed(versions(storage, product.name))]
    retired = {number: is_retired(storage, product.name, number) for number in numbers}
    offered = [n for n in numbers if not retired[n] and (product.name, n) not in recalled]
    newest = offered[0] if offered else ""
    editions = []
    for number in numbers:
        manifest = load_manifest(storage, product.name, number, public_key=public_key)
        editions.append(
            Edition(
                product=product,
                manifest=manifest,
                overview=_read_overview(storage, manifest),
                licence=_read_licence(storage, manifest),
                is_latest=number == newest,
                newest=newest,
                is_retired=retired[number],
                recalled_from=recalled.get((product.name, number), ""),
            )
        )
    return Listing(product, tuple(editions))


def read_document(storage: Storage, manifest: Manifest, entry: FileEntry) -> bytes:
    """A document's bytes; ReleaseError unless they are the ones that were signed."""
    content = storage.get_bytes(file_key(manifest, entry))
    if hashlib.sha256(content).hexdigest() != entry.sha256:
        raise ReleaseError(
            f"{entry.path} of {manifest.product} {manifest.version} is not what was signed.",
            do="verify the release: clearward release verify",
        )
    return content


def _read_overview(storage: Storage, manifest: Manifest) -> Mapping[str, Any]:
    entry = manifest.file(OVERVIEW)
    if entry is None:
        return {}
    document = json.loads(read_document(storage, manifest, entry))
    return document if isinstance(document, dict) else {}


def _read_licence(storage: Storage, manifest: Manifest) -> str:
    entry = manifest.file(LICENCE)
    return read_document(storage, manifest, entry).decode() if entry else ""
