"""A builder of a licensee's copy that is killed: nobody is handed half a copy, and the next builder
makes the whole one, however many come at once.
"""

import signal
import subprocess
import sys

import pytest

from clearward.licensing.copies import find_copy
from clearward.releases.shelf import load_manifest
from clearward.releases.signing import load_public_key
from clearward.releases.verify import verify_release
from clearward.storage import LocalStorage
from tests.acceptance.test_delivery import make_licence
from tests.unit.releases import factory
from tests.unit.releases.conftest import House

BUILDER = """
import sys, time
from clearward.keyring import load_keyring
from clearward.licensing.copies import make_copy
from clearward.licensing.registry import find_licence
from clearward.releases.shelf import load_manifest
from clearward.settings import load_settings
from clearward.state.base import state_engine
from clearward.storage import LocalStorage, open_storage

product, licence, stop_at = sys.argv[1:]
settings = load_settings()
storage = open_storage(settings)
put, create, puts = LocalStorage.put_file, LocalStorage.create, []

def halt():
    print("halted", flush=True)
    time.sleep(600)

def put_or_halt(self, key, path, *, sha256):
    puts.append(key)
    if stop_at == "fifth file" and len(puts) == 5:
        halt()
    put(self, key, path, sha256=sha256)

def create_and_halt(self, key, data):
    create(self, key, data)
    if stop_at == "after manifest":
        halt()

LocalStorage.put_file, LocalStorage.create = put_or_halt, create_and_halt
copy = make_copy(
    settings, load_keyring(settings.keyring), storage,
    canonical=load_manifest(storage, product, "1.0.0"),
    licence=find_licence(state_engine(settings.database), licence),
)
print(copy.manifest.sha256, flush=True)
"""


@pytest.fixture
def house(tmp_path, monkeypatch):
    monkeypatch.setenv("CLEARWARD_HOME", str(tmp_path / "home"))
    for name in ("CLEARWARD_STORE", "CLEARWARD_ENDPOINT", "CLEARWARD_DATABASE"):
        monkeypatch.delenv(name, raising=False)
    house = House(tmp_path / "home")
    house.release()
    return house


def start_builder(licence, stop_at):
    command = [sys.executable, "-c", BUILDER, factory.PRODUCT, licence.id, stop_at]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("stop_at", ["fifth file", "after manifest"])
def test_a_killed_builder_leaves_no_copy_and_the_next_ones_make_one(house, stop_at):
    licence = make_licence(house)
    with start_builder(licence, stop_at) as builder:
        assert builder.stdout.readline() == "halted\n"
        builder.send_signal(signal.SIGKILL)
    canonical = load_manifest(house.storage, factory.PRODUCT, "1.0.0")
    assert find_copy(house.settings, house.keyring, canonical, licence=licence) is None
    builders = [start_builder(licence, "nowhere") for _ in range(2)]
    first, second = (builder.communicate(timeout=120)[0] for builder in builders)
    copy = find_copy(house.settings, house.keyring, canonical, licence=licence)
    assert first == second == f"{copy.manifest.sha256}\n"
    assert isinstance(copy.storage, LocalStorage)
    key = load_public_key(house.keyring)
    verified = verify_release(copy.storage, key, product=factory.PRODUCT, version="1.0.0")
    assert verified.files > 15
    assert not list((house.settings.home / "copies").glob(".*.building"))
