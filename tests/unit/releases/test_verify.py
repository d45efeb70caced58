import base64
import json
import subprocess

import pytest

from clearward.errors import ReleaseError
from clearward.releases.manifest import MANIFEST_NAME, PREDICATE_TYPE, read_manifest
from clearward.releases.shelf import PUBLIC_KEY, file_key, load_manifest
from clearward.releases.signing import load_public_key, open_envelope, sign
from clearward.releases.verify import verify_release
from tests.unit.releases import factory
from tests.unit.releases.conftest import House


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    house = House(tmp_path_factory.mktemp("verify") / "home")
    house.release()
    return house


@pytest.fixture
def key(published):
    return load_public_key(published.storage.get_bytes(PUBLIC_KEY))


@pytest.fixture
def folder(published, tmp_path):
    """A release as a buyer would have it on disk."""
    manifest = load_manifest(published.storage, factory.PRODUCT, "1.0.0")
    for entry in manifest.files:
        path = tmp_path / entry.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(published.storage.get_bytes(file_key(manifest, entry)))
    (tmp_path / MANIFEST_NAME).write_bytes(manifest.envelope)
    return tmp_path


def test_a_whole_folder_holds(folder, key):
    verified = verify_release(folder, key, product=factory.PRODUCT, version="1.0.0")
    assert verified.files == len([p for p in folder.rglob("*") if p.is_file()]) - 1
    assert verified.metadata()["version"] == "1.0.0"


def test_sha256sum_agrees(folder):
    command = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS.txt"]
    assert subprocess.run(command, cwd=folder, check=False, capture_output=True).returncode == 0


def test_a_changed_byte_is_named(folder, key):
    path = folder / "README.md"
    path.write_bytes(b"X" + path.read_bytes()[1:])
    with pytest.raises(ReleaseError, match=r"1 changed: README\.md"):
        verify_release(folder, key)


def test_a_missing_file_is_named(folder, key):
    (folder / "privacy.json").unlink()
    with pytest.raises(ReleaseError, match=r"1 missing: privacy\.json"):
        verify_release(folder, key)


@pytest.mark.parametrize("name", ["extra.txt", "data/extra.parquet", ".hidden"])
def test_an_extra_file_is_named(folder, key, name):
    (folder / name).write_text("x")
    with pytest.raises(ReleaseError, match=f"1 extra: {name}"):
        verify_release(folder, key)


def test_a_folder_of_another_release_is_refused(folder, key):
    with pytest.raises(ReleaseError, match="another release"):
        verify_release(folder, key, version="2.0.0")


def test_a_folder_without_a_manifest_is_refused(tmp_path, key):
    with pytest.raises(ReleaseError, match=r"no manifest\.dsse\.json"):
        verify_release(tmp_path, key)


def test_another_key_does_not_hold(folder, tmp_path_factory):
    _, other = factory.make_settings(tmp_path_factory.mktemp("other"))
    with pytest.raises(ReleaseError, match="signature does not hold"):
        verify_release(folder, load_public_key(other))


def edit(folder, change):
    path = folder / MANIFEST_NAME
    envelope = json.loads(path.read_text())
    change(envelope)
    path.write_text(json.dumps(envelope))


def forge_version(envelope):
    statement = base64.b64decode(envelope["payload"]).replace(b"1.0.0", b"1.0.1")
    envelope["payload"] = base64.b64encode(statement).decode()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (forge_version, "signature does not hold"),
        (lambda e: e["signatures"].clear(), "signature does not hold"),
        (lambda e: e["signatures"][0].update(sig="AAAA"), "signature does not hold"),
        (lambda e: e.update(payloadType="text/plain"), "another type"),
        (lambda e: e.pop("payload"), "damaged"),
        (lambda e: e.update(payload="%%%"), "damaged"),
    ],
)
def test_a_touched_envelope_does_not_hold(folder, key, change, words):
    edit(folder, change)
    with pytest.raises(ReleaseError, match=words):
        verify_release(folder, key)


def test_an_envelope_that_is_no_json_is_damaged(folder, key):
    (folder / MANIFEST_NAME).write_bytes(b"\xff\x00")
    with pytest.raises(ReleaseError, match="damaged"):
        verify_release(folder, key)


def test_a_signed_statement_of_another_kind_is_no_manifest(published, key):
    statement = json.dumps({"predicateType": "urn:other", "predicate": {}}).encode()
    with pytest.raises(ReleaseError, match="cannot be understood"):
        read_manifest(sign(statement, published.keyring), key)


def test_subjects_that_differ_from_the_files_are_no_manifest(published, key):
    manifest = load_manifest(published.storage, factory.PRODUCT, "1.0.0")
    statement = json.loads(open_envelope(manifest.envelope, key))
    statement["subject"][0]["digest"]["sha256"] = "0" * 64
    with pytest.raises(ReleaseError, match="cannot be understood"):
        read_manifest(sign(json.dumps(statement).encode(), published.keyring), key)


def test_the_manifest_is_an_in_toto_statement_that_openssl_verifies(published, tmp_path):
    """The signature is over DSSE's pre-authentication encoding; nothing of ours is needed."""
    manifest = load_manifest(published.storage, factory.PRODUCT, "1.0.0")
    envelope = json.loads(manifest.envelope)
    payload = base64.b64decode(envelope["payload"])
    kind = envelope["payloadType"].encode()
    (tmp_path / "pae").write_bytes(
        b" ".join([b"DSSEv1", str(len(kind)).encode(), kind, str(len(payload)).encode(), payload])
    )
    (tmp_path / "sig").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
    (tmp_path / "key").write_bytes(published.storage.get_bytes(PUBLIC_KEY))
    command = "openssl pkeyutl -verify -pubin -inkey key -rawin -in pae -sigfile sig"
    done = subprocess.run(command.split(), cwd=tmp_path, check=False, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(payload)["predicateType"] == PREDICATE_TYPE


def test_a_file_added_beside_a_release_in_the_store_is_found(tmp_path, key):
    house = House(tmp_path / "home")
    house.release()
    manifest = load_manifest(house.storage, factory.PRODUCT, "1.0.0")
    house.storage.put_bytes(f"{factory.PRODUCT}/1.0.0/{manifest.base}/data/more.parquet", b"x")
    with pytest.raises(ReleaseError, match=r"1 extra: data/more\.parquet"):
        verify_release(
            house.storage, load_public_key(house.keyring), product=factory.PRODUCT, version="1.0.0"
        )


@pytest.mark.parametrize("pem", [b"", b"not a key", b"-----BEGIN PUBLIC KEY-----\nAAAA\n"])
def test_what_is_no_public_key_is_refused(pem):
    with pytest.raises(ReleaseError, match="cannot be read"):
        load_public_key(pem)
