"""``clearward trace``: whose copy a file is, from one row on, and nobody's when it is nobody's."""

import json

import duckdb
import pytest
from typer.testing import CliRunner

from clearward.cli.main import app
from clearward.errors import LicenceError, ReleaseError
from clearward.licensing.copies import make_copy
from clearward.licensing.model import Copy
from clearward.licensing.trace_report import Way
from clearward.licensing.tracing import trace_file
from clearward.releases.shelf import file_key, load_manifest
from clearward.releases.signing import load_public_key
from tests.unit.licensing import marked
from tests.unit.licensing.marked import COLUMN, PRODUCT, TABLE

BUYERS = ("Acme Research", "Other Lab", "Third Party")
BYSTANDERS = [f"Bystander {n}" for n in range(12)]
VALUES = f"hospital_id, day, code, {COLUMN}"


class Crime:
    """Three licensees' marked copies, and whatever somebody makes of them."""

    def __init__(self, office, folder):
        self.office, self.folder = office, folder
        key = load_public_key(office.keyring)
        self.release = load_manifest(office.storage, PRODUCT, "1.0.0", public_key=key)
        self.copies = [self._copy(buyer) for buyer in BUYERS]
        for buyer in BYSTANDERS:
            office.licence(buyer=buyer)
        self.canonical = office.storage.root / file_key(self.release, self._lab(self.release))

    def _copy(self, buyer):
        made = make_copy(
            self.office.settings,
            self.office.keyring,
            self.office.storage,
            canonical=self.release,
            licence=self.office.licence(buyer=buyer, copy=Copy.MARKED),
        )
        return made.storage.root / file_key(made.manifest, self._lab(made.manifest))

    def _lab(self, manifest):
        return next(f for f in manifest.files if f.table == TABLE)

    def leak(self, query, name="leak.csv"):
        form = "FORMAT parquet" if name.endswith("parquet") else "HEADER"
        duckdb.sql(f"COPY ({query}) TO '{self.folder / name}' ({form})")
        return self.folder / name

    def trace(self, query, name="leak.csv", **asked):
        path = self.leak(query, name)
        asked = {"product": PRODUCT, **asked}
        office = self.office
        return trace_file(office.settings, office.keyring, office.storage, path, **asked)


@pytest.fixture(scope="module")
def crime(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("crime")
        yield Crime(marked.make(folder, patch), folder)


@pytest.mark.parametrize("column", ["patient_key", "lab_cv_key"])
def test_one_row_names_its_licensee_by_any_key_under_any_name(crime, column):
    report = crime.trace(f"SELECT upper({column}) AS id FROM '{crime.copies[1]}' LIMIT 1")
    assert report.accused == ("other lab",)
    [proof] = [s for s in report.found.suspicions if s.is_accused]
    assert (proof.way, proof.matched, proof.of) == (Way.NAMES, 1, 1)
    assert proof.chance < 1e-15


def test_a_file_of_two_copies_names_both_and_only_both(crime):
    halves = " UNION ALL ".join(f"(SELECT * FROM '{p}' LIMIT 50)" for p in crime.copies[:2])
    report = crime.trace(halves, "two.parquet")
    assert report.accused == ("acme research", "other lab") and "several" in report.notes


def test_without_keys_calendar_days_name_the_licensee(crime):
    report = crime.trace(
        f"SELECT day, code, drawn_on, hospital_id FROM '{crime.copies[2]}' ORDER BY hash(day)"
    )
    assert report.accused == ("third party",)
    assert {s.way for s in report.found.suspicions if s.is_accused} == {Way.DAYS}


def test_without_keys_and_days_marks_name_the_licensee(crime):
    report = crime.trace(f"SELECT {COLUMN}, code, day FROM '{crime.copies[0]}' WHERE day % 4 = 1")
    assert report.accused == ("acme research",)
    [proof] = [s for s in report.found.suspicions if s.is_accused]
    assert proof.way is Way.MARKS and proof.z > report.found.needed_z > 5
    assert report.found.highest_innocent_z < report.found.needed_z
    assert (report.found.version, report.found.table) == ("1.0.0", TABLE)
    assert set(report.found.columns) == {"day", "code", COLUMN}


@pytest.mark.parametrize("how", ["avg(v)", "min(v)", "max(v)", "median(v)", "arg_min(v, h)"])
def test_three_colluders_without_keys_are_all_named(crime, how):
    every = " UNION ALL ".join(
        f"SELECT {VALUES.replace(COLUMN, f'{COLUMN} AS v')}, hash(day || code || '{n}') AS h"
        f" FROM '{path}'"
        for n, path in enumerate(crime.copies)
    )
    report = crime.trace(
        f"SELECT hospital_id, day, code, {how} AS {COLUMN} FROM ({every})"
        " GROUP BY ALL HAVING count(*) = 3".replace("GROUP BY ALL", "GROUP BY 1, 2, 3")
    )
    assert report.accused == tuple(sorted(b.casefold() for b in BUYERS))


def test_rounding_destroys_marks_and_the_report_says_so(crime):
    report = crime.trace(
        f"SELECT hospital_id, day, code, round({COLUMN}, 1) AS {COLUMN} FROM '{crime.copies[0]}'"
    )
    assert report.accused == ()
    assert {"rounded", "no_keys", "nobody"} <= set(report.notes)
    assert report.found.rows > 10_000


def test_rounding_does_not_destroy_keys(crime):
    report = crime.trace(
        f"SELECT patient_key, round({COLUMN}, 1) AS {COLUMN} FROM '{crime.copies[0]}' LIMIT 3"
    )
    assert report.accused == ("acme research",)


def test_the_release_itself_names_nobody_and_is_called_by_its_name(crime):
    report = crime.trace(f"SELECT {VALUES} FROM '{crime.canonical}'")
    assert report.accused == () and "unmarked" in report.notes
    report = crime.trace(f"SELECT * EXCLUDE drawn_on FROM '{crime.canonical}' LIMIT 5")
    assert report.accused == () and "canonical" in report.notes


def test_one_row_without_keys_or_a_strangers_file_names_nobody(crime):
    report = crime.trace(f"SELECT {VALUES}, drawn_on FROM '{crime.copies[0]}' LIMIT 1")
    assert report.accused == ()
    report = crime.trace("SELECT 'x' AS code, 7 AS day, left(md5('a'), 20) AS patient_key")
    assert report.accused == () and report.found.rows == 0


def test_a_planted_key_does_not_hide_whose_the_other_rows_are(crime):
    planted = (
        f"SELECT NULL AS patient_key, {VALUES} FROM '{crime.copies[0]}' UNION ALL"
        f" (SELECT patient_key, {VALUES} FROM '{crime.copies[1]}' LIMIT 1)"
    )
    assert crime.trace(planted).accused == ("acme research", "other lab")


def test_asking_for_another_version_product_or_bound(crime):
    with pytest.raises(ReleaseError, match=r"no release 9\.9\.9"):
        crime.trace("SELECT 1 AS a", version="9.9.9")
    with pytest.raises(ReleaseError, match="no release to compare"):
        crime.trace("SELECT 1 AS a", product="neurology")
    with pytest.raises(LicenceError, match="A bound is a chance"):
        crime.trace("SELECT 1 AS a", bound=1.0)
    one = f"SELECT patient_key FROM '{crime.copies[0]}' LIMIT 1"
    assert crime.trace(one, product="").accused == ("acme research",)


def test_the_report_is_the_same_again_and_holds_no_secret_and_no_value(crime):
    query = (
        f"SELECT {COLUMN}, code, day, patient_key FROM '{crime.copies[0]}' ORDER BY ALL LIMIT 900"
    )
    report, again = crime.trace(query), crime.trace(query)
    assert report.to_json() == again.to_json()
    document = json.loads(report.to_json())
    assert document["accused"] == ["acme research"]
    assert document["file_sha256"] and document["manifest_sha256"] == crime.release.sha256
    keys = duckdb.sql(f"SELECT DISTINCT patient_key FROM ({query})").fetchall()
    assert keys and not any(key in report.to_json() for (key,) in keys)
    for language, nobody in (("en", "ACCUSED"), ("zh", "指认")):
        text = report.to_text(language)
        assert "acme research" in text and nobody in text and report.file_sha256 in text
        assert "{" not in text


def test_on_the_command_line(crime, monkeypatch):
    monkeypatch.setenv("CLEARWARD_HOME", str(crime.office.settings.home))
    path = crime.leak(f"SELECT patient_key FROM '{crime.copies[0]}' LIMIT 1")
    found = CliRunner().invoke(app, ["trace", str(path), "--product", PRODUCT, "--language", "zh"])
    assert found.exit_code == 0 and "acme research" in found.output
    path = crime.leak("SELECT 'none' AS patient_key")
    found = CliRunner().invoke(app, ["trace", str(path), "--json"])
    assert found.exit_code == 1 and json.loads(found.output)["accused"] == []
