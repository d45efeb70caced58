"""A release is what the code makes of its inputs: built again elsewhere, it is the same bytes."""

import json
import os
import subprocess
import sys

import pytest

from clearward.errors import ReleaseError
from clearward.releases.rebuild import rebuild_release
from clearward.stamp import write_stamped
from tests.unit.releases.conftest import House
from tests.unit.releases.factory import MONTH, PRODUCT


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    made = House(tmp_path_factory.mktemp("rebuild") / "home")
    made.release()
    made.release("2024-06", patients=75)
    return made


def rebuild(house, version="1.1.0"):
    return rebuild_release(
        house.settings, house.keyring, house.storage, product=PRODUCT, version=version
    )


def test_another_process_with_other_threads_locale_zone_and_hash_seed_makes_the_same_bytes(house):
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    odd = {
        "CLEARWARD_HOME": str(house.settings.home),
        "CLEARWARD_THREADS": "3",
        "LC_ALL": "C",
        "TZ": "Asia/Kolkata",
        "PYTHONHASHSEED": "4711",
        "PYTHONUTF8": "0",
    }
    command = [sys.executable, "-m", "clearward", "release", "rebuild", PRODUCT, "1.1.0", "--json"]
    done = subprocess.run(command, env=kept | odd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["version"], told["since"]) == ("1.1.0", "documents")
    assert told["files"] > 20


def test_an_earlier_release_is_rebuilt_beside_what_it_stood_beside_then(house):
    assert rebuild(house, "1.0.0").version == "1.0.0"
    left = [path for path in (house.settings.home / "spill").iterdir() if "rebuild" in path.name]
    assert left == []


def test_an_input_that_changed_since_is_found_out_and_named(house):
    path = house.settings.reports / PRODUCT / "2024-06" / "privacy.json"
    honest = path.read_text()
    write_stamped(house.settings, path, honest.replace('"k_reached": 30', '"k_reached": 31'))
    try:
        with pytest.raises(ReleaseError, match=r"files differ.*figures that differ: privacy"):
            rebuild(house)
    finally:
        write_stamped(house.settings, path, honest)


def test_the_inputs_of_a_corrected_version_are_gone(tmp_path):
    house = House(tmp_path / "home")
    house.release(MONTH)
    house.release(MONTH, patients=75)
    with pytest.raises(ReleaseError, match=r"1\.0\.1 of the same month"):
        rebuild(house, "1.0.0")
