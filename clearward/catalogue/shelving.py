"""Where the static catalogue is kept: beside the releases in the store, or in a folder. Releases
are read here and never written.

In the store, under ``site/``:
- ``documents/<product>/<version>/…``: documents of releases, which never change;
- ``pages-<hash>/…``: one whole generation of pages, named by its content;
- ``current.json``: which generation stands. Replacing it is the one step that changes what is seen,
  so a crash before it leaves the old catalogue whole, and after it the new one;
- ``index.html``: the door for whoever serves the bucket as it is.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clearward.catalogue.entries import Edition, Listing, read_document, read_listings
from clearward.catalogue.pages import House, render
from clearward.catalogue.site import INDEX, build_pages, document_path
from clearward.errors import ReleaseError
from clearward.keyring import Keyring
from clearward.products.spec import load_product, product_names
from clearward.releases.manifest import FileEntry
from clearward.releases.signing import load_public_key
from clearward.settings import Settings
from clearward.state.base import state_engine
from clearward.storage import KeyChangedError, KeyExistsError, KeyMissingError, Storage

PREFIX = "site/"
POINTER = f"{PREFIX}current.json"
_GENERATION = "pages-"
_KEPT = 2
_SWAPS = 20


@dataclass(frozen=True)
class Shelved:
    """What a build did: counts and ids."""

    generation: str
    products: int
    releases: int
    pages: int
    written: int

    def metadata(self) -> dict[str, int | float | str]:
        """Everything, flat."""
        return dict(self.__dict__)


def house_of(settings: Settings) -> House:
    """Who publishes, as the first product's record says, and where."""
    names = (load_product(name).record.publisher.name for name in product_names())
    return House(next(filter(None, names), ""), settings.service_url, settings.catalogue_url)


def publish_catalogue(settings: Settings, keyring: Keyring, storage: Storage) -> Shelved:
    """Bring the store's catalogue to what the store holds; nothing is written when it is there.

    ReleaseError when a release's signature or a document does not hold: then the old one stays.
    """
    listings = _listings(settings, keyring, storage)
    house = house_of(settings)
    pages = build_pages(listings, house)
    generation = generation_of(pages)
    written = sum(_keep_document(storage, *document) for document in _documents(listings))
    if read_pointer(storage)[:1] != [generation]:
        for path, content in pages.items():
            storage.put_bytes(page_key(generation, path), content)
        gone = _commit(storage, generation)
        written += len(pages)
        _drop(storage, gone, kept=generation)
    written += _keep_door(storage, generation, house)
    return _report(listings, generation, pages, written)


def refresh_catalogue(settings: Settings, keyring: Keyring, storage: Storage) -> Shelved | None:
    """The same, where the store has a catalogue: for whoever retires or recalls a version, so that
    its page says so. None where nobody has built one."""
    if not read_pointer(storage):
        return None
    return publish_catalogue(settings, keyring, storage)


def write_catalogue(
    settings: Settings, keyring: Keyring, storage: Storage, folder: Path
) -> Shelved:
    """The same as files: ``index.html``, ``pages`` and ``documents/``.

    ``pages`` is a symbolic link to one whole generation. Turning it is one step, so nobody ever
    finds no page or pages of two builds. ReleaseError for a folder that holds something else.
    """
    listings = _listings(settings, keyring, storage)
    house = house_of(settings)
    pages = build_pages(listings, house)
    _check_folder(folder)
    for edition, entry in _documents(listings):
        target = folder / document_path(edition, entry.path)
        if not target.is_file() or _sha256(target.read_bytes()) != entry.sha256:
            _write(target, read_document(storage, edition.manifest, entry))
    generation = generation_of(pages)
    _turn(folder, _write_generation(folder, pages, generation))
    _write(folder / INDEX, _door("pages", house))
    return _report(listings, generation, pages, len(pages))


def _write_generation(folder: Path, pages: Mapping[str, bytes], generation: str) -> str:
    """Name of the folder that holds the pages, each written anew in its place."""
    name = f"{_GENERATION}{generation}"
    for path, content in pages.items():
        _write(folder / name / path, content)
    return name


def _turn(folder: Path, name: str) -> None:
    """Let ``pages`` lead to this generation; the one before stays for who is reading it."""
    link, turning = folder / "pages", folder / ".pages"
    before = link.readlink().name if link.is_symlink() else ""
    if link.is_dir() and not link.is_symlink():  # an older catalogue's own folder
        link.rename(folder / f"{_GENERATION}before")
    turning.unlink(missing_ok=True)
    turning.symlink_to(name)
    turning.replace(link)
    for other in folder.glob(f"{_GENERATION}*"):
        if other.name not in (name, before):
            shutil.rmtree(other)


def generation_of(pages: Mapping[str, bytes]) -> str:
    """Name of a generation: 16 hex characters over all paths and bytes."""
    lines = (f"{_sha256(content)}  {path}\n" for path, content in sorted(pages.items()))
    return _sha256("".join(lines).encode())[:16]


def page_key(generation: str, path: str) -> str:
    """Where a page of a generation lies in the store."""
    return f"{PREFIX}{_GENERATION}{generation}/{path}"


def read_pointer(storage: Storage) -> list[str]:
    """Generations that were seen, the one that stands first; empty before the first build."""
    try:
        return [str(name) for name in json.loads(storage.get_bytes(POINTER))["generations"]]
    except KeyMissingError:
        return []
    except (ValueError, KeyError, TypeError):
        return []


def _listings(settings: Settings, keyring: Keyring, storage: Storage) -> tuple[Listing, ...]:
    database = state_engine(settings.database)
    return read_listings(storage, database, public_key=load_public_key(keyring))


def _documents(listings: Sequence[Listing]) -> Iterator[tuple[Edition, FileEntry]]:
    for listing in listings:
        for edition in listing.editions:
            for entry in edition.documents:
                yield edition, entry


def _keep_document(storage: Storage, edition: Edition, entry: FileEntry) -> bool:
    key = PREFIX + document_path(edition, entry.path)
    try:
        head = storage.head(key)
        if head.size == entry.bytes and head.sha256 in ("", entry.sha256):
            return False
    except KeyMissingError:
        pass
    storage.put_bytes(key, read_document(storage, edition.manifest, entry))
    return True


def _commit(storage: Storage, generation: str) -> list[str]:
    """Point to the generation; returns those that nobody needs any more."""
    for _ in range(_SWAPS):
        seen = read_pointer(storage)
        kept = [generation, *(name for name in seen if name != generation)]
        pointer = _json({"generations": kept[:_KEPT]})
        try:
            storage.replace_if(POINTER, pointer, etag=storage.head(POINTER).etag)
            return kept[_KEPT:]
        except KeyMissingError:
            try:
                storage.create(POINTER, pointer)
                return []
            except KeyExistsError:
                continue
        except KeyChangedError:
            continue
    raise ReleaseError(
        "The catalogue could not be put in place.",
        seen=f"{_SWAPS} changes by others",
        do="build it again: clearward catalogue build",
    )


def _drop(storage: Storage, generations: Sequence[str], *, kept: str) -> None:
    for name in generations:
        if name != kept:
            for key in list(storage.list(page_key(name, ""))):
                storage.delete(key)


def _keep_door(storage: Storage, generation: str, house: House) -> bool:
    key, content = f"{PREFIX}{INDEX}", _door(f"{_GENERATION}{generation}", house)
    try:
        if storage.get_bytes(key) == content:
            return False
    except KeyMissingError:
        pass
    storage.put_bytes(key, content)
    return True


def _door(pages: str, house: House) -> bytes:
    """A page that leads to the catalogue's first one, in every language."""
    values = {"pages": pages, "title": ""}
    return render("door.html", "en", house, values=values).encode()


def _check_folder(folder: Path) -> None:
    """Nothing but a catalogue is written into."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [path.name for path in folder.iterdir()]
    known = {INDEX, "pages", ".pages", "documents"}
    others = [name for name in names if name not in known and not name.startswith(_GENERATION)]
    if others:
        raise ReleaseError(
            f"{folder} holds something else than a catalogue.",
            seen=f"{len(others)} other files",
            do="name an empty folder",
        )


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(content)
    partial.replace(path)


def _report(
    listings: Sequence[Listing], generation: str, pages: Mapping[str, bytes], written: int
) -> Shelved:
    return Shelved(
        generation=generation,
        products=sum(1 for listing in listings if listing.editions),
        releases=sum(len(listing.editions) for listing in listings),
        pages=len(pages),
        written=written,
    )


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _json(document: object) -> bytes:
    return (json.dumps(document, indent=1, sort_keys=True) + "\n").encode()
