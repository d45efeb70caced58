"""What became of one version in the next: told to a publisher masked, to a buyer exactly."""

import json
import shutil

import duckdb
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from typer.testing import CliRunner

from clearward.cli.main import app
from clearward.errors import ReleaseError
from clearward.releases.changes import diff_tables
from clearward.releases.comparison import compare_folders, compare_published
from clearward.releases.manifest import MANIFEST_NAME
from clearward.releases.shelf import file_key, load_manifest
from clearward.releases.signing import load_public_key
from tests.unit.releases.conftest import House
from tests.unit.releases.factory import PRODUCT

ENCOUNTERS = """SELECT printf('encounter%05d', i) AS encounter_key,
    printf('p%019d', i) AS patient_key, 'H01' AS hospital_id, i AS day,
    CASE WHEN i < 43 THEN 999.0 ELSE 50.0 + i END AS value, i AS more FROM range(3, 110) t(i)"""


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """Cardiology 1.0.0, and 1.1.0 with a column more, 3 encounters less and 40 others."""
    made = House(tmp_path_factory.mktemp("comparison") / "home")
    made.release()
    made.release("2024-06", overrides={"encounter": ENCOUNTERS})
    return made


@pytest.fixture(scope="module")
def folders(house, tmp_path_factory):
    """Both versions as a buyer downloads them, and the publisher's key."""
    top = tmp_path_factory.mktemp("downloads")
    for version in ("1.0.0", "1.1.0"):
        manifest = load_manifest(house.storage, PRODUCT, version)
        for entry in manifest.files:
            path = top / version / entry.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(house.storage.get_bytes(file_key(manifest, entry)))
        (top / version / MANIFEST_NAME).write_bytes(manifest.envelope)
    key = load_public_key(house.keyring)
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (top / "key.pem").write_bytes(pem)
    return top


def test_two_published_versions_are_compared_by_promise_and_by_row(house):
    found = compare_published(
        house.settings, house.storage, product=PRODUCT, old="1.0.0", new="1.1.0"
    )
    assert [c.value for c in found.causes] == ["new_month", "correction", "schema"]
    assert [(t.name, t.is_breaking) for t in found.terms] == [(f"{PRODUCT}__encounter.more", False)]
    encounter = next(t for t in found.tables if t.table.endswith("__encounter"))
    assert (encounter.inserted, encounter.deleted, encounter.updated) == (50, 3, 57)
    assert encounter.columns == {"value": 40, "more": 57}


def test_a_publisher_is_shown_what_the_release_notes_tell_and_no_small_count(house):
    found = compare_published(
        house.settings, house.storage, product=PRODUCT, old="1.0.0", new="1.1.0"
    )
    shown = found.document(k=11)
    told = load_manifest(house.storage, PRODUCT, "1.1.0").facts
    assert (shown["tables"], shown["causes"]) == (told["changes"], told["causes"])
    encounter = next(t for t in shown["tables"] if t["table"].endswith("__encounter"))
    assert (encounter["inserted"], encounter["deleted"]) == (None, None)


def test_a_buyer_compares_two_downloaded_folders_exactly(house, folders, monkeypatch):
    monkeypatch.setenv("CLEARWARD_HOME", str(folders / "elsewhere"))
    pair = [str(folders / version) for version in ("1.0.0", "1.1.0")]
    command = ["release", "diff", PRODUCT, *pair, "--key", str(folders / "key.pem"), "--json"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    document = json.loads(done.output)
    encounter = next(t for t in document["tables"] if t["table"].endswith("__encounter"))
    assert (encounter["inserted"], encounter["deleted"], encounter["updated"]) == (50, 3, 57)


def test_the_command_shows_a_masked_count_as_masked(house, monkeypatch):
    monkeypatch.setenv("CLEARWARD_HOME", str(house.settings.home))
    done = CliRunner().invoke(app, ["release", "diff", PRODUCT, "1.0.0", "1.1.0"])
    assert done.exit_code == 0, done.output
    assert "compatible" in done.output and "masked" in done.output


def test_a_folder_that_is_not_what_was_signed_is_not_compared(house, folders, tmp_path):
    shutil.copytree(folders / "1.0.0", tmp_path / "changed")
    with (tmp_path / "changed" / "release_notes.md").open("a") as file:
        file.write("nothing happened")
    key = load_public_key(house.keyring)
    with pytest.raises(ReleaseError, match="changed files"):
        compare_folders(house.settings, tmp_path / "changed", folders / "1.1.0", public_key=key)


def test_a_new_month_of_the_same_rows_has_no_cause_but_the_month(tmp_path):
    house = House(tmp_path / "home")
    house.release()
    house.release("2024-06")
    facts = load_manifest(house.storage, PRODUCT, "1.1.0").facts
    assert (facts["causes"], facts["terms"]) == (["new_month"], [])
    assert all(not any(t[n] for n in ("inserted", "updated", "deleted")) for t in facts["changes"])


def test_a_table_that_was_empty_and_is_empty_changed_nothing(house, tmp_path):
    paths = [tmp_path / "old.parquet", tmp_path / "new.parquet"]
    for path in paths:
        duckdb.sql(f"COPY (SELECT 'a' AS id, 1 AS value WHERE false) TO '{path}'")
    old, new = ({"table": path} for path in paths)
    [change] = diff_tables(house.settings, old, new, keys={"table": ("id",)})
    counts = (change.rows, change.rows_before, change.inserted, change.updated, change.deleted)
    assert counts == (0, 0, 0, 0, 0)
