"""The evaluation sample inside a release: listed, the same bytes, no reason for a version."""

import json

import pytest

from clearward.errors import StateError
from clearward.products.spec import load_product
from clearward.products.synthesis import load_synthesis
from clearward.releases.candidate import build_candidate
from clearward.releases.signing import load_public_key
from clearward.releases.tables import read_tables
from clearward.releases.verify import verify_release
from clearward.state.base import state_engine
from clearward.synthetic import ledger
from clearward.synthetic.store import DOCUMENT, hash_folder, sample_folder
from tests.unit.releases import factory


def keep_sample(house, schema=None, text="patient_key\n00ff\n"):
    """Put a finished sample on record, in the shape of the house's product."""
    tables = read_tables(house.settings, load_product(factory.PRODUCT), month=factory.MONTH)
    schema = schema or {t.table: t.schema for t in tables}
    database = state_engine(house.settings.database)
    line = ledger.spend(database, load_synthesis(factory.PRODUCT), month=factory.MONTH)
    folder = sample_folder(house.settings, factory.PRODUCT, line.ordinal)
    folder.mkdir(parents=True)
    (folder / DOCUMENT).write_text(json.dumps({"schema": schema}))
    (folder / "cardiology__patient.csv").write_text(text)
    ledger.record_sample(database, line, sha256=hash_folder(folder))
    return folder


def paths(candidate):
    return {f.path for f in candidate.files if f.path.startswith("synthetic_sample/")}


def test_a_candidate_carries_the_sample_and_its_hashes(house):
    house.write()
    keep_sample(house)
    made = house.build()
    assert paths(made) == {
        "synthetic_sample/cardiology__patient.csv",
        f"synthetic_sample/{DOCUMENT}",
    }
    sums = (made.folder / "files" / "SHA256SUMS.txt").read_text()
    assert "synthetic_sample/cardiology__patient.csv" in sums
    assert all(not f.table for f in made.files if f.path in paths(made))


def test_a_release_with_a_sample_verifies(house):
    house.write()
    keep_sample(house)
    house.build()
    release = house.publish()
    key = load_public_key(house.keyring)
    verify_release(house.storage, key, product=factory.PRODUCT, version=release.version)


def test_a_sample_changes_neither_content_nor_version(house):
    house.write()
    bare = house.build()
    keep_sample(house)
    with_sample = house.build()
    assert with_sample.content_sha256 == bare.content_sha256
    assert with_sample.version == bare.version
    assert paths(bare) == set()


def test_a_published_month_stays_as_it_is_when_a_sample_comes_later(house):
    first = house.release()
    keep_sample(house)
    assert house.build().change.value == "nothing"
    assert house.publish() == first


def test_the_same_sample_gives_the_same_bytes(house):
    house.write()
    keep_sample(house)
    first, again = house.build(), house.build()
    assert first.base == again.base
    assert {f.path: f.sha256 for f in first.files} == {f.path: f.sha256 for f in again.files}


def test_a_sample_of_another_schema_stays_out(house):
    house.write()
    keep_sample(house, schema={"cardiology__patient": {"gone": "VARCHAR"}})
    assert paths(house.build()) == set()


def test_a_sample_serves_although_a_column_was_added(house):
    house.write()
    keep_sample(house, schema={"cardiology__patient": {"patient_key": "VARCHAR"}})
    assert paths(house.build())


def test_a_changed_sample_never_gets_into_a_candidate(house):
    house.write()
    folder = keep_sample(house)
    (folder / "cardiology__patient.csv").write_text("a real row")
    with pytest.raises(StateError):
        build_candidate(house.settings, house.keyring, product=factory.PRODUCT, month=factory.MONTH)
