"""The release for machines: the field's own library validates it and reads the data by it."""

import json

import duckdb
import mlcroissant
import pytest

from clearward.releases.manifest import FileEntry
from clearward.releases.standards import croissant


@pytest.fixture(scope="module")
def files(issued):
    return issued.folder / "files"


@pytest.fixture(scope="module")
def dataset(files):
    return mlcroissant.Dataset(jsonld=str(files / croissant.NAME))


@pytest.fixture(scope="module")
def document(files):
    return json.loads((files / croissant.NAME).read_text("utf-8"))


def test_the_library_validates_it_without_an_error_or_a_warning(dataset):
    issues = dataset.metadata.ctx.issues
    assert not issues.errors
    assert not issues.warnings
    assert dataset.metadata.date_published.date().isoformat() == "2024-06-03"


def test_every_record_of_every_table_is_read_by_it(dataset, files):
    tables = [r for r in dataset.metadata.record_sets if "/" not in r.id]
    assert len(tables) == len(list((files / "data").iterdir()))
    for records in tables:
        (path,) = (files / "data" / records.id).glob("*.parquet")
        read = list(dataset.records(records.id))
        expected = duckdb.sql(f"SELECT * FROM read_parquet('{path}')").to_arrow_table()
        assert len(read) == expected.num_rows, records.id
        names = {field.name for field in records.fields}
        assert names == set(expected.column_names)
        if read:
            assert {key.partition("/")[2] for key in read[0]} == names


def test_a_closed_vocabulary_is_an_enumeration_that_is_read_by_it(dataset, document):
    names = {r.id for r in dataset.metadata.record_sets if r.is_enumeration or "/" in r.id}
    assert "values/sex" in names
    assert [r["values/sex/value"] for r in dataset.records("values/sex")][:3] == ["M", "F", "U"]
    used = {
        a["value"] for f in fields(document) for a in f["annotation"] if is_about(a, "vocabulary")
    }
    assert used == names


def fields(document):
    return [f for r in document["recordSet"] if "/" not in r["@id"] for f in r["field"]]


def is_about(annotation, what):
    return annotation["name"].rpartition("/")[2] == what


def test_a_file_with_another_content_is_found_out(folder, issued):
    table = next(entry for entry in issued.files if entry.table)
    (folder / "data").unlink()
    for entry in issued.files:
        if entry.table:
            path = folder / entry.path
            path.parent.mkdir(parents=True)
            path.symlink_to(issued.path(entry))
    (folder / table.path).unlink()
    (folder / table.path).write_bytes(b"PAR1 something else PAR1")
    changed = mlcroissant.Dataset(jsonld=str(folder / croissant.NAME))
    with pytest.raises(mlcroissant.GenerationError) as refusal:
        next(iter(changed.records(table.table)))
    assert "hash" in str(refusal.value.__cause__).lower()


def test_uses_a_product_forbids_are_prohibited_in_its_offer(document):
    said = json.dumps(document["usageInfo"]["odrl:prohibition"])
    for word in ("reidentification", "insurance_underwriting", "marketing"):
        assert word in said
        assert word not in json.dumps(document["usageInfo"]["odrl:permission"])
    assert "duo:0000026" in json.dumps(document["usageInfo"]["odrl:permission"])


def test_its_responsible_terms_hold_figures_of_the_run(document, candidate):
    extracts = candidate.facts["lineage"]["extracts"]
    assert f"{len(extracts)} extracts of 1 hospitals" in document["rai:dataCollectionRawData"]
    assert any("k = 30" in said for said in document["rai:dataPreprocessingProtocol"])
    assert any(said.startswith("60 % of") for said in document["rai:dataBiases"])
    for term in ("dataLimitations", "dataUseCases", "personalSensitiveInformation"):
        assert all(len(said) > 20 for said in document[f"rai:{term}"]), term
    assert document["rai:dataCollectionTimeFrame"] == ["2024-05-01", "2024-05-31"]
    used = {node["@id"] for node in document["prov:wasGeneratedBy"]["prov:used"]}
    assert used == {f"urn:sha256:{extract['manifest_sha256']}" for extract in extracts}


def test_units_lead_to_an_iri_where_one_is_known(document):
    units = [a for f in fields(document) for a in f["annotation"] if is_about(a, "unit")]
    known = {a["value"]: a.get("equivalentProperty", "") for a in units}
    assert known["d"] == "http://qudt.org/vocab/unit/DAY"


def test_a_copy_is_described_over_its_own_files(files):
    text = (files / croissant.NAME).read_text("utf-8")
    first, *others = json.loads(text)["distribution"]
    entry = FileEntry("data/x/part-1.parquet", "f" * 64, 7)
    again = json.loads(croissant.readdressed(text, {first["contentUrl"]: entry}))
    assert again["distribution"][0] == first | {
        "contentUrl": entry.path, "sha256": entry.sha256, "contentSize": "7 B",
    }  # fmt: skip
    assert again["distribution"][1:] == others
