"""A release as a search engine may know it: enough to find it, nothing to fetch it by."""

import json
from dataclasses import replace

import pytest

from clearward.products.spec import load_product
from clearward.releases.manifest import FileEntry, Manifest
from clearward.releases.standards import schema_org
from clearward.releases.version import parse_version

DATA = FileEntry(
    "data/neurology__patient/part-1.parquet", "a" * 64, 12, "neurology__patient", 5,
    {"patient_key": "VARCHAR", "sex": "VARCHAR"},
)  # fmt: skip
RELEASE = Manifest(
    product="neurology", version=parse_version("1.2.0"), month="2024-05", content_sha256="c" * 64,
    base="b", published_at="2024-06-03T10:00:00Z", change="new_month",
    previous={"version": "1.1.0", "manifest_sha256": "d" * 64},
    files=(DATA, FileEntry("index.html", "e" * 64, 7)), facts={},
)  # fmt: skip


@pytest.mark.parametrize("language", ["en", "zh"])
def test_it_tells_what_a_dataset_search_asks_for(language):
    said = schema_org.describe(RELEASE, url="https://x.example/p", language=language)
    json.dumps(said)
    product = load_product("neurology")
    assert said["name"] == product.title[language]
    assert len(said["description"]) >= 50 or language == "zh"
    assert (said["version"], said["datePublished"]) == ("1.2.0", "2024-06-03")
    assert said["creator"]["@type"] == "Organization" and said["creator"]["name"]
    assert said["isBasedOn"].endswith("/1.1.0") and said["@id"].endswith("/1.2.0")
    assert said["identifier"] == f"urn:sha256:{RELEASE.content_sha256}"
    assert said["isAccessibleForFree"] is False
    for purpose in product.forbidden_purposes:
        assert purpose in said["usageInfo"].partition("Never for")[2]


def test_no_address_of_a_file_and_no_count_of_rows_is_told():
    said = json.dumps(schema_org.describe(RELEASE))
    assert "contentUrl" not in said and DATA.path not in said
    assert "rows" not in said and '"5"' not in said
    (file,) = schema_org.describe(RELEASE)["distribution"]
    assert file["sha256"] == DATA.sha256


def test_a_record_without_a_publisher_names_none(monkeypatch):
    product = load_product("neurology")
    bare = replace(product, record=type(product.record)())
    monkeypatch.setattr(schema_org, "load_product", lambda _name: bare)
    said = schema_org.describe(RELEASE)
    assert not {"creator", "publisher", "license", "@id", "isBasedOn", "url"} & set(said)
    assert all(value not in ("", [], {}, None) for value in said.values())
