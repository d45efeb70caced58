import time

import pytest

from clearward import doctor
from clearward.errors import ConfigError, StorageError
from clearward.settings import Settings
from clearward.storage import LocalStorage, open_storage, port
from clearward.storage.probe import check_immutable, probe
from tests.unit.storage.store_rules import StoreRules


class TestLocalStorage(StoreRules):
    @pytest.fixture
    def storage(self, tmp_path):
        return LocalStorage(tmp_path / "store")

    @pytest.fixture
    def address(self, tmp_path):
        return f"file://{tmp_path / 'store'}", ""


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    storage = LocalStorage(tmp_path / "store")
    storage.put_bytes("a/b", b"1")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_bytes(b"secret")
    (tmp_path / "store" / "link").symlink_to(tmp_path / "outside")
    (tmp_path / "store" / "file").symlink_to(tmp_path / "outside" / "secret")
    for key in ("link/secret", "file"):
        with pytest.raises(StorageError, match="leads out"):
            storage.get_bytes(key)
    with pytest.raises(StorageError, match="prefix"):
        list(storage.list("../"))


class PretendingStorage(LocalStorage):
    """Answers like a store that has conditional writes, and overwrites anyway."""

    def create(self, key, data):
        self.put_bytes(key, data)

    def replace_if(self, key, data, *, etag):
        self.put_bytes(key, data)


class OverwritingStorage(LocalStorage):
    """Refuses a second create as it should, after having overwritten the first."""

    def create(self, key, data):
        try:
            super().create(key, data)
        finally:
            self.put_bytes(key, data)


def test_a_pretender_is_found_out(tmp_path):
    storage = PretendingStorage(tmp_path)
    broken = {r.name for r in probe(storage) if not r.ok}
    assert broken == {"conditional create", "race of creators", "compare and swap"}
    with pytest.raises(StorageError, match="only pretends"):
        check_immutable(storage)


def test_a_store_that_refuses_and_overwrites_is_found_out(tmp_path):
    with pytest.raises(StorageError, match="overwritten all the same"):
        check_immutable(OverwritingStorage(tmp_path))


class HastyStorage(LocalStorage):
    """Looks first and writes then: a second create is refused, unless it comes at once."""

    def create(self, key, data):
        if self._path(key).exists():
            raise port.exists(key)
        time.sleep(0.05)
        self.put_bytes(key, data)


def test_a_store_that_holds_only_while_nobody_else_writes_cannot_be_published_to(tmp_path):
    with pytest.raises(StorageError, match="16 winners of 16 racers"):
        check_immutable(HastyStorage(tmp_path))


@pytest.mark.parametrize("store", ["", "http://x/y", "file://host/x", "file://", "s3:///prefix"])
def test_a_store_that_is_no_place_is_a_config_error(tmp_path, store):
    with pytest.raises(ConfigError, match="CLEARWARD_STORE"):
        open_storage(Settings(tmp_path, store, "", tmp_path))


def test_a_folder_with_spaces_is_a_store(tmp_path):
    storage = open_storage(Settings(tmp_path, f"file://{tmp_path}/a%20b", "", tmp_path))
    storage.put_bytes("k", b"1")
    assert (tmp_path / "a b" / "k").read_bytes() == b"1"


def test_doctor_calls_no_pretender_immutable(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "open_storage", lambda _: PretendingStorage(tmp_path / "store"))
    settings = Settings(tmp_path, "s3://bucket", f"sqlite:///{tmp_path}/s.db", tmp_path / "k")
    found = {f.check: f for f in doctor.examine(settings) if f.area == "store"}
    broken = {name for name, finding in found.items() if not finding.is_ok}
    assert broken == {"conditional create", "race of creators", "compare and swap", "immutable"}
    assert "pretends" in found["immutable"].seen


def test_doctor_says_of_a_real_store_that_it_keeps_a_release_unchanged(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "open_storage", lambda _: LocalStorage(tmp_path / "store"))
    settings = Settings(tmp_path, "", f"sqlite:///{tmp_path}/s.db", tmp_path / "k")
    found = [f for f in doctor.examine(settings) if f.area == "store"]
    assert all(finding.is_ok for finding in found)
    assert found[-1].check == "immutable"
