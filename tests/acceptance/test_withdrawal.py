"""A withdrawal from end to end: a hospital's extract in, a release bought, two patients withdraw
(one at the command line, one in the next extract), and whatever has them learns it.

One long story per database; its steps are functions, in the order they happen.
"""

import csv
import hashlib
import io
import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
import sqlalchemy as sa

from clearward import audit
from clearward.errors import LicenceError
from clearward.keyring import init_keyring, load_keyring, pseudonym
from clearward.licensing import ledger, registry
from clearward.licensing.client import Client
from clearward.products.spec import product_names
from clearward.releases.shelf import file_key, list_releases, load_manifest
from clearward.releases.signing import load_public_key
from clearward.releases.verify import verify_release
from clearward.settings import load_settings
from clearward.state.base import state_engine
from clearward.state.migrate import migrate
from clearward.state.models import RecallEntry
from clearward.storage import open_storage
from clearward.warehouse import Warehouse
from tests.servers import own_database

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "samples" / "extracts"
FIRST, SECOND = "2024-03", "2024-04"
HOSPITAL, PATIENTS = "renmin", "his__patients"  # the sample hospital that is large enough for k
PRODUCT = "cardiology"
SERVER = """
import sys
from clearward.service.application import run
from clearward.settings import load_settings
run(load_settings(), port=int(sys.argv[1]))
"""


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def settings(request, tmp_path, monkeypatch):
    monkeypatch.setenv("CLEARWARD_HOME", str(tmp_path / "home"))
    for name in ("CLEARWARD_STORE", "CLEARWARD_KEYRING", "CLEARWARD_DATABASE", "DAGSTER_HOME"):
        monkeypatch.delenv(name, raising=False)
    with database(request.param) as url:
        if url:
            monkeypatch.setenv("CLEARWARD_DATABASE", url)
        settings = load_settings()
        init_keyring(settings.keyring)
        migrate(state_engine(settings.database))
        yield settings


@contextmanager
def database(kind):
    """A database of this test's own: a file under its home, or one on the test server."""
    if kind == "sqlite":
        yield ""
        return
    with own_database("withdrawal") as url:
        yield url


def land(settings, month, *, refusing=()):
    """Put a sample extract in the landing folder; ``refusing`` adds withdrawals of patient ids."""
    target = settings.landing / HOSPITAL / month
    shutil.copytree(SAMPLES / HOSPITAL / month, target)
    if not refusing:
        return
    consents = target / "consents.csv"
    rows = list(csv.DictReader(io.StringIO(consents.read_text(encoding="utf-8"))))
    blank = dict.fromkeys(rows[0], "")
    rows += [
        blank
        | {
            "patient_id": patient,
            "purpose": "commercial_licensing",
            "decision": "withdraw",
            "decided_at": "2024-04-20T09:00:00Z",
            "guardian": "false",
        }
        for patient in refusing
    ]
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, fieldnames=list(blank), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    consents.write_text(buffer.getvalue(), encoding="utf-8")
    name_again(target, consents.name, rows=len(rows))


def name_again(folder, name, *, rows):
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    [entry] = [f for f in manifest["files"] if f["name"] == name]
    content = (folder / name).read_bytes()
    entry |= {
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "rows": rows,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def run_month(month):
    command = [sys.executable, "-m", "orchestration.monthly", "--month", month]
    command += ["--approve", "Data board", "--sign-off", "few invented patients: G4 is amber"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def clearward(*arguments, allowed=(0,)):
    done = subprocess.run(
        [sys.executable, "-m", "clearward", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in allowed, done.stdout + done.stderr
    return done.stdout


def published_patients(settings, version):
    """Pseudonyms in the patient file of a published version."""
    storage = open_storage(settings)
    key = load_public_key(load_keyring(settings.keyring))
    manifest = load_manifest(storage, PRODUCT, version, public_key=key)
    [entry] = [f for f in manifest.files if f.table == f"{PRODUCT}__patient"]
    path = storage.root / file_key(manifest, entry)
    return {key for (key,) in duckdb.sql(f"SELECT patient_key FROM '{path}'").fetchall()}


def two_published(settings, version):
    """Natural id and row key of two patients of the hospital who are in the version."""
    path = Warehouse(settings.warehouse).partition("raw", PATIENTS, month=FIRST, hospital=HOSPITAL)
    key = load_keyring(settings.keyring).key("product", PRODUCT)
    published = published_patients(settings, version)
    rows = duckdb.sql(f"SELECT patient_id, row_key FROM '{path}' ORDER BY row_key").fetchall()
    found = [(str(i), row) for i, row in rows if pseudonym(key, row) in published]
    assert len(found) > 1, f"nobody of {HOSPITAL} is in {version}"
    return found[0], found[-1]


@contextmanager
def service():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(port)], cwd=ROOT)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{url}/health", timeout=1).close()
                break
            except OSError:
                assert process.poll() is None, "the server ended"
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=20)


def buyer(settings, name):
    database, now = state_engine(settings.database), datetime.now(UTC)
    licence = registry.create_licence(
        database,
        buyer=name,
        product=PRODUCT,
        purpose="commercial_licensing",
        version_range="1.x",
        terms=b"the text",
        valid_from=now - timedelta(days=1),
        valid_until=now + timedelta(days=60),
    )
    return licence, registry.issue_token(database, licence.id, expires_at=now + timedelta(days=30))


def downloaded_patients(folder):
    path = next((folder / "data" / f"{PRODUCT}__patient").glob("*.parquet"))
    return {key for (key,) in duckdb.sql(f"SELECT patient_key FROM '{path}'").fetchall()}


def test_a_withdrawal_reaches_everything_that_has_the_patient(settings, tmp_path):
    keyring = load_keyring(settings.keyring)
    public_key, database = load_public_key(keyring), state_engine(settings.database)
    land(settings, FIRST)
    run_month(FIRST)
    published = {release.product for release in list_releases(open_storage(settings))}
    assert published == set(product_names())
    is_file = database.dialect.name == "sqlite"
    assert (settings.home / "state.db").exists() is is_file
    (_, at_the_desk), (sent_id, in_the_file) = two_published(settings, "1.0.0")
    product_key = keyring.key("product", PRODUCT)
    gone = {pseudonym(product_key, row) for row in (at_the_desk, in_the_file)}

    licence, token = buyer(settings, "Example Pharma")
    _, other_token = buyer(settings, "Other Lab")
    with service() as url:
        client, other = Client(url, token), Client(url, other_token)
        folder, others = tmp_path / "buyer", tmp_path / "other"
        client.download(PRODUCT, "1.0.0", folder=folder, public_key=public_key)
        other.download(PRODUCT, "1.0.0", folder=others, public_key=public_key)
        assert not downloaded_patients(folder) & downloaded_patients(others)
        assert len(downloaded_patients(folder)) == len(published_patients(settings, "1.0.0"))
        received = {r.licensee for r in ledger.received_by(database, PRODUCT, "1.0.0")}
        assert received == {"example pharma", "other lab"}

        clearward(
            *("consent", "withdraw", "--hospital", HOSPITAL),
            *("--month", SECOND, "--patient-key", at_the_desk),
        )
        land(settings, SECOND, refusing=[sent_id])
        run_month(SECOND)
        clearward("recall", "run")
        # the law's deadline, which may come before k patients have withdrawn
        known_long_ago(database)
        clearward("recall", "run")

        newest = list_releases(open_storage(settings), PRODUCT)[-1].version
        assert newest != "1.0.0"
        assert not gone & published_patients(settings, newest)
        assert gone <= published_patients(settings, "1.0.0")
        with pytest.raises(LicenceError, match="covers no such release"):
            client.links(PRODUCT, "1.0.0")
        assert [r["version"] for r in client.releases()] == [newest]
        fresh = tmp_path / "fresh"
        client.download(PRODUCT, newest, folder=fresh, public_key=public_key)

        secret = keyring.key("product", PRODUCT, f"licensee|{licence.licensee}")
        expected = expected_names(settings, keyring, secret, downloaded_patients(folder))
        assert {pseudonym(secret, key) for key in gone} <= expected
        assert not expected & downloaded_patients(fresh)
        [note] = client.recalls()
        asked = client.fetch_recall(note["id"], folder=tmp_path / "recalls", public_key=public_key)
        assert [(r["version"], r["copy"]) for r in asked["recalled"]] == [("1.0.0", "own")]
        assert set(asked["recalled"][0]["patient_keys"]) == expected
        with pytest.raises(LicenceError, match="no such release or list"):
            other.fetch_recall(note["id"], folder=tmp_path / "x", public_key=public_key)

        clearward("recall", "report", allowed=(1,))
        kept = tmp_path / "recalls" / f"{note['id']}.dsse.json"
        done = client.attest(kept, by="A. Officer", deleted_at=datetime.now(UTC))
    report = json.loads(clearward("recall", "report", "--json", allowed=(1,)))
    states = {row["licensee"]: row["recall"] for row in report["deliveries"]}
    assert done["state"] == "confirmed"
    assert states == {"example pharma": "confirmed", "other lab": "pending"}
    assert ledger.verify_ledger(database) > 50
    assert audit.verify(database) > 50
    clearward("audit", "verify")
    assert verify_release(fresh, public_key).version == newest


def known_long_ago(database):
    """The days pass for what waits; the consent ledger itself lets nobody change a date."""
    stamp = audit.utc_text(datetime.now(UTC) - timedelta(days=16))
    with database.begin() as connection:
        connection.execute(sa.update(RecallEntry).values(known_at=stamp))


def expected_names(settings, keyring, secret, held):
    """What the buyer must delete, from the hospital's consent events alone: everybody published in
    1.0.0 who is not on the second month's list of subjects although they had been on the first's.
    """
    warehouse = Warehouse(settings.warehouse)
    before, after = (
        duckdb.sql(
            "SELECT DISTINCT patient_key FROM "
            f"'{warehouse.partition('cleared', 'subject', month=month, hospital=HOSPITAL)}'"
            " WHERE purpose = 'commercial_licensing'"
        ).fetchall()
        for month in (FIRST, SECOND)
    )
    key = keyring.key("product", PRODUCT)
    names = {pseudonym(secret, pseudonym(key, row)) for (row,) in set(before) - set(after)}
    return names & held
