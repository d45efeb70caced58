"""A buyer over a real connection: uvicorn on loopback, the buyer's own client, files on disk.

One release and one server for each store; each test has a licence of its own.
"""

import json
import os
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
import uuid
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from clearward.errors import LicenceError, ReleaseError, StorageBusyError
from clearward.licensing import registry
from clearward.licensing.client import Client
from clearward.licensing.model import Copy
from clearward.releases.signing import load_public_key
from clearward.state.base import state_engine
from clearward.storage import open_storage
from tests.unit.releases import factory
from tests.unit.releases.conftest import House

SERVER = """
import sys
from clearward.service.application import run
from clearward.settings import load_settings
tls = dict(zip(("certificate", "key", "base_url"), sys.argv[2:]))
run(load_settings(), port=int(sys.argv[1]), **tls)
"""


@pytest.fixture(scope="module", params=["file", pytest.param("s3", marks=pytest.mark.s3)])
def house(request, tmp_path_factory):
    """A published release; a test that changes the store puts it back."""
    folder = tmp_path_factory.mktemp("delivery")
    store, endpoint = f"file://{folder / 'store'}", ""
    if request.param == "s3":
        if not os.environ.get("CLEARWARD_TEST_S3"):
            pytest.skip("CLEARWARD_TEST_S3 is not set: run scripts/s3.sh start")
        bucket = os.environ.get("CLEARWARD_TEST_S3_BUCKET", "clearward-test")
        store, endpoint = f"s3://{bucket}/{uuid.uuid4().hex}", os.environ["CLEARWARD_TEST_S3"]
    house = House(folder / "home")
    house.settings = factory.moved(house.settings, store=store, endpoint=endpoint)
    house.storage = open_storage(house.settings)
    house.release()
    yield house
    for key in list(house.storage.list("")):
        house.storage.delete(key)


@contextmanager
def serving(settings, *, tls=None):
    """The delivery service in a process of its own, on loopback; ``tls``: `make_certificate`'s."""
    own = {
        "CLEARWARD_HOME": str(settings.home),
        "CLEARWARD_STORE": settings.store,
        "CLEARWARD_ENDPOINT": settings.endpoint,
    }
    port = free_port()
    with (settings.home / "server.log").open("w") as log:
        url = f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
        files = [str(tls.chain), str(tls.key), url] if tls else []
        command = [sys.executable, "-c", SERVER, str(port), *files]
        process = subprocess.Popen(
            command, env={**os.environ, **own}, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            wait_for(url, process, trusting=tls and tls.authority)
            yield url
        finally:
            process.terminate()
            process.wait(timeout=20)


@pytest.fixture(scope="module")
def server(house):
    with serving(house.settings) as url:
        yield url


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def wait_for(url, process, *, trusting=None):
    context = ssl.create_default_context(cafile=trusting) if trusting else None
    for _ in range(200):
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=1, context=context):
                return
        except OSError:
            assert process.poll() is None, "the server ended"
            time.sleep(0.1)
    raise AssertionError("the server did not come up")


def make_licence(house, buyer="Acme Research", **changes):
    now = datetime.now(UTC)
    return registry.create_licence(
        state_engine(house.settings.database),
        buyer=buyer,
        product=factory.PRODUCT,
        purpose="commercial_licensing",
        version_range="1.x",
        terms=b"the text",
        valid_from=now - timedelta(days=1),
        valid_until=now + timedelta(days=1),
        **changes,
    )


@pytest.fixture
def licence(house):
    return make_licence(house)


def make_token(house, licence):
    expires = datetime.now(UTC) + timedelta(hours=1)
    return registry.issue_token(
        state_engine(house.settings.database), licence.id, expires_at=expires
    )


@pytest.fixture
def token(house, licence):
    return make_token(house, licence)


@pytest.fixture
def client(server, token):
    return Client(server, token)


def test_a_buyer_lists_downloads_verifies_and_loads(house, client, tmp_path):
    assert [release["version"] for release in client.releases()] == ["1.0.0"]
    folder = tmp_path / "buyer"
    key = load_public_key(house.keyring)
    verified = client.download(factory.PRODUCT, "1.0.0", folder=folder, public_key=key)
    assert verified.files > 15
    checked = subprocess.run(
        ["sha256sum", "--check", "--quiet", "SHA256SUMS.txt"],
        cwd=folder,
        capture_output=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout
    sql = (folder / "load_duckdb.sql").read_text().replace("'data/", f"'{folder}/data/")
    assert duckdb.connect().execute(sql).fetchone() == (factory.PATIENTS,)
    loaded = subprocess.run(
        [sys.executable, "load_pandas.py"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert loaded.stdout == f"({factory.PATIENTS}, 7) patients x columns\n", loaded.stderr


def test_an_interrupted_download_goes_on_where_it_stopped(house, client, tmp_path):
    folder = tmp_path / "buyer"
    links = client.links(factory.PRODUCT, "1.0.0")["files"]
    parquet = next(f for f in links if f["path"].endswith(".parquet"))
    with urllib.request.urlopen(parquet["url"]) as answer:
        content = answer.read()
    partial = folder / (parquet["path"] + ".partial")
    partial.parent.mkdir(parents=True)
    partial.write_bytes(content[:100])
    key = load_public_key(house.keyring)
    client.download(factory.PRODUCT, "1.0.0", folder=folder, public_key=key)
    assert (folder / parquet["path"]).read_bytes() == content
    assert not partial.exists()


@pytest.fixture
def changed(house):
    """The house with a changed file in its store."""
    [path] = [k for k in house.storage.list(factory.PRODUCT) if "__patient/" in k]
    content = house.storage.get_bytes(path)
    house.storage.put_bytes(path, content[:-5] + b"XXXXX")
    yield house
    house.storage.put_bytes(path, content)


def test_no_copy_is_made_of_a_file_changed_in_the_store(changed, server, tmp_path):
    token = make_token(changed, make_licence(changed, buyer="Has no copy yet"))
    key = load_public_key(changed.keyring)
    with pytest.raises(StorageBusyError, match="busy"):
        Client(server, token).download(
            factory.PRODUCT, "1.0.0", folder=tmp_path / "buyer", public_key=key
        )
    assert not list((tmp_path / "buyer").rglob("*"))


def test_a_file_changed_in_the_store_does_not_reach_the_buyer(changed, server, tmp_path):
    token = make_token(changed, make_licence(changed, copy=Copy.CANONICAL))
    with pytest.raises(ReleaseError, match="not arrive as it was signed"):
        Client(server, token).download(
            factory.PRODUCT,
            "1.0.0",
            folder=tmp_path / "buyer",
            public_key=load_public_key(changed.keyring),
        )
    assert not list((tmp_path / "buyer").rglob("*patient/*.parquet"))


def test_a_buyer_with_another_public_key_gets_nothing(client, tmp_path):
    _, other = factory.make_settings(tmp_path / "other")
    with pytest.raises(ReleaseError, match="signature does not hold"):
        client.download(
            factory.PRODUCT, "1.0.0", folder=tmp_path / "b", public_key=load_public_key(other)
        )
    assert not list((tmp_path / "b").rglob("*"))


def test_the_buyer_hears_no_in_the_client_s_words(house, server, client, licence, tmp_path):
    with pytest.raises(LicenceError, match="unknown, expired or revoked"):
        Client(server, "cwt_x").releases()
    with pytest.raises(LicenceError, match="no such release"):
        client.links(factory.PRODUCT, "7.0.0")
    registry.revoke_licence(state_engine(house.settings.database), licence.id)
    with pytest.raises(LicenceError, match="not in force"):
        client.links(factory.PRODUCT, "1.0.0")
    with pytest.raises(LicenceError, match="unencrypted"):
        Client("http://example.org", "cwt_x").releases()
    with pytest.raises(StorageBusyError, match="out of reach"):
        Client("http://127.0.0.1:1", "cwt_x").releases()


def test_the_server_writes_no_token_and_no_signature_anywhere(house, client, token, tmp_path):
    links = client.links(factory.PRODUCT, "1.0.0")["files"]
    key = load_public_key(house.keyring)
    client.download(factory.PRODUCT, "1.0.0", folder=tmp_path / "buyer", public_key=key)
    log = (house.settings.home / "server.log").read_text()
    signatures = [file["url"].rpartition("=")[2] for file in links]
    assert not [s for s in (token, *signatures) if s in log]
    assert "?" not in log
    state_files = [p for p in house.settings.home.glob("state.db*") if p.is_file()]
    kept = b"".join(p.read_bytes() for p in state_files)
    assert state_files and not [s for s in (token, *signatures) if s.encode() in kept]
    assert token not in json.dumps(links)
