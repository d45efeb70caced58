"""The release for machines: the field's own library validates it and reads the data by it."""

from __future__ import annotations

import json

import duckdb
import mlcroissant
import pytest

from clearward.releases.standards import croissant
from clearward.releases.manifest import FileEntry


@pytest.fixture
def folder(house):
    house.write()
    return house.build().folder / "files"


def opened(folder) -> mlcroissant.Dataset:
    return mlcroissant.Dataset(jsonld=str(folder / croissant.NAME))


def test_the_library_validates_it_and_misses_nothing_but_the_day_of_publication(folder):
    issues = opened(folder).metadata.ctx.issues
    assert not issues.errors
    # a document is written before its release is published; the signed manifest holds the time
    (warning,) = issues.warnings
    assert "datePublished" in warning


def test_a_record_of_every_table_is_read_by_it(folder):
    dataset = opened(folder)
    for records in dataset.metadata.record_sets:
        files = list((folder / "data" / records.id).glob("*.parquet"))
        read = list(dataset.records(records.id))
        expected = duckdb.sql(f"SELECT * FROM read_parquet('{files[0]}')").to_arrow_table()
        assert len(read) == expected.num_rows, records.id
        names = {field.name for field in records.fields}
        assert names == set(expected.column_names)
        if read:
            assert {key.partition("/")[2] for key in read[0]} == names


def test_a_file_with_another_content_is_found_out(folder):
    table = next((folder / "data").iterdir())
    (path,) = table.glob("*.parquet")
    path.unlink()  # a second name of the protected file: the other must keep its content
    path.write_bytes(b"PAR1 something else PAR1")
    with pytest.raises(mlcroissant.GenerationError) as refusal:
        next(iter(opened(folder).records(table.name)))
    assert "hash" in str(refusal.value.__cause__).lower()


def test_uses_a_product_forbids_are_prohibited_in_its_offer(folder):
    document = json.loads((folder / croissant.NAME).read_text("utf-8"))
    said = json.dumps(document["usageInfo"])
    for word in ("reidentification", "insurance_underwriting", "marketing"):
        assert word in said
    assert "SellDataToThirdParties" in said


def test_a_copy_is_described_over_its_own_files(folder):
    text = (folder / croissant.NAME).read_text("utf-8")
    first, *others = json.loads(text)["distribution"]
    entry = FileEntry("data/x/part-1.parquet", "f" * 64, 7)
    again = json.loads(croissant.readdressed(text, {first["contentUrl"]: entry}))
    assert again["distribution"][0] == first | {
        "contentUrl": entry.path, "sha256": entry.sha256, "contentSize": "7 B",
    }  # fmt: skip
    assert again["distribution"][1:] == others
