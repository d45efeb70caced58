"""The whole demo where there is no network: it runs, and nothing even asks for one.

A library that phones home mostly hides its failure. So besides the namespace, which lets nothing
out, every Python process of the run writes down whom it asks for.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
INSIDE = ["unshare", "--map-root-user", "--net"]
WITNESS = """
import os, sys

def _witness(name, arguments):
    if name == "socket.connect":
        asked = arguments[1]
    elif name == "socket.getaddrinfo":
        asked = arguments[:2]
    else:
        return
    host = asked[0] if isinstance(asked, tuple) else ""  # a path is a socket of this machine
    host = host.decode() if isinstance(host, bytes) else host
    if host and host not in ("127.0.0.1", "localhost", "::1", "0.0.0.0"):
        with open(os.environ["WITNESS_FILE"], "a") as file:
            file.write(f"{name} {host} by {sys.argv[:2]}\\n")

sys.addaudithook(_witness)
"""


def _possible() -> bool:
    try:
        return subprocess.run([*INSIDE, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@pytest.fixture
def inside(tmp_path):
    """Runs a command with loopback only; returns it and what was asked for outside."""
    if not _possible():
        pytest.skip("this machine lets nobody make a network namespace")
    (tmp_path / "witness").mkdir()
    (tmp_path / "witness" / "sitecustomize.py").write_text(WITNESS)
    record = tmp_path / "asked"

    def run(*command: str) -> tuple[subprocess.CompletedProcess, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("CLEARWARD_", "DAGSTER_"))}
        for name in ("GX_ANALYTICS_ENABLED", "DBT_SEND_ANONYMOUS_USAGE_STATS", "DO_NOT_TRACK"):
            kept.pop(name, None)  # nobody may have to set anything for silence
        environment = {
            **kept,
            "CLEARWARD_HOME": str(tmp_path / "home"),
            "PYTHONPATH": str(tmp_path / "witness"),
            "WITNESS_FILE": str(record),
        }
        script = str(Path(__file__).with_name("loopback_only.py"))
        done = subprocess.run(
            [*INSIDE, sys.executable, script, *command],
            cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done, record.read_text() if record.exists() else ""

    return run


def test_the_witness_sees_who_asks(inside):
    code = "import socket; socket.create_connection(('203.0.113.7', 80), timeout=1)"
    done, asked = inside(sys.executable, "-c", code)
    assert done.returncode != 0
    assert "203.0.113.7" in asked


def test_the_demo_needs_no_network_and_asks_for_none(inside, tmp_path):
    done, asked = inside(str(Path(sys.executable).with_name("clearward")), "demo")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "every hash and the signature hold" in done.stdout
    assert len(list((tmp_path / "home" / "store").rglob("manifest.dsse.json"))) == 9
    assert asked == ""
