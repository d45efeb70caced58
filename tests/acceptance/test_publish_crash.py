"""A publisher that dies in the middle: nothing half-published is seen, and a rerun completes."""

import os
import signal
import subprocess
import sys
import time
import uuid

import pytest

from clearward.releases.shelf import latest_version, list_releases
from clearward.releases.signing import load_public_key
from clearward.releases.verify import verify_release
from clearward.storage import open_storage
from tests.unit.releases import factory
from tests.unit.releases.conftest import House

PUBLISHER = """
import os, sys, time
from pathlib import Path
from clearward.keyring import load_keyring
from clearward.releases.publish import publish
from clearward.settings import load_settings
from clearward.storage import open_storage

stop_at, product, month = sys.argv[1:]
settings = load_settings()
storage = open_storage(settings)

def halt(where):
    if where == stop_at:
        print("halted", flush=True)
        time.sleep(600)

class Halting:
    '''The real store, which stands still at one step so that the test can kill at it.'''
    puts = 0
    def __getattr__(self, name):
        return getattr(storage, name)
    def put_file(self, key, path, *, sha256):
        self.puts += 1
        if self.puts == 5:
            halt("fifth file")
        storage.put_file(key, path, sha256=sha256)
    def create(self, key, data):
        if key.endswith("manifest.dsse.json"):
            halt("before manifest")
        storage.create(key, data)
        if key.endswith("manifest.dsse.json"):
            halt("after manifest")
        if key.endswith("latest.json"):
            halt("after latest")

release = publish(
    settings, load_keyring(settings.keyring), Halting(), product=product, month=month,
    approved_by="A. Reviewer",
)
print(release.version, flush=True)
"""


@pytest.fixture(params=["file", pytest.param("s3", marks=pytest.mark.s3)])
def house(request, tmp_path, monkeypatch):
    if request.param == "s3":
        if not os.environ.get("CLEARWARD_TEST_S3"):
            pytest.skip("CLEARWARD_TEST_S3 is not set: run scripts/s3.sh start")
        bucket = os.environ.get("CLEARWARD_TEST_S3_BUCKET", "clearward-test")
        store, endpoint = f"s3://{bucket}/{uuid.uuid4().hex}", os.environ["CLEARWARD_TEST_S3"]
    else:
        store, endpoint = f"file://{tmp_path / 'store'}", ""
    monkeypatch.setenv("CLEARWARD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CLEARWARD_STORE", store)
    monkeypatch.setenv("CLEARWARD_ENDPOINT", endpoint)
    house = House(tmp_path / "home")
    house.settings = factory.moved(house.settings, store=store, endpoint=endpoint)
    house.storage = open_storage(house.settings)
    yield house
    for key in list(house.storage.list("")):
        house.storage.delete(key)


def start_publisher(stop_at):
    command = [sys.executable, "-c", PUBLISHER, stop_at, factory.PRODUCT, factory.MONTH]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize(
    ("stop_at", "visible"),
    [
        ("fifth file", 0),
        ("before manifest", 0),
        ("after manifest", 1),
        ("after latest", 1),
    ],
)
def test_a_publisher_killed_at_any_step_leaves_a_whole_release_or_none(house, stop_at, visible):
    house.write()
    house.build()
    with start_publisher(stop_at) as publisher:
        assert publisher.stdout.readline() == "halted\n"
        publisher.send_signal(signal.SIGKILL)
    assert publisher.returncode == -signal.SIGKILL
    assert len(list_releases(house.storage)) == visible
    public_key = load_public_key(house.keyring)
    if visible:
        verify_release(house.storage, public_key, product=factory.PRODUCT, version="1.0.0")
    with start_publisher("nowhere") as publisher:
        assert publisher.stdout.read() == "1.0.0\n"
    assert publisher.returncode == 0
    assert latest_version(house.storage, factory.PRODUCT) == "1.0.0"
    assert len(list_releases(house.storage)) == 1
    verify_release(house.storage, public_key, product=factory.PRODUCT, version="1.0.0")


def test_two_publishers_at_once_make_one_release(house):
    house.write()
    house.build()
    publishers = [start_publisher("nowhere") for _ in range(3)]
    outcomes = [publisher.communicate(timeout=120)[0] for publisher in publishers]
    assert outcomes == ["1.0.0\n"] * 3
    assert [release.version for release in list_releases(house.storage)] == ["1.0.0"]
    verify_release(
        house.storage, load_public_key(house.keyring), product=factory.PRODUCT, version="1.0.0"
    )


def test_a_publisher_killed_at_a_random_moment_can_be_run_again(house):
    house.write()
    house.build()
    for pause in (0.9, 1.1, 1.3, 1.5):
        with start_publisher("nowhere") as publisher:
            time.sleep(pause)
            publisher.kill()
        for release in list_releases(house.storage):
            verify_release(
                house.storage,
                load_public_key(house.keyring),
                product=release.product,
                version=release.version,
            )
    with start_publisher("nowhere") as publisher:
        assert publisher.stdout.read() == "1.0.0\n"
