"""One worker or two: the same months give the same files, byte for byte.

Both runs start from copies of one home. What a run draws or notes by the clock is settled there:
the keys, the ledger of consents, and the budget of samples, which is spent.
"""

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from clearward import audit
from clearward.consent.imports import read_consents
from clearward.consent.registry import load_events, verify_ledger
from clearward.errors import ProtectionError
from clearward.keyring import init_keyring
from clearward.products.spec import product_names
from clearward.products.synthesis import load_synthesis
from clearward.releases.shelf import list_releases
from clearward.settings import load_settings
from clearward.state.base import state_engine
from clearward.state.migrate import migrate
from clearward.storage import open_storage
from clearward.synthetic import ledger

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
MONTH, HOSPITALS = "2024-03", ("lakeside", "renmin")
BOARD = ("--approve", "Data board", "--sign-off", "too few made-up patients to bound every attack")
REPORTS = ("raw", "door", *product_names())
ZONES = ("store", "warehouse", "candidates", *(f"reports/{name}" for name in REPORTS))


def run(home, *, workers):
    command = [sys.executable, "-m", "orchestration.monthly", *BOARD, "--workers", str(workers)]
    environment = {**os.environ, "CLEARWARD_HOME": str(home)}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return load_settings({"CLEARWARD_HOME": str(home)})


@pytest.fixture(scope="module")
def homes(tmp_path_factory):
    """Settings of two homes, one run by one worker and one by two."""
    root = tmp_path_factory.mktemp("homes")
    settle(load_settings({"CLEARWARD_HOME": str(root / "seed" / "home")}))
    for name in ("one", "two"):
        shutil.copytree(root / "seed", root / name)  # what opens the keyring lies beside a home
    return run(root / "one" / "home", workers=1), run(root / "two" / "home", workers=2)


def settle(settings):
    keyring, database = init_keyring(settings.keyring), state_engine(settings.database)
    migrate(database)
    for hospital in HOSPITALS:
        folder = settings.landing / hospital / MONTH
        shutil.copytree(ROOT / "samples" / "extracts" / hospital / MONTH, folder)
        events = read_consents(folder, hospital=hospital, month=MONTH, keyring=keyring)
        load_events(database, events)
    for product in product_names():
        with pytest.raises(ProtectionError, match="budget"):
            while True:
                ledger.spend(database, load_synthesis(product), month=MONTH)


def hashes(settings):
    files = (p for zone in ZONES for p in (settings.home / zone).rglob("*") if p.is_file())
    return {
        str(path.relative_to(settings.home)): hashlib.sha256(content(path)).hexdigest()
        for path in files
        if "site" not in path.parts  # the catalogue is named by what holds times and signatures
    }


def content(path):
    """A file's bytes; of a manifest what was signed, without the time it was signed at."""
    if path.name == "latest.json":  # names the manifest by its hash
        return b""
    if path.name != "manifest.dsse.json":
        return path.read_bytes()
    payload = base64.b64decode(json.loads(path.read_bytes())["payload"])
    return re.sub(rb'"(published|signed)_at": ?"[^"]*"', b"", payload)


def test_every_file_is_the_same(homes):
    one, two = map(hashes, homes)
    assert {name for name in one.keys() | two.keys() if one.get(name) != two.get(name)} == set()
    assert len([name for name in one if name.startswith("store/")]) > 100


def test_both_published_every_product(homes):
    for settings in homes:
        published = [str(release.version) for release in list_releases(open_storage(settings))]
        assert published == ["1.0.0"] * len(product_names())


def test_the_logs_of_two_writers_are_whole(homes):
    for settings in homes:
        database = state_engine(settings.database)
        assert audit.verify(database) > 0
        verify_ledger(database)


def test_two_workers_leave_nothing_behind(homes):
    _, two = homes
    assert list((two.home / "spill").iterdir()) == []
    assert list((two.home / "staging").iterdir()) == []
