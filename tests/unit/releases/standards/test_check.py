"""No document that machines read is believed: each is spoilt in every fact it states, one by one,
and the release refused."""

import json
import re
import subprocess
import sys
from datetime import date

import pytest

from clearward.errors import ReleaseError
from clearward.releases import standards
from clearward.releases.issue import issue_candidate
from clearward.releases.standards import (
    contract,
    croissant,
    datasheet,
    frictionless,
    healthdcat,
    healthdcat_check,
    policy,
    provenance,
    run_events,
)
from clearward.releases.standards.check import check
from tests.unit.releases import factory
from tests.unit.releases.conftest import House

TABLE = f"{factory.PRODUCT}__patient"
ROWS = factory.PATIENTS


def test_a_release_as_it_was_built_passes(folder, issued, product):
    check(folder, issued.files, product, version="1.0.0")


@pytest.mark.parametrize("name", sorted(standards.WRITERS))
def test_a_missing_document_refuses_the_release(folder, issued, product, name):
    (folder / name).unlink()
    with pytest.raises(ReleaseError, match=f"lacks {name}"):
        check(folder, issued.files, product, version="1.0.0")


@pytest.mark.parametrize("name", sorted(standards.WRITERS))
@pytest.mark.parametrize("content", [b"{}", b"\xff\xfe", b"null"])
def test_a_document_of_anything_else_refuses_the_release(folder, issued, product, name, content):
    (folder / name).write_bytes(content)
    with pytest.raises(ReleaseError):
        check(folder, issued.files, product, version="1.0.0")


def entry_of(issued):
    return next(entry for entry in issued.files if entry.table == TABLE)


def hash_changed(text, entry):
    other = ("0" if entry.sha256[0] != "0" else "1") + entry.sha256[1:]
    return re.sub(f"(?<!part-){entry.sha256}", other, text)


def path_changed(text, entry):
    return text.replace(entry.path, entry.path.replace("part-", "part_"))


def size_changed(text, entry):
    return re.sub(rf"(?<![0-9a-f]){entry.bytes}(?![0-9a-f])", str(entry.bytes + 1), text)


def column_changed(text, _entry):
    return text.replace("region_l1", "region_l2")


def column_dropped(text, _entry):
    document = json.loads(text)
    for table in document.get("recordSet", []):
        table["field"] = [f for f in table["field"] if f["name"] != "region_l1"]
    for table in document.get("resources", []):
        table["schema"]["fields"] = [
            f for f in table["schema"]["fields"] if f["name"] != "region_l1"
        ]
    return json.dumps(document)


def rows_in(pattern):
    """The first count that follows a pattern, one higher."""

    def change(text, _entry):
        return re.sub(rf"({pattern}){ROWS}\b", rf"\g<1>{ROWS + 1}", text, count=1)

    return change


def replaced(old, new):
    return lambda text, _entry: text.replace(old, new, 1)


SPOILT = {
    (croissant.NAME, "hash"): hash_changed,
    (croissant.NAME, "path"): path_changed,
    (croissant.NAME, "size"): size_changed,
    (croissant.NAME, "rows"): rows_in(r'/rows",\s*"dataType": "sc:Integer",\s*"value": '),
    (croissant.NAME, "column"): column_changed,
    (croissant.NAME, "dropped column"): column_dropped,
    (croissant.NAME, "type"): replaced('"dataType": "sc:Float"', '"dataType": "sc:Text"'),
    (croissant.NAME, "source"): replaced('"column": "sex"', '"column": "region_l1"'),
    (frictionless.NAME, "hash"): hash_changed,
    (frictionless.NAME, "path"): path_changed,
    (frictionless.NAME, "size"): size_changed,
    (frictionless.NAME, "column"): column_changed,
    (frictionless.NAME, "dropped column"): column_dropped,
    (frictionless.NAME, "type"): replaced('"type": "number"', '"type": "string"'),
    (contract.NAME, "column"): column_changed,
    (contract.NAME, "type"): replaced("physicalType: VARCHAR", "physicalType: BIGINT"),
    (contract.NAME, "logical type"): replaced("logicalType: string", "logicalType: integer"),
    (contract.NAME, "word of the standard"): replaced("kind: DataContract", "sort: DataContract"),
    (healthdcat.NAME, "hash"): hash_changed,
    (healthdcat.NAME, "path"): path_changed,
    (healthdcat.NAME, "size"): size_changed,
    (healthdcat.NAME, "rows"): rows_in('rowCount "'),
    (healthdcat.NAME, "people"): rows_in('numberOfUniqueIndividuals "'),
    (healthdcat.NAME, "records"): replaced('numberOfRecords "', 'numberOfRecords "1'),
    (healthdcat.NAME, "column"): column_changed,
    (healthdcat.NAME, "type"): replaced('csvw:datatype "string"', 'csvw:datatype "integer"'),
    (provenance.NAME, "hash"): lambda text, entry: text.replace(
        f'"@id": "urn:sha256:{entry.sha256}",', '"@id": "urn:sha256:0",', 1
    ),
    (provenance.NAME, "every hash"): hash_changed,
    (provenance.NAME, "path"): path_changed,
    (provenance.NAME, "rows"): rows_in('"own:rows": '),
    (provenance.NAME, "extracts"): replaced("own:Extract", "own:Guess"),
    (run_events.NAME, "hash"): hash_changed,
    (run_events.NAME, "path"): path_changed,
    (run_events.NAME, "size"): size_changed,
    (run_events.NAME, "rows"): rows_in('"rowCount": '),
    (run_events.NAME, "column"): column_changed,
    (run_events.NAME, "type"): replaced('"type": "VARCHAR"', '"type": "BIGINT"'),
    (run_events.NAME, "step"): replaced('"name": "build"', '"name": "bild"'),
    (datasheet.NAME, "rows"): rows_in(f"`{TABLE}`: "),
    (datasheet.NAME, "Chinese rows"): rows_in(f"`{TABLE}`："),
    (datasheet.NAME, "columns"): lambda text, entry: text.replace(
        f"{len(entry.columns)} columns", "99 columns", 1
    ),
    (policy.NAME, "prohibition"): replaced("purpose:marketing", "purpose:research"),
    (policy.NAME, "permission"): replaced(
        "urn:clearward:purpose:commercial_licensing", "urn:clearward:purpose:marketing"
    ),
    (croissant.NAME, "version"): replaced('"version": "1.0.0"', '"version": "1.0.1"'),
    (frictionless.NAME, "version"): replaced('"version": "1.0.0"', '"version": "1.0.1"'),
    (contract.NAME, "version"): replaced("version: 1.0.0", "version: 1.0.1"),
    (healthdcat.NAME, "version"): replaced('version "1.0.0"', 'version "1.0.1"'),
    (provenance.NAME, "version"): replaced('"own:version": "1.0.0"', '"own:version": "1.0.1"'),
    (run_events.NAME, "version"): replaced('Version": "1.0.0"', 'Version": "1.0.1"'),
    (datasheet.NAME, "version"): replaced(" 1.0.0\n", " 1.0.1\n"),
    (policy.NAME, "version"): lambda text, _entry: text.replace("/1.0.0", "/1.0.1"),
    (croissant.NAME, "terms"): replaced("odrl:isAnyOf", "odrl:isNoneOf"),
    (policy.NAME, "operator"): replaced("odrl:isAnyOf", "odrl:isNoneOf"),
    (policy.NAME, "target"): replaced("cardiology/1.0.0", "neurology/1.0.0"),
    (policy.NAME, "conflict"): replaced("odrl:prohibit", "odrl:perm"),
    (policy.NAME, "purpose"): replaced('"odrl:purpose"', '"odrl:event"'),
}


@pytest.mark.parametrize("case", SPOILT, ids=lambda case: f"{case[0]}: {case[1]}")
def test_one_changed_fact_of_a_document_refuses_the_release(folder, issued, product, case):
    path = folder / case[0]
    text = path.read_text("utf-8")
    changed = SPOILT[case](text, entry_of(issued))
    assert changed != text, "the case no longer changes anything"
    path.write_text(changed, "utf-8")
    with pytest.raises(ReleaseError):
        check(folder, issued.files, product, version="1.0.0")


def test_every_document_is_spoilt_at_least_once():
    assert {name for name, _ in SPOILT} == set(standards.WRITERS)


def test_a_release_without_tables_is_refused(folder, issued, product):
    with pytest.raises(ReleaseError, match="without a table"):
        check(folder, [e for e in issued.files if not e.table], product, version="1.0.0")


def test_a_table_that_no_document_knows_is_refused(folder, issued, product):
    with pytest.raises(ReleaseError, match="something else than its files"):
        check(folder, [e for e in issued.files if e.table != TABLE], product, version="1.0.0")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A release with a table of three rows about people, and one of none."""
    place = tmp_path_factory.mktemp("small")
    home = House(place / "home")
    three = factory.entity_sql("echo", "echo_key", patients=3)
    none = factory.entity_sql("procedure", "procedure_key", patients=0)
    home.write(overrides={"echo": three, "procedure": none})
    return issue_candidate(home.build(), date(2024, 6, 3), folder=place / "issued")


def test_a_small_number_of_rows_is_told_by_no_document(small, product):
    files = small.folder / "files"
    check(files, small.files, product, version="1.0.0")
    claims = {
        croissant.NAME: croissant.claims,
        provenance.NAME: provenance.claims,
        run_events.NAME: run_events.claims,
        datasheet.NAME: datasheet.claims,
        healthdcat.NAME: lambda text: healthdcat_check.claims(healthdcat_check.parse(text)),
    }
    for name, read in claims.items():
        found = read((files / name).read_text("utf-8"))
        assert found[f"{factory.PRODUCT}__echo"].rows is None, name
        assert found[f"{factory.PRODUCT}__procedure"].rows == 0, name
        assert found[TABLE].rows == ROWS, name
    assert "numberOfRecords" not in (files / healthdcat.NAME).read_text("utf-8")


def test_a_document_that_tells_a_small_number_refuses_the_release(small, product, tmp_path):
    files = small.folder / "files"
    for path in files.iterdir():
        (tmp_path / path.name).symlink_to(path)
    text = (files / datasheet.NAME).read_text("utf-8")
    told = text.replace(f"<{product.protection.k} rows", "3 rows").replace(
        f"<{product.protection.k} 行", "3 行"
    )
    assert told != text
    (tmp_path / datasheet.NAME).unlink()
    (tmp_path / datasheet.NAME).write_text(told, "utf-8")
    with pytest.raises(ReleaseError, match="something else than its files"):
        check(tmp_path, small.files, product, version="1.0.0")


def test_a_process_that_does_not_publish_imports_no_validator():
    heavy = ("rdflib", "pyshacl", "open_data_contract_standard", "mlcroissant", "openlineage")
    asked = (
        f"import sys, clearward.releases.publish; print([n for n in {heavy} if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
