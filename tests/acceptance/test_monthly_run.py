"""The house end to end on a real month of two hospitals: extract in, candidate, approval, release
out. Two Dagster runs serve every test of this file: one by one worker and one by two.

Both start from copies of one home. What a run draws or notes by the clock is settled there: the
keys, the ledger of consents, and the budget of samples, which is spent.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from clearward import audit
from clearward.consent.imports import read_consents
from clearward.consent.registry import load_events, verify_ledger
from clearward.errors import ExtractError, GateError, ProtectionError, ReleaseError
from clearward.keyring import init_keyring, load_keyring
from clearward.products.spec import load_product, product_names
from clearward.products.synthesis import load_synthesis
from clearward.quality.borders import judge_release, release_report
from clearward.quality.report import State, load_report, save_report
from clearward.releases.evidence import amber_gates
from clearward.releases.publish import approve, publish
from clearward.releases.shelf import list_releases
from clearward.releases.sign_off import sign_off
from clearward.releases.signing import load_public_key
from clearward.releases.verify import verify_release
from clearward.settings import load_settings
from clearward.sources.ingest import read_ingest_report
from clearward.sources.spec import load_spec
from clearward.state.base import state_engine
from clearward.state.migrate import migrate
from clearward.storage import open_storage
from clearward.synthetic import ledger
from clearward.warehouse import Warehouse

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
MONTH, HOSPITALS = "2024-03", ("lakeside", "renmin")
HOSPITAL = "renmin"  # the one that is large enough for k
PRODUCT = "neurology"
REPORTS = ("raw", "door", *product_names())
ZONES = ("warehouse", "candidates", *(f"reports/{name}" for name in REPORTS))


def run_month(home: Path, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "orchestration.monthly", "--month", MONTH, *arguments]
    environment = {**os.environ, "CLEARWARD_HOME": str(home)}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def homes(tmp_path_factory):
    """Settings of two homes, one run by one worker and one by two; nothing is approved."""
    root = tmp_path_factory.mktemp("homes")
    settle(load_settings({"CLEARWARD_HOME": str(root / "seed" / "home")}))
    for name, workers in (("one", 1), ("two", 2)):
        shutil.copytree(root / "seed", root / name)  # what opens the keyring lies beside a home
        done = run_month(root / name / "home", "--workers", str(workers))
        assert done.returncode == 0, done.stdout + done.stderr
    return [load_settings({"CLEARWARD_HOME": str(root / name / "home")}) for name in ("one", "two")]


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


@pytest.fixture(scope="module")
def finished(homes):
    """The home of two workers, its amber gates signed."""
    _, settings = homes
    for gate in amber_gates(settings, PRODUCT, month=MONTH):
        sign_off(settings, product=PRODUCT, month=MONTH, gate=gate, by="Tester", reason="samples")
    return settings


@pytest.fixture
def house(finished, tmp_path):
    """A copy of it that a test may break."""
    shutil.copytree(finished.home.parent, tmp_path, dirs_exist_ok=True)
    return load_settings({"CLEARWARD_HOME": str(tmp_path / "home")})


def release(settings, product=PRODUCT, **approval):
    return publish(
        settings,
        load_keyring(settings.keyring),
        open_storage(settings),
        product=product,
        month=MONTH,
        **approval,
    )


def hashes(settings):
    files = (p for zone in ZONES for p in (settings.home / zone).rglob("*") if p.is_file())
    return {
        str(path.relative_to(settings.home)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def test_one_worker_and_two_write_the_same_files_byte_for_byte(homes):
    one, two = map(hashes, homes)
    assert {name for name in one.keys() | two.keys() if one.get(name) != two.get(name)} == set()
    assert len([name for name in one if name.startswith("candidates/")]) > 100


def test_the_logs_of_two_writers_are_whole(homes):
    for settings in homes:
        database = state_engine(settings.database)
        assert audit.verify(database) > 0
        verify_ledger(database)


def test_two_workers_leave_nothing_behind(homes):
    _, two = homes
    assert list((two.home / "spill").iterdir()) == []
    assert list((two.home / "staging").iterdir()) == []


def test_the_job_stops_at_candidates(finished):
    candidates = finished.home / "candidates"
    assert sorted(p.name for p in candidates.iterdir()) == sorted(product_names())
    assert list_releases(open_storage(finished)) == ()


def test_counts_reconcile_to_the_row(finished):
    report = read_ingest_report(finished, hospital=HOSPITAL, month=MONTH)
    facts = report.metadata()
    manifest = json.loads(
        (finished.landing / HOSPITAL / MONTH / "manifest.json").read_text(encoding="utf-8")
    )
    assert facts["rows_in"] > 0
    assert facts["quarantined"] > 0
    assert facts["rows_in"] == facts["inserted"] + facts["quarantined"]
    warehouse = Warehouse(finished.warehouse)
    place = {"month": MONTH, "hospital": HOSPITAL}
    spec = load_spec(manifest["system"])
    for zone, expected in (("raw", "inserted"), ("quarantine", "quarantined")):
        files = [warehouse.partition(zone, spec.warehouse_name(t), **place) for t in spec.tables]
        rows = sum(pq.read_metadata(f).num_rows for f in files if f.exists())
        assert rows == facts[expected], zone


def test_no_identifier_of_a_patient_is_in_any_file_behind_the_door(finished):
    warehouse = Warehouse(finished.warehouse)
    patients = warehouse.partition("raw", "his__patients", month=MONTH, hospital=HOSPITAL)
    columns = ("patient_id", "name", "national_id", "phone", "address")
    known = {
        str(value)
        for row in duckdb.sql(f"SELECT {', '.join(columns)} FROM '{patients}'").fetchall()
        for value in row
        if value and len(str(value)) > 3
    }
    assert len(known) > 400
    files = [f for zone in ("deidentified", "core", "product", "protected")
             for f in (finished.warehouse / zone).rglob("*.parquet")]  # fmt: skip
    assert files
    leaks = [(f.parts[-4:], c) for f in files for c in text_columns(f) if values(f, c) & known]
    assert leaks == []


def text_columns(file):
    schema = pq.read_schema(file)
    return [name for name in schema.names if str(schema.field(name).type) in ("string", "utf8")]


def values(file, column):
    return {row[0] for row in duckdb.sql(f"SELECT DISTINCT \"{column}\" FROM '{file}'").fetchall()}


def test_a_candidate_needs_a_persons_approval(house):
    with pytest.raises(ReleaseError, match="approv"):
        release(house)
    approve(house, product=PRODUCT, month=MONTH, approved_by="Data board")
    published = release(house)
    verified = verify_release(
        open_storage(house),
        load_public_key(load_keyring(house.keyring)),
        product=PRODUCT,
        version=published.version,
    )
    assert (published.version, verified.files) == ("1.0.0", published.files)


def test_publishing_again_is_the_same_release(house):
    first = release(house, approved_by="Data board")
    again = release(house, approved_by="Data board")
    assert again.manifest_sha256 == first.manifest_sha256
    assert len(list_releases(open_storage(house), PRODUCT)) == 1


def test_a_red_gate_cannot_be_published_by_publishing_alone(house):
    folder = release_report(house, product=PRODUCT, month=MONTH)
    green = load_report(folder)
    first, *rest = green.checks
    save_report(replace(green, checks=(replace(first, state=State.FAIL, failed=1), *rest)), folder)
    with pytest.raises(GateError):
        release(house, approved_by="Somebody in a hurry")
    assert list_releases(open_storage(house)) == ()


def test_a_table_that_turned_bad_is_red_and_does_not_get_out(house):
    spec = load_product(PRODUCT)
    table = next(t for t in spec.tables if t.entity == "patient")
    path = Warehouse(house.warehouse).partition("protected", spec.table_name(table), month=MONTH)
    broken = duckdb.sql(f"SELECT * REPLACE (NULL::VARCHAR AS patient_key) FROM '{path}'")
    broken.write_parquet(str(path))
    assert not judge_release(house, product=PRODUCT, month=MONTH).is_green
    with pytest.raises((GateError, ReleaseError)):
        release(house, approved_by="Somebody in a hurry")
    assert list_releases(open_storage(house)) == ()


def test_a_green_report_for_other_files_does_not_help(house):
    spec = load_product(PRODUCT)
    path = Warehouse(house.warehouse).partition(
        "protected", spec.table_name(spec.tables[0]), month=MONTH
    )
    duckdb.sql(f"SELECT * FROM '{path}' LIMIT 20").write_parquet(str(path))
    with pytest.raises((GateError, ReleaseError)):
        release(house, approved_by="Somebody in a hurry")
    assert list_releases(open_storage(house)) == ()


def test_a_second_run_changes_nothing_and_says_so(finished):
    before = fingerprint(finished)
    again = run_month(finished.home)
    assert again.returncode == 0
    assert "nothing changed" in again.stdout
    assert fingerprint(finished) == before


def fingerprint(settings):
    files = sorted(settings.warehouse.rglob("*.parquet"))
    return [(str(f), f.stat().st_mtime_ns, f.stat().st_size) for f in files]


def test_a_broken_file_stops_its_hospital_with_a_reason_and_builds_nothing(tmp_path):
    settings = load_settings({"CLEARWARD_HOME": str(tmp_path)})
    init_keyring(settings.keyring)
    migrate(state_engine(settings.database))
    target = settings.landing / HOSPITAL / MONTH
    shutil.copytree(ROOT / "samples" / "extracts" / HOSPITAL / MONTH, target)
    largest = max(target.iterdir(), key=lambda p: p.stat().st_size)
    largest.write_bytes(largest.read_bytes()[:-10])
    done = run_month(tmp_path)
    assert done.returncode == ExtractError.exit_code
    assert largest.name in done.stdout
    assert "Traceback" not in done.stdout
    assert list(settings.warehouse.rglob("*.parquet")) == []
