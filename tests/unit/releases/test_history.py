"""What was published before is found in the store, verified, and never forgotten."""

from __future__ import annotations

import pytest

from clearward.errors import ReleaseError
from clearward.keyring import init_keyring, rotate
from clearward.releases.history import earlier_patients, protect_release
from clearward.releases.manifest import FileEntry, Manifest
from clearward.releases.publish import retire
from clearward.releases.shelf import file_key, load_manifest, manifest_key
from clearward.releases.version import parse_version
from clearward.storage import open_storage
from clearward.warehouse import Warehouse, hash_file
from tests.unit.releases import factory
from tests.unit.releases.factory import PRODUCT

MONTHS = ("2024-03", "2024-04", "2024-05")


def earlier(house, month):
    return earlier_patients(house.settings, house.storage, product=PRODUCT, month=month)


def versions(house, month):
    return [release.version for release in earlier(house, month)]


def test_a_product_without_a_release_has_no_history(house):
    assert earlier(house, MONTHS[0]) == ()


def test_versions_before_a_month_are_copied_and_verified(house):
    house.release(MONTHS[0])
    house.release(MONTHS[1], patients=70)
    found = earlier(house, MONTHS[2])
    assert [(r.version, r.month) for r in found] == [("1.0.0", MONTHS[0]), ("1.1.0", MONTHS[1])]
    for release, month in zip(found, MONTHS, strict=False):
        protected = Warehouse(house.settings.warehouse).partition(
            "protected", f"{PRODUCT}__patient", month=month
        )
        assert hash_file(release.path) == hash_file(protected)
        assert set(release.tables) == {"cohort_summary"}


def test_a_month_built_again_stands_beside_what_it_stood_beside_then(house):
    house.release(MONTHS[0])
    house.release(MONTHS[1], patients=70)
    assert versions(house, MONTHS[1]) == ["1.0.0"]
    assert versions(house, MONTHS[0]) == []


def test_a_correction_stands_beside_the_version_it_corrects(house):
    house.release(MONTHS[0])
    house.write(MONTHS[0], patients=75)
    assert versions(house, MONTHS[0]) == ["1.0.0"]


def test_a_retired_release_was_seen_all_the_same(house):
    house.release(MONTHS[0])
    retire(
        house.settings,
        house.storage,
        product=PRODUCT,
        version="1.0.0",
        actor="board",
        reason="wrong unit",
    )
    assert versions(house, MONTHS[1]) == ["1.0.0"]


def test_a_changed_file_in_the_store_stops_everything(house):
    house.release(MONTHS[0])
    manifest = load_manifest(house.storage, PRODUCT, "1.0.0")
    entry = next(f for f in manifest.files if f.table == f"{PRODUCT}__patient")
    path = next(p for p in house.settings.home.rglob(f"*{entry.sha256}*") if "store" in p.parts)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(ReleaseError, match="not what was signed"):
        earlier(house, MONTHS[1])
    assert not list((house.settings.home / "history").rglob(f"{entry.sha256}*"))


def test_a_changed_copy_is_fetched_again(house):
    house.release(MONTHS[0])
    copy = earlier(house, MONTHS[1])[0].path
    copy.write_bytes(b"changed")
    assert hash_file(earlier(house, MONTHS[1])[0].path) == copy.stem


def test_a_manifest_signed_by_another_key_is_refused(house, tmp_path):
    house.release(MONTHS[0])
    house.settings.keyring.unlink()
    init_keyring(house.settings.keyring)
    with pytest.raises(ReleaseError):
        earlier(house, MONTHS[1])


@pytest.fixture
def line(make, monkeypatch):
    """A made product month whose protected tables can be put into the store as a version."""
    made = make()
    store = made.settings.home / "store"
    made.settings = factory.moved(made.settings, store=f"file://{store}")

    def release(version, month):
        storage, entries = open_storage(made.settings), []
        for entity in ("patient", "cohort_summary"):
            path, name = made.path("protected", entity, month), f"{made.product.name}__{entity}"
            digest = hash_file(path)
            entries.append(FileEntry(f"{name}.parquet", digest, path.stat().st_size, name, 1, {}))
        manifest = Manifest(
            product=made.product.name,
            version=parse_version(version),
            month=month,
            content_sha256="0" * 64,
            base="b",
            published_at="2024-06-01T00:00:00Z",
            change="first",
            previous={},
            files=tuple(entries),
            facts={},
        )
        for entry in entries:
            entity = entry.table.removeprefix(f"{made.product.name}__")
            storage.put_file(
                file_key(manifest, entry),
                made.path("protected", entity, month),
                sha256=entry.sha256,
            )
        storage.create(manifest_key(made.product.name, version), manifest.signed(made.keyring))

    return make, made, release


def protect(made, month):
    return protect_release(made.settings, made.keyring, product=made.product.name, month=month)


def test_protecting_a_published_month_again_gives_the_same_bytes(line):
    _, made, release = line
    first = protect(made, MONTHS[2])
    release("1.0.0", MONTHS[2])
    assert protect(made, MONTHS[2]) == first
    assert first.earlier == ()


def test_a_corrected_month_is_protected_beside_the_version_it_corrects(line):
    make, made, release = line
    protect(made, MONTHS[2])
    release("1.0.0", MONTHS[2])
    people = made.path("product", "patient")
    make(patient="SELECT * FROM (" + _patients() + ") WHERE patient_key <> 'p003'")
    assert people.is_file()
    report = protect(made, MONTHS[2])
    assert report.earlier == ("1.0.0",)
    assert report.patients_withheld == 10


def test_beside_a_version_of_a_retired_product_key_nothing_is_protected(line):
    make, made, release = line
    protect(made, MONTHS[2])
    release("1.0.0", MONTHS[2])
    made.keyring = rotate(made.settings.keyring, "product")
    for month in (MONTHS[2], "2024-06"):
        make(month=month)
        with pytest.raises(ReleaseError, match="retired key"):
            protect(made, month)


def test_a_product_key_rotated_before_anything_was_published_stops_nothing(line):
    make, made, release = line
    made.keyring = rotate(made.settings.keyring, "product")
    protect(made, MONTHS[2])
    release("1.0.0", MONTHS[2])
    make(month="2024-06")
    assert protect(made, "2024-06").earlier == ("1.0.0",)


def _patients():
    from tests.unit.protect.conftest import PATIENT

    return PATIENT
