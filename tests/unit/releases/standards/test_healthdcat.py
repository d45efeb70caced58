"""The record for health data catalogues: complete, or refused by the field to fill."""

from dataclasses import replace

import pytest
import rdflib

from clearward.errors import ReleaseError
from clearward.products.record import Party, Record
from clearward.products.spec import load_product, product_names
from clearward.releases.candidate import build_candidate
from clearward.releases.manifest import FileEntry
from clearward.releases.standards import healthdcat, healthdcat_check
from clearward.releases.standards.card import Card, Field, Table
from clearward.releases.standards.check import check
from tests.unit.releases import factory

LINEAGE = {"extracts": [{"month": "2024-05", "manifest_sha256": "a" * 64}],
           "consents": {"hospitals": 1}}  # fmt: skip


KEYWORD = 'a "b" \\ \n . <urn:x> a <urn:y>'
COLUMN = Field(
    name="sex", type="VARCHAR", description="Sex.", unit="", values=("M", "F"), low=None, high=None,
    filled="100", role="QI", is_key=False, is_required=True,
)  # fmt: skip


def card(record=None, *, rows=20, name="neurology"):
    product = load_product(name)
    table = Table(
        name=f"{name}__patient", entity="patient", description="", path="data/x/part-1.parquet",
        sha256="b" * 64, bytes=9, rows=rows, key=("patient_key",), fields=(COLUMN,), checks=(),
    )  # fmt: skip
    return Card(
        product=replace(product, record=record or product.record), version="1.0.0",
        month="2024-05", tables=(table,), figures={"lineage": LINEAGE}, gate={}, dbt={},
        has_sample=True,
    )  # fmt: skip


def checked(record=None, **other):
    healthdcat_check.check_document(
        healthdcat_check.parse(healthdcat.describe(card(record, **other)))
    )


@pytest.mark.parametrize("name", product_names())
def test_the_samples_records_are_complete(name):
    checked(name=name)


MANDATORY = {
    "publisher": Party(), "contact": Party(), "access_body": Party(), "legislation": (),
    "themes": (), "health_categories": (), "dataset_type": "", "access_rights": "",
    "spatial": (), "languages": (), "keywords": (), "population": None,
}  # fmt: skip


@pytest.mark.parametrize("field", MANDATORY)
def test_a_missing_field_refuses_the_record_and_is_named(field):
    record = replace(load_product("neurology").record, **{field: MANDATORY[field]})
    with pytest.raises(ReleaseError, match=f"record\\.{field}"):
        checked(record)


WRONG = {
    "publisher": [Party("P", "", "", "urn:kind/x"), Party("P", "p@x.example")],
    "access_body": [Party("A")],
    "contact": [Party("C"), Party("C", "c@x.example")],
    "legislation": [("http://data.europa.eu/eli/reg/2016/679/oj",)],
    "themes": [("TRAN",)],
    "access_rights": ["SECRET"],
}


@pytest.mark.parametrize(("field", "value"), [(f, v) for f, vs in WRONG.items() for v in vs])
def test_a_field_that_does_not_do_is_named_too(field, value):
    with pytest.raises(ReleaseError, match=f"record\\.{field}"):
        checked(replace(load_product("neurology").record, **{field: value}))


def test_a_spec_without_any_record_is_told_every_field():
    with pytest.raises(ReleaseError) as refusal:
        checked(Record())
    assert "more" in refusal.value.seen
    assert "[record] table of the product spec" in refusal.value.do


def test_an_address_with_a_space_is_no_address():
    record = load_product("neurology").record
    with pytest.raises(ReleaseError, match="no IRI"):
        checked(replace(record, contact=replace(record.contact, url="https://a b.example/")))


def test_a_quote_or_a_line_break_in_a_text_stays_inside_it():
    record = replace(
        load_product("neurology").record, keywords=('a "b" \\ \n . <urn:x> a <urn:y>',)
    )
    graph = healthdcat_check.parse(healthdcat.describe(card(record)))
    assert (None, None, rdflib.Literal(KEYWORD, lang="en")) in graph
    assert (rdflib.URIRef("urn:x"), None, None) not in graph


def test_a_masked_number_of_people_is_not_told():
    graph = healthdcat_check.parse(healthdcat.describe(card(rows=None)))
    names = {str(predicate).rpartition("#")[2] for predicate in graph.predicates()}
    assert not names & {"numberOfUniqueIndividuals", "numberOfRecords", "rowCount"}


def test_a_set_of_shapes_of_ones_own_is_asked_too(tmp_path):
    shapes = tmp_path / "own.ttl"
    shapes.write_text(
        "@prefix sh: <http://www.w3.org/ns/shacl#> . @prefix dcat: <http://www.w3.org/ns/dcat#> .\n"
        "<urn:s> a sh:NodeShape ; sh:targetClass dcat:Dataset ; sh:property [ sh:path "
        '<urn:landing> ; sh:minCount 1 ; sh:message "a landing page" ] .'
    )
    graph = healthdcat_check.parse(healthdcat.describe(card()))
    with pytest.raises(ReleaseError, match="a landing page"):
        healthdcat_check.check_document(graph, also=shapes)
    with pytest.raises(ReleaseError, match="shapes cannot be read"):
        healthdcat_check.check_document(graph, also=tmp_path / "missing.ttl")
    shapes.with_name("bad.ttl").write_text("no turtle")
    with pytest.raises(ReleaseError, match="shapes cannot be read"):
        healthdcat_check.check_document(graph, also=shapes.with_name("bad.ttl"))


def test_the_setting_reaches_the_check(folder, issued, product, monkeypatch):
    monkeypatch.setenv("CLEARWARD_HEALTHDCAT_SHAPES", "/nowhere/official.ttl")
    with pytest.raises(ReleaseError, match="CLEARWARD_HEALTHDCAT_SHAPES"):
        check(folder, issued.files, product, version="1.0.0")


def test_a_product_that_names_nobody_is_not_published(house, monkeypatch):
    bare = replace(load_product(factory.PRODUCT), record=Record())
    house.write()
    monkeypatch.setattr("clearward.releases.candidate.load_product", lambda _name: bare)
    build_candidate(house.settings, house.keyring, product=factory.PRODUCT, month=factory.MONTH)
    with pytest.raises(ReleaseError, match=r"record\.access_body"):
        house.publish()
    assert not list(house.storage.list(f"{factory.PRODUCT}/"))


def test_a_copy_is_described_over_its_own_files():
    text = healthdcat.describe(card())
    entry = FileEntry("data/x/part-2.parquet", "c" * 64, 11)
    moved = healthdcat.readdressed(text, {"data/x/part-1.parquet": entry})
    claim = healthdcat_check.claims(healthdcat_check.parse(moved))["neurology__patient"]
    assert (claim.path, claim.sha256, claim.bytes) == (entry.path, entry.sha256, 11)
    assert healthdcat.readdressed(text, {}) == text


def test_the_sample_is_a_distribution_and_none_of_the_tables_files():
    graph = healthdcat_check.parse(healthdcat.describe(card()))
    assert set(healthdcat_check.claims(graph)) == {"neurology__patient"}
    asked = "SELECT ?url { ?d a dcat:Dataset ; adms:sample/dcat:accessURL ?url }"
    assert len(list(graph.query(asked))) == 1


def test_nobody_is_called_a_trusted_holder_who_was_not_designated():
    assert "healthdcatap:trustedDataHolder false" in healthdcat.describe(card()).replace(
        '"false"^^xsd:boolean', "false"
    )
