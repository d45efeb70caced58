"""A server that answers like a store and is none, seen through the doors that must find it out."""

import pytest

from clearward import doctor
from clearward.errors import StorageError
from clearward.settings import Settings
from clearward.storage import open_storage
from clearward.storage.probe import KEEPS_UNCHANGED, check_immutable
from tests.unit.storage.pretender import pretending


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "unit")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "unit")
    with pretending() as endpoint:
        home = tmp_path / "home"
        database = f"sqlite:///{tmp_path}/s.db"
        yield Settings(home, "s3://bucket/prefix", database, tmp_path / "k", endpoint=endpoint)


def test_doctor_names_every_promise_that_a_pretender_breaks(settings):
    found = {f.check: f for f in doctor.examine(settings) if f.area == "store"}
    broken = {name for name, finding in found.items() if not finding.is_ok}
    assert broken == {*KEEPS_UNCHANGED, "link expiry", "immutable"}
    assert "pretends" in found["immutable"].seen


def test_nothing_is_published_to_a_pretender(settings):
    storage = open_storage(settings)
    with pytest.raises(StorageError, match="second create was accepted"):
        check_immutable(storage)
    assert list(storage.list("")) == []
