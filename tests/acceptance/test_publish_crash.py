"""A publisher that dies in the middle: nothing half-published is seen, and a rerun completes. An
amber privacy gate is signed off in every case, so the signature must come through too.
"""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from clearward import audit
from clearward.releases.shelf import latest_version, list_releases, load_manifest
from clearward.releases.sign_off import sign_off
from clearward.releases.signing import load_public_key
from clearward.releases.verify import verify_release
from clearward.state.base import state_engine
from clearward.state.models import AuditEvent
from clearward.storage import open_storage
from tests.unit.releases import factory
from tests.unit.releases.conftest import House

PUBLISHER = """
import os, sys, time
from pathlib import Path
from clearward import audit
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

write = audit.write

def write_or_halt(connection, **line):
    if line["action"] == "release.publish":
        halt("before the log")
    return write(connection, **line)

audit.write = write_or_halt
if stop_at == "any moment":
    print("begins", flush=True)
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
    house.write()
    amber = {("G4", "linkability", ""): {"low": 0.0, "value": 0.0, "high": 0.9}}
    factory.write_risk(house.settings, change=amber)
    house.build()
    what = {"product": factory.PRODUCT, "month": factory.MONTH, "gate": "G4"}
    sign_off(house.settings, **what, by="Dr. Officer", reason="few patients")
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
        ("before the log", 1),
    ],
)
def test_a_publisher_killed_at_any_step_leaves_a_whole_release_or_none(house, stop_at, visible):
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
    check_published_once(house)


def check_published_once(house):
    """One whole release with its signature, and one line in the log for each decision."""
    assert [release.version for release in list_releases(house.storage)] == ["1.0.0"]
    public_key = load_public_key(house.keyring)
    verify_release(house.storage, public_key, product=factory.PRODUCT, version="1.0.0")
    manifest = load_manifest(house.storage, factory.PRODUCT, "1.0.0", public_key=public_key)
    [signature] = manifest.facts["sign_offs"]
    assert (signature["gate"], signature["signed_by"]) == ("G4", "Dr. Officer")
    engine = state_engine(house.settings.database)
    with Session(engine) as session:
        lines = Counter(session.scalars(select(AuditEvent.action)))
    assert lines == {"release.sign_off": 1, "release.approve": 1, "release.publish": 1}
    assert audit.verify(engine) == 3


def test_publishers_at_once_make_one_release(house):
    publishers = [start_publisher("nowhere") for _ in range(3)]
    outcomes = [publisher.communicate(timeout=120)[0] for publisher in publishers]
    assert outcomes == ["1.0.0\n"] * 3
    check_published_once(house)


def test_a_publisher_killed_at_a_random_moment_can_be_run_again(house):
    for pause in (0.03, 0.1, 0.2, 0.4):
        with start_publisher("any moment") as publisher:
            assert publisher.stdout.readline() == "begins\n"
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
    check_published_once(house)
