"""One version of a product beside the one before it: what became of the contract, what of the rows,
and why. Made for a candidate, for two published versions, and by a buyer from two folders.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from clearward.errors import ReleaseError
from clearward.products.spec import load_product, product_names
from clearward.releases.changes import TableChange, diff_tables, publishable
from clearward.releases.contract import read_contract
from clearward.releases.manifest import MANIFEST_NAME, Manifest, read_manifest
from clearward.releases.shelf import file_key, load_manifest
from clearward.releases.terms import Contract, TermChange, compare
from clearward.releases.verify import verify_release
from clearward.releases.version import Change, classify
from clearward.settings import Settings
from clearward.storage import Storage
from clearward.storage.port import CHUNK

UNCOUNTED = "attrition"
"""Entity whose lines count steps, not people: nothing of it is masked."""


class Cause(StrEnum):
    """Why rows or columns are other than before; a release can have several."""

    NEW_MONTH = "new_month"
    CORRECTION = "correction"
    WITHDRAWAL = "withdrawal"
    SCHEMA = "schema"


@dataclass(frozen=True)
class Edition:
    """One version, as it is compared.

    Attributes:
        version, month: of the release.
        contract: what it promises.
        hashes: table -> SHA-256; tables of one hash are not read.
        path: where a table's Parquet file lies, fetched when it is asked for.
    """

    product: str
    version: str
    month: str
    contract: Contract
    hashes: Mapping[str, str]
    path: Callable[[str], Path]


@dataclass(frozen=True)
class Comparison:
    """What a version changed; the table list holds those whose file is another."""

    product: str
    version: str
    month: str
    previous: str
    previous_month: str
    terms: tuple[TermChange, ...]
    tables: tuple[TableChange, ...]

    @property
    def change(self) -> Change:
        """What moves the number."""
        return classify(self.terms, month=self.month, previous_month=self.previous_month)

    @property
    def is_breaking(self) -> bool:
        """True where code that reads the version before may fail."""
        return self.change is Change.SCHEMA_BREAK

    @property
    def causes(self) -> tuple[Cause, ...]:
        """Every reason there is, in the order of `Cause`.

        Patients who are gone count as withdrawal: they withdrew, or stay out so that nobody can
        tell who did.
        """
        people = [t for t in self.tables if not is_uncounted(t.table)]
        patients = [t for t in people if t.table == f"{self.product}__patient"]
        is_same_month = self.month == self.previous_month
        holds = {
            Cause.NEW_MONTH: not is_same_month,
            Cause.CORRECTION: any(
                t.updated != 0 or (is_same_month and t.is_change) for t in people
            ),
            Cause.WITHDRAWAL: any(t.deleted != 0 for t in patients),
            Cause.SCHEMA: bool(self.terms),
        }
        return tuple(cause for cause, is_so in holds.items() if is_so)

    def document(self, k: int = 0) -> dict[str, Any]:
        """As JSON values; with ``k``, counts that may not be told are null, see `publishable`."""
        tables = [t if is_uncounted(t.table) or not k else publishable(t, k) for t in self.tables]
        return {
            "product": self.product,
            "version": self.version,
            "month": self.month,
            "previous": self.previous,
            "previous_month": self.previous_month,
            "change": self.change.value,
            "causes": [cause.value for cause in self.causes],
            "is_breaking": self.is_breaking,
            "terms": [term.published() for term in self.terms],
            "tables": [asdict(table) for table in tables],
        }


def changes_document(figures: Mapping[str, Any]) -> dict[str, Any]:
    """``changes.json``: the release notes for machines, from what the manifest publishes."""
    names = ("product", "version", "month", "previous", "change", "causes", "terms")
    return {
        **{name: figures[name] for name in names},
        "is_breaking": bool(figures["breaks"]),
        "tables": figures["changes"],
        "masked_below": figures["k"],
    }


def compare_editions(settings: Settings, old: Edition, new: Edition) -> Comparison:
    """Put one version beside the one before it; tables of the same bytes are not read."""
    names = sorted({*old.hashes, *new.hashes})
    differing = [name for name in names if old.hashes.get(name) != new.hashes.get(name)]
    keys = {name: terms.key for name, terms in {**old.contract, **new.contract}.items()}
    return Comparison(
        product=new.product,
        version=new.version,
        month=new.month,
        previous=old.version,
        previous_month=old.month,
        terms=compare(old.contract, new.contract),
        tables=diff_tables(
            settings,
            {name: old.path(name) for name in differing if name in old.hashes},
            {name: new.path(name) for name in differing if name in new.hashes},
            keys={name: keys.get(name) or _spec_key(new.product, name) for name in names},
        ),
    )


def is_uncounted(table: str) -> bool:
    """True for a table whose rows are no people's."""
    return table.rpartition("__")[2] == UNCOUNTED


def _spec_key(product: str, table: str) -> tuple[str, ...]:
    """Today's key, for versions that were published without a contract."""
    if product not in product_names():
        return ()
    spec = load_product(product)
    return next((t.key for t in spec.tables if spec.table_name(t) == table), ())


def compare_published(
    settings: Settings, storage: Storage, *, product: str, old: str, new: str
) -> Comparison:
    """Two versions in the store; any two, in either order of age."""
    manifests = [load_manifest(storage, product, version) for version in (old, new)]
    with (
        published_edition(settings, storage, manifests[0]) as before,
        published_edition(settings, storage, manifests[1]) as after,
    ):
        return compare_editions(settings, before, after)


def compare_folders(
    settings: Settings, old: Path, new: Path, *, public_key: Ed25519PublicKey
) -> Comparison:
    """Two downloaded versions, each verified first: signature and every byte.

    ReleaseError when one does not hold, or they are of two products.
    """
    before, after = (_verified(folder, public_key) for folder in (old, new))
    if before.product != after.product:
        raise ReleaseError(
            "Two products cannot be compared.", seen=f"{before.product} and {after.product}"
        )
    return compare_editions(
        settings, downloaded_edition(old, before), downloaded_edition(new, after)
    )


def _verified(folder: Path, public_key: Ed25519PublicKey) -> Manifest:
    verify_release(folder, public_key)
    return read_manifest((folder / MANIFEST_NAME).read_bytes(), public_key)


@contextmanager
def published_edition(
    settings: Settings, storage: Storage, manifest: Manifest
) -> Iterator[Edition]:
    """A version in the store; what is read of it is fetched, and gone afterwards."""
    folder = settings.home / "spill" / uuid.uuid4().hex
    entries = {entry.table: entry for entry in manifest.files if entry.table}

    def fetch(table: str) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / f"{table}.parquet"
        with (
            storage.open_range(file_key(manifest, entries[table])) as source,
            target.open("wb") as file,
        ):
            while chunk := source.read(CHUNK):
                file.write(chunk)
        return target

    try:
        yield _edition(manifest, fetch)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def downloaded_edition(folder: Path, manifest: Manifest) -> Edition:
    """A version in a folder, as a buyer has it."""
    paths = {entry.table: folder / entry.path for entry in manifest.files if entry.table}
    return _edition(manifest, paths.__getitem__)


def _edition(manifest: Manifest, path: Callable[[str], Path]) -> Edition:
    return Edition(
        product=manifest.product,
        version=str(manifest.version),
        month=manifest.month,
        contract=read_contract(manifest),
        hashes={entry.table: entry.sha256 for entry in manifest.files if entry.table},
        path=path,
    )
