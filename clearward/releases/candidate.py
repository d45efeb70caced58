"""Build a release candidate: data, documents and figures in one folder, ready to be judged. Nothing
is published here, and no gate is asked: a red candidate may be looked at.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from clearward.errors import ReleaseError
from clearward.keyring import Keyring
from clearward.marking.contract import as_facts
from clearward.marking.contract import read_contract as read_marks
from clearward.products.spec import load_product
from clearward.releases import evidence, lineage
from clearward.releases.bundle import replacing, write_bundle
from clearward.releases.contract import as_document, contract_of, read_contract
from clearward.releases.documents import Told
from clearward.releases.figures import gather_figures
from clearward.releases.manifest import SUMS_NAME, FileEntry, Manifest
from clearward.releases.overview import place_overview
from clearward.releases.records import record_candidate
from clearward.releases.samples import place_sample
from clearward.releases.shelf import last_manifest, load_manifest, versions
from clearward.releases.signing import key_id, load_public_key
from clearward.releases.tables import TableFile, content_hash, read_tables
from clearward.releases.telling import tell
from clearward.releases.terms import Contract, compare
from clearward.releases.version import (
    FIRST,
    Change,
    Version,
    classify,
    next_version,
    parse_version,
)
from clearward.settings import Settings
from clearward.storage import Storage, open_storage
from clearward.warehouse import check_month, hash_file

CANDIDATE_NAME = "candidate.json"
FILES = "files"


@dataclass(frozen=True)
class Candidate:
    """What would be published. ``change`` is NOTHING when it already is.

    Attributes:
        folder: ``<home>/candidates/<product>/<month>``; its ``files`` are what buyers get.
        base: content name of the files, see `manifest.Manifest.base`.
        previous: version and manifest hash of the release before, or empty.
        facts: changes, lineage, gate and privacy figures, as published.
    """

    product: str
    month: str
    version: str
    change: Change
    content_sha256: str
    base: str
    folder: Path
    previous: Mapping[str, str]
    files: tuple[FileEntry, ...]
    facts: Mapping[str, Any]

    def path(self, entry: FileEntry) -> Path:
        """A file of the candidate on disk."""
        return self.folder / FILES / entry.path

    def metadata(self) -> dict[str, int | float | str]:
        """Counts and ids."""
        data = [f for f in self.files if f.table]
        return {
            "product": self.product,
            "month": self.month,
            "version": self.version,
            "change": self.change.value,
            "content_sha256": self.content_sha256,
            "tables": len(data),
            "rows": sum(f.rows or 0 for f in data),
            "bytes": sum(f.bytes for f in self.files),
            "files": len(self.files),
        }


def candidate_folder(settings: Settings, product: str, *, month: str) -> Path:
    """``<home>/candidates/<product>/<month>``."""
    return settings.home / "candidates" / load_product(product).name / check_month(month)


def build_candidate(settings: Settings, keyring: Keyring, *, product: str, month: str) -> Candidate:
    """Gather protected tables, reports and lineage into the candidate's folder.

    The same inputs give the same bytes. Replaces an earlier candidate of the month.

    Raises:
        ReleaseError: something is missing, or the month lies before the last release.
        GateError: there is no gate report (its colour is judged by `publish`).
    """
    spec = load_product(product)
    tables = read_tables(settings, spec, month=check_month(month))
    storage, public_key = open_storage(settings), load_public_key(keyring)
    dbt = lineage.read_dbt_manifest()
    contract = contract_of(dbt, tables)
    last = last_manifest(storage, product, public_key=public_key)
    place = _place(storage, tables, contract, last=last, product=product, month=month)
    figures = {
        **gather_figures(
            settings, spec, tables,
            contract=contract, storage=storage, last=place.before, month=month,
        ),
        **as_facts(read_marks(spec, dbt)),
        **place.told(),
        "key_id": key_id(public_key),
    }  # fmt: skip
    told = tell(
        settings, spec, tables,
        dbt=dbt, figures=figures, storage=storage, version=place.version, month=month,
    )  # fmt: skip
    folder = candidate_folder(settings, product, month=month)
    docs = evidence.gate_folder(settings, product, month=month) / "data_docs"
    with replacing(folder) as building:
        _add_for_everybody(settings, told, building / FILES)
        files = write_bundle(building / FILES, told, data_docs=docs)
        candidate = Candidate(
            product=product,
            month=month,
            version=told.version,
            change=place.change,
            content_sha256=content_hash(tables),
            base=hash_file(building / FILES / SUMS_NAME)[:16],
            folder=folder,
            previous=place.previous,
            files=files,
            facts=told.figures,
        )
        _save(building, candidate)
    record_candidate(settings, candidate.metadata())
    return candidate


def _add_for_everybody(settings: Settings, told: Told, folder: Path) -> None:
    """What may be seen without a licence: the synthetic sample and the overview."""
    place_sample(settings, told.tables, folder, product=told.product.name)
    place_overview(settings, told, folder)


@dataclass(frozen=True)
class _Place:
    """Where a candidate stands in its product's history.

    Attributes:
        change: NOTHING where it is published already; ``why`` is what the documents say, so that
            what is published already is built again byte for byte.
        before: what it is compared with.
    """

    version: Version
    change: Change
    why: Change
    before: Manifest | None

    @property
    def previous(self) -> dict[str, str]:
        if self.before is None:
            return {}
        return {"version": str(self.before.version), "manifest_sha256": self.before.sha256}

    def told(self) -> dict[str, Any]:
        return {"change": self.why.value, "previous": self.previous}


def _place(
    storage: Storage,
    tables: tuple[TableFile, ...],
    contract: Contract,
    *,
    last: Manifest | None,
    product: str,
    month: str,
) -> _Place:
    same = find_published(storage, product, content=content_hash(tables), month=month)
    if same:
        name = same.previous.get("version")
        before = load_manifest(storage, product, name) if name else None
        return _Place(same.version, Change.NOTHING, Change(same.change), before)
    change, version = place_after(last, contract, month=month)
    return _Place(version, change, change, last)


def find_published(storage: Storage, product: str, *, content: str, month: str) -> Manifest | None:
    """The newest release of the month, if it holds this very content."""
    for version in reversed(versions(storage, product)):
        manifest = load_manifest(storage, product, version)
        if manifest.month == month:
            return manifest if manifest.content_sha256 == content else None
    return None


def place_after(last: Manifest | None, contract: Contract, *, month: str) -> tuple[Change, Version]:
    """Why a release with this contract differs from the last one, and the number it must bear.

    Nobody chooses: `publish` asks again. ReleaseError when the month lies before the last release.
    """
    if last is None:
        return Change.FIRST, FIRST
    if month < last.month:
        raise ReleaseError(
            f"{month} lies before the last release of {last.product}.",
            seen=f"{last.version} holds {last.month}",
            expected="the same month, corrected, or a later one",
            do=f"correct {last.month} instead: it holds the corrected rows too",
        )
    terms = compare(read_contract(last), contract)
    change = classify(terms, month=month, previous_month=last.month)
    return change, next_version(last.version, change)


def check_number(
    candidate: Candidate, tables: tuple[TableFile, ...], *, last: Manifest | None
) -> None:
    """Raise ReleaseError unless the candidate's number follows from its contract and the last one.

    Asked again at publication: a file on a disk, and whoever writes in it, decides no number.
    """
    contract = contract_of(lineage.read_dbt_manifest(), tables)
    change, version = place_after(last, contract, month=candidate.month)
    is_told = candidate.facts.get("contract") == as_document(contract)
    if (change, str(version)) != (candidate.change, candidate.version) or not is_told:
        raise ReleaseError(
            f"The candidate of {candidate.product} {candidate.month} bears a number of its own.",
            seen=f"{candidate.version} ({candidate.change.value})"
            + ("" if is_told else ", and another contract than its tables have"),
            expected=f"{version} ({change.value}): that follows from what changed",
            do="build the candidate again",
        )


def _save(folder: Path, candidate: Candidate) -> None:
    document = {**asdict(candidate), "folder": ""}
    text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False)
    (folder / CANDIDATE_NAME).write_text(text + "\n", encoding="utf-8")


def load_candidate(settings: Settings, product: str, *, month: str) -> Candidate:
    """Read a candidate back; ReleaseError when there is none or a file of it was changed."""
    folder = candidate_folder(settings, product, month=month)
    path = folder / CANDIDATE_NAME
    if not path.is_file():
        raise ReleaseError(
            f"There is no candidate of {product} {month}.",
            seen=f"no {path}",
            do="build the candidate",
        )
    document = json.loads(path.read_text(encoding="utf-8"))
    document["files"] = tuple(FileEntry(**entry) for entry in document["files"])
    document["change"] = Change(document["change"])
    parse_version(document["version"])
    return Candidate(**{**document, "folder": folder})
