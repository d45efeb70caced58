"""The unmodified delta-sharing client, in an environment of its own, against a real server."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clearward.licensing import registry, tokens
from clearward.licensing.ledger import verify_ledger
from clearward.state.base import state_engine
from tests.acceptance.certificates import make_certificate
from tests.acceptance.test_delivery import make_licence, make_token, serving
from tests.unit.releases import factory
from tests.unit.releases.conftest import House

HERE = Path(__file__).parent
TABLE = f"clearward.{factory.PRODUCT}.{factory.PRODUCT}__encounter"
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    house = House(tmp_path_factory.mktemp("sharing") / "home")
    house.release()
    house.release("2024-06", patients=70)
    return house


@pytest.fixture(scope="module")
def server(house):
    with serving(house.settings) as url:
        yield url


@pytest.fixture(scope="module")
def buyers_python(tmp_path_factory):
    folder = tmp_path_factory.mktemp("buyer") / "venv"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    needed = HERE / "requirements-delta-sharing.txt"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", needed], check=True)
    return python


def buy(python, folder, profile, *, trusting=None):
    """Run the buyer's script in a folder that knows nothing of the project; ``trusting``: the
    certificate authority that the client's three HTTP libraries are told of, as the how-to says."""
    place = folder / "buyer.share"
    place.write_text(json.dumps(profile))
    moment = datetime.now(UTC).isoformat(timespec="seconds")
    script = HERE / "delta_sharing_buyer.py"
    told = dict.fromkeys(("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"), str(trusting)) if trusting else {}
    done = subprocess.run(
        [python, "-I", script, place, TABLE, moment],
        cwd=folder,
        env={**os.environ, **told},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def check_found(found):
    assert found["shares"] == ["clearward"] and found["schemas"] == [factory.PRODUCT]
    assert (found["version"], found["version_since"], found["protocol"]) == (1, 0, 1)
    for form in ("auto", "delta", "parquet"):
        seen = found[form]
        assert (seen["rows"], seen["version_0"], seen["as_of"]) == (70, 60, 70), form
        assert (seen["limit"], seen["hinted"]) == (7, 0), form
        assert seen["columns"] == found["columns"]
        assert seen["keys"] == found["auto"]["keys"]
    for form in ("delta", "parquet"):
        assert found[form]["changes_0"] == {"insert": 70}
        assert found[form]["changes_1"] == {"insert": 10}
        assert (found[form]["commits_0"], found[form]["commits_1"]) == ([0, 1], [1])


def test_a_bearer_profile_lists_loads_and_follows_changes(house, server, buyers_python, tmp_path):
    profile = {
        "shareCredentialsVersion": 1,
        "endpoint": f"{server}/delta-sharing/",
        "bearerToken": make_token(house, make_licence(house)),
    }
    check_found(buy(buyers_python, tmp_path, profile))
    assert verify_ledger(state_engine(house.settings.database)) > 0


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("tls"))


def test_over_tls_with_a_hospitals_own_authority_it_does_the_same(
    house, buyers_python, certificate, tmp_path
):
    token = make_token(house, make_licence(house, buyer="Over TLS"))
    with serving(house.settings, tls=certificate) as url:
        endpoint = f"{url}/delta-sharing"
        profile = {"shareCredentialsVersion": 1, "endpoint": endpoint, "bearerToken": token}
        check_found(buy(buyers_python, tmp_path, profile, trusting=certificate.authority))
        with pytest.raises(AssertionError, match="CERTIFICATE_VERIFY_FAILED"):
            buy(buyers_python, tmp_path, profile)


def test_a_client_secret_profile_does_the_same(house, server, buyers_python, tmp_path):
    engine, now = state_engine(house.settings.database), datetime.now(UTC)
    licence = make_licence(house, buyer="With A Client")
    made = tokens.make_client(engine, licence.id, expires_at=now + timedelta(hours=1), now=now)
    profile = {
        "shareCredentialsVersion": 2,
        "type": "oauth_client_credentials",
        "endpoint": f"{server}/delta-sharing",
        "tokenEndpoint": f"{server}/delta-sharing/oauth/token",
        "clientId": made.client_id,
        "clientSecret": made.client_secret,
    }
    check_found(buy(buyers_python, tmp_path, profile))


def test_after_revocation_the_client_hears_why(house, server, buyers_python, tmp_path):
    licence = make_licence(house, buyer="Has Ended")
    profile = {
        "shareCredentialsVersion": 1,
        "endpoint": f"{server}/delta-sharing",
        "bearerToken": make_token(house, licence),
    }
    registry.revoke_licence(state_engine(house.settings.database), licence.id)
    with pytest.raises(AssertionError, match="not in force"):
        buy(buyers_python, tmp_path, profile)
