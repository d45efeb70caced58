"""Clients that are slow, old, greedy or odd, over real sockets; and wget, as a buyer uses it."""

import shutil
import socket
import subprocess
import time
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from clearward.licensing import registry
from clearward.licensing.client import Client
from clearward.licensing.model import Copy
from clearward.state.base import state_engine
from tests.acceptance.test_delivery import make_licence, make_token, serving
from tests.unit.releases import factory
from tests.unit.releases.conftest import House

pytestmark = pytest.mark.long
ONE = f"/v1/releases/{factory.PRODUCT}/1.0.0"


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    house = House(tmp_path_factory.mktemp("odd") / "home")
    house.release(patients=5000)
    return house


@pytest.fixture(scope="module")
def server(house):
    with serving(house.settings) as url:
        yield url


@pytest.fixture
def token(house):
    return make_token(house, make_licence(house))


def connect(server):
    parts = urlsplit(server)
    made = socket.create_connection((parts.hostname, parts.port), timeout=30)
    return closing(made)


def talk(server, data, *, wait=30):
    """Send bytes, read to the end of the connection."""
    with connect(server) as line:
        line.settimeout(wait)
        try:
            line.sendall(data)
            received = b""
            while piece := line.recv(65536):
                received += piece
        except ConnectionError:
            pass
        return received


def ask(method="GET", path="/health", *headers, version="1.1"):
    lines = [f"{method} {path} HTTP/{version}", "Host: x", *headers, "Connection: close", "", ""]
    return "\r\n".join(lines).encode()


def test_an_old_client_is_answered(server, token):
    answer = talk(
        server, ask("GET", "/v1/releases", f"Authorization: Bearer {token}", version="1.0")
    )
    assert answer.startswith(b"HTTP/1.1 200") and b'"releases"' in answer


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (ask("BREW"), b"405"),
        (ask("GET", "/files/../../etc/passwd"), b"40"),
        (ask("GET", "/health", "X: " + "a" * 100_000), b"431"),
        (ask("GET", "/" + "a" * 100_000), b"431"),
        (ask("GET", "/health", *(f"X-{n}: {n}" for n in range(5000))), b"431"),
        (ask("GET", "/health", "Content-Length: -5"), b"400"),
        (ask("POST", "/v1/releases", "Content-Length: 99999999999"), b"413"),
        (ask("POST", "/v1/releases", "Content-Length: 5", "Transfer-Encoding: chunked"), b"4"),
        (b"\x16\x03\x01\x02\x00\x01\x00", b"400"),
        (b"GET / HTTP/9.9\r\n\r\n", b"40"),
    ],
)
def test_an_odd_request_is_refused_and_the_service_stays(server, request_bytes, status):
    answer = talk(server, request_bytes)
    assert answer == b"" or answer.split(b" ", 2)[1].startswith(status), answer[:200]
    assert b"Traceback" not in answer
    assert talk(server, ask()).startswith(b"HTTP/1.1 200")


def test_a_client_that_never_ends_its_head_is_let_go(server):
    with connect(server) as line:
        line.settimeout(1)
        began = time.monotonic()
        for letter in "GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: aaaaaaaaaaaa":
            try:
                line.sendall(letter.encode())
            except OSError:
                break
            time.sleep(0.5)
            if time.monotonic() - began > 25:
                raise AssertionError("still listening")
        assert time.monotonic() - began < 20


def test_many_waiting_clients_do_not_keep_others_out(server, token):
    lines = [connect(server) for _ in range(200)]
    opened = [line.__enter__() for line in lines]
    try:
        for line in opened:
            line.sendall(b"GET /health HTTP/1.1\r\n")
        assert Client(server, token).releases()
    finally:
        for line in opened:
            line.close()


def test_a_slow_reader_is_cut_off_when_the_licence_ends(house, server):
    licence = make_licence(house, buyer="Slow Reader", copy=Copy.CANONICAL)
    client = Client(server, make_token(house, licence))
    big = max(client.links(factory.PRODUCT, "1.0.0")["files"], key=lambda file: file["bytes"])
    url = urlsplit(big["url"])
    with connect(server) as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        line.sendall(ask("GET", f"{url.path}?{url.query}"))
        line.recv(512)
        registry.revoke_licence(state_engine(house.settings.database), licence.id)
    assert talk(server, ask("GET", f"{url.path}?{url.query}")).startswith(b"HTTP/1.1 403")


@pytest.mark.skipif(not shutil.which("wget"), reason="wget is not installed")
def test_wget_fetches_everything_and_sha256sum_agrees(server, token, tmp_path):
    header = f"--header=Authorization: Bearer {token}"
    subprocess.run(["wget", "-q", header, f"{server}{ONE}/urls.txt"], cwd=tmp_path, check=True)
    fetch = ["wget", "-q", "--content-disposition", "-x", "-nH", "--cut-dirs=3", "-i", "urls.txt"]
    subprocess.run(fetch, cwd=tmp_path, check=True)
    check = ["sha256sum", "--check", "--quiet", "SHA256SUMS.txt"]
    done = subprocess.run(check, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert list((tmp_path / "data").rglob("*.parquet"))


def test_the_server_says_nothing_of_its_insides(house, server):
    said = talk(server, ask())
    assert b"uvicorn" not in said.lower()
    assert "Traceback" not in (house.settings.home / "server.log").read_text()
