"""The house end to end on a real hospital's month: extract in, candidate, approval, release out.

One Dagster run of a sample hospital serves every test of this file.
"""

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

from clearward.errors import ExtractError, GateError, ReleaseError
from clearward.keyring import init_keyring, load_keyring
from clearward.products.spec import load_product, product_names
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
from clearward.warehouse import Warehouse

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
MONTH, HOSPITAL = "2024-03", "renmin"
PRODUCT = "neurology"


def run_month(home: Path, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "orchestration.monthly", "--month", MONTH, *arguments]
    environment = {**os.environ, "CLEARWARD_HOME": str(home)}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A home after the monthly job of one hospital, nothing approved."""
    home = tmp_path_factory.mktemp("home")
    settings = load_settings({"CLEARWARD_HOME": str(home)})
    init_keyring(settings.keyring)
    migrate(state_engine(settings.database))
    sample = ROOT / "samples" / "extracts" / HOSPITAL / MONTH
    shutil.copytree(sample, settings.landing / HOSPITAL / MONTH)
    done = run_month(home)
    assert done.returncode == 0, done.stdout + done.stderr
    for gate in amber_gates(settings, PRODUCT, month=MONTH):
        sign_off(settings, product=PRODUCT, month=MONTH, gate=gate, by="Tester", reason="samples")
    return settings


@pytest.fixture
def house(finished, tmp_path):
    """A copy of it that a test may break."""
    shutil.copytree(finished.home, tmp_path / "home", dirs_exist_ok=True)
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
