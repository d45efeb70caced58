"""Marked copies: what they say of themselves, which gates they pass, and when there are none."""

import json
import shutil

import duckdb
import pytest

from clearward.errors import GateError, ReleaseError
from clearward.licensing.copies import copy_id, find_copy, make_copy
from clearward.licensing.copy_keys import secret_of_copy
from clearward.licensing.model import Copy
from clearward.releases.shelf import file_key, load_manifest
from clearward.releases.signing import load_public_key
from clearward.releases.verify import verify_release
from tests.unit.licensing import marked
from tests.unit.licensing.conftest import Office
from tests.unit.licensing.marked import COLUMN, PRODUCT, TABLE


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        yield marked.make(tmp_path_factory.mktemp("marked"), patch)


def canonical(office):
    key = load_public_key(office.keyring)
    return load_manifest(office.storage, PRODUCT, "1.0.0", public_key=key)


def build(office, licence, **changes):
    return make_copy(
        office.settings,
        office.keyring,
        office.storage,
        canonical=changes.get("canonical") or canonical(office),
        licence=licence,
    )


def marked_licence(office, buyer="Acme Research"):
    return office.licence(buyer=buyer, copy=Copy.MARKED)


def path_of(root, manifest, table=TABLE):
    return root / file_key(manifest, next(f for f in manifest.files if f.table == table))


def test_a_marked_copy_verifies_and_says_what_it_is(office):
    copy, release = build(office, marked_licence(office)), canonical(office)
    key = load_public_key(office.keyring)
    assert verify_release(copy.storage, key, product=PRODUCT, version="1.0.0").files > 15
    told = copy.manifest.facts["copy"]
    assert copy.copy is Copy.MARKED
    assert told["of_manifest_sha256"] == release.sha256
    assert told["of_tables_sha256"] == {f.table: f.sha256 for f in release.files if f.table}
    assert copy.manifest.content_sha256 == release.content_sha256
    marks = told["marks"]
    assert marks["is_marked"] is True and marks["columns"] == [f"{TABLE}.{COLUMN}"]
    assert marks["k"] >= 11 and marks["release_gate_checks"] > 10
    differences = marks["differences"][f"{TABLE}.{COLUMN}"]
    assert all(differences[name] <= most for name, most in marks["tolerances"].items())


def test_only_the_opened_column_differs_from_the_own_copy_and_below_clinical_precision(office):
    copy = build(office, marked_licence(office))
    own = build(office, office.licence())
    assert own.copy_id != copy.copy_id and "marks" not in own.manifest.facts["copy"]
    for entry in (f for f in own.manifest.files if f.table and f.table != TABLE):
        assert copy.manifest.file(entry.path) == entry
    old, new = path_of(own.storage.root, own.manifest), path_of(copy.storage.root, copy.manifest)
    rows, other, moved, far, cells = compared(old, new)
    assert (rows, other, cells) == (marked.ROWS, 0, 0)
    assert 0.09 < moved / rows < 0.16 and far == pytest.approx(0.01)


def compared(old, new):
    same = " AND ".join(
        f"a.{name} IS NOT DISTINCT FROM b.{name}"
        for name in ("patient_key", "hospital_id", "day", "code", "drawn_on", "month")
    )
    cell = "floor({}." + COLUMN + " * 10 + 0.5 + 1e-9)"
    return duckdb.sql(
        f"SELECT count(*), count(*) FILTER (NOT ({same})),"
        f" count(*) FILTER (a.{COLUMN} <> b.{COLUMN}), max(abs(a.{COLUMN} - b.{COLUMN})),"
        f" count(*) FILTER ({cell.format('a')} <> {cell.format('b')})"
        f" FROM '{old}' a JOIN '{new}' b USING (lab_cv_key)"
    ).fetchone()


def test_building_again_gives_the_same_bytes_and_no_two_licensees_the_same(office):
    licence = marked_licence(office)
    first = build(office, licence)
    shutil.rmtree(first.storage.root)
    assert build(office, licence).manifest.sha256 == first.manifest.sha256
    other = build(office, marked_licence(office, "Other Lab"))
    assert other.copy_id != first.copy_id
    assert not {f.sha256 for f in other.manifest.files if f.table == TABLE} & {
        f.sha256 for f in first.manifest.files if f.table == TABLE
    }


def test_the_machine_description_of_a_marked_copy_names_its_own_files(office):
    copy = build(office, marked_licence(office))
    entry = copy.manifest.file("croissant.json")
    text = (copy.storage.root / file_key(copy.manifest, entry)).read_text()
    named = {
        f["contentUrl"]: f["sha256"]
        for f in json.loads(text)["distribution"]
        if f["contentUrl"].startswith("data/")
    }
    assert named == {f.path: f.sha256 for f in copy.manifest.files if f.table}


def test_a_marked_copy_is_found_by_its_secret_for_a_recall(office):
    copy = build(office, marked_licence(office))
    secret = office.keyring.key("product", PRODUCT, "licensee|acme research")
    asked = {"copy_id": copy.copy_id, "canonical_sha256": copy.canonical_sha256}
    assert secret_of_copy(office.keyring, PRODUCT, "acme research", **asked) == secret


@pytest.mark.parametrize(
    ("patched", "value", "error", "words"),
    [
        ("copy_gates.LEAST_CELLS", 10**9, ReleaseError, "could trace nobody"),
        ("copy_gates.measure_risk", "two", ReleaseError, "misses its privacy bound"),
        ("copy_gates.borders.EXPECTATIONS", "narrow", GateError, "is red"),
        ("copy_tables.compare", "shifted", GateError, "Marks would change what the data say"),
    ],
)
def test_a_marked_copy_that_fails_a_gate_is_not_made(
    office, monkeypatch, tmp_path, patched, value, error, words
):
    made = {
        "two": lambda *_: type("Risk", (), {"k": 2}),
        "narrow": marked.write_suites(tmp_path, most=4) if value == "narrow" else None,
        "shifted": shifted,
    }
    monkeypatch.setattr(f"clearward.licensing.{patched}", made.get(value, value))
    licence = marked_licence(office, f"Unlucky {words}")
    with pytest.raises(error, match=words):
        build(office, licence)
    assert find_copy(office.settings, office.keyring, canonical(office), licence=licence) is None
    name = copy_id(office.keyring, canonical(office), licence.licensee, copy=Copy.MARKED)
    assert not list((office.settings.home / "copies").glob(f"*{name}*"))


def shifted(connection, column, *, before, after):
    """As if the marker had moved every value up."""
    from clearward.marking.preserved import compare

    moved = after.with_suffix(".moved")
    connection.execute(
        f"COPY (SELECT * REPLACE ({column.column} + 0.01 AS {column.column}) FROM '{after}')"
        f" TO '{moved}' (FORMAT parquet)"
    )
    return compare(connection, column, before=before, after=moved)


def test_marks_on_a_column_whose_last_digit_says_something_are_refused(tmp_path, monkeypatch):
    coarse = marked.lab(value="round(value * 20) / 20")
    house: Office = marked.make(tmp_path, monkeypatch, sql=coarse)
    with pytest.raises(GateError, match="last_digit"):
        build(house, marked_licence(house))


def test_secrets_are_not_in_the_store_the_copy_or_a_repr(office):
    from clearward.licensing.copies import _marks
    from clearward.licensing.copy_keys import every_code_keys, licensee_keys

    keys = licensee_keys(office.keyring, PRODUCT, "acme research")
    code = every_code_keys(office.keyring, PRODUCT)[0]
    copy = build(office, marked_licence(office))
    everywhere = copy.manifest.envelope + b"".join(
        p.read_bytes() for p in copy.storage.root.rglob("*") if p.is_file()
    )
    for secret in (keys.marks, keys.pseudonyms, code.places, code.biases):
        assert secret not in everywhere and secret.hex().encode() not in everywhere
    shown = repr(_marks(office.keyring, canonical(office), marked_licence(office)))
    assert shown == "Marks(1 columns)" and repr(code) == "CodeKeys()"
