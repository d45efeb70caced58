"""What each further standard says of a release, read by the libraries of the field."""

import json
from itertools import chain

import jsonschema
import pytest
import rdflib
from open_data_contract_standard.model import OpenDataContractStandard
from openlineage.client import event_v2
from openlineage.client.generated import (
    dataset_version_dataset,
    nominal_time_run,
    output_statistics_output_dataset,
    processing_engine_run,
    schema_dataset,
)

from clearward.products.spec import load_product
from clearward.releases.standards import (
    contract,
    datasheet,
    frictionless,
    provenance,
    run_events,
)
from clearward.releases.standards.card import expectations
from tests.unit.releases import factory

PATIENT = f"{factory.PRODUCT}__patient"


@pytest.fixture(scope="module")
def files(issued):
    return issued.folder / "files"


def text_of(files, name):
    return (files / name).read_text("utf-8")


# --- data contract


@pytest.fixture(scope="module")
def agreed(files):
    return contract.read(text_of(files, contract.NAME))


def columns(agreed, table):
    found = next(t for t in agreed["schema"] if t["name"] == table)
    return {column["name"]: column for column in found["properties"]}


def test_the_contract_satisfies_the_standards_own_schema(agreed):
    schema = json.loads(OpenDataContractStandard.json_schema())
    jsonschema.Draft201909Validator(schema).validate(agreed)


def test_it_holds_what_a_breaking_change_is_found_from(agreed):
    key = columns(agreed, PATIENT)["patient_key"]
    assert key["primaryKey"] and key["primaryKeyPosition"] == 1 and key["required"]
    assert (key["logicalType"], key["physicalType"]) == ("string", "VARCHAR")
    day = columns(agreed, f"{factory.PRODUCT}__echo")["day"]
    assert {"property": "ucumUnit", "value": "d"} in day["customProperties"]
    sex = columns(agreed, PATIENT)["sex"]
    (allowed,) = [rule for rule in sex["quality"] if rule["metric"] == "invalidValues"]
    assert {"M", "F", "U"} <= set(allowed["arguments"]["validValues"])
    other = columns(agreed, f"{factory.PRODUCT}__echo")["patient_key"]
    assert other["relationships"] == [{"type": "foreignKey", "to": f"{PATIENT}.patient_key"}]


def test_every_rule_of_the_suites_that_speaks_of_a_column_is_in_the_contract(agreed):
    """A rule about a column that this small product does not have has no place to stand."""
    for table in agreed["schema"]:
        found = {column["name"]: column for column in table["properties"]}
        for rule in expectations(table["name"]):
            column = found.get(rule["kwargs"].get("column", ""))
            if column and rule["type"] == "expect_column_values_to_be_between":
                assert column["logicalTypeOptions"]["maximum"] == rule["kwargs"]["max_value"]
            if column and rule["type"] == "expect_column_values_to_not_be_null":
                assert column["required"] is True
        queries = [q["name"] for q in table["quality"]]
        assert queries == [
            rule["meta"]["check"]
            for rule in expectations(table["name"])
            if rule["type"] == "unexpected_rows_expectation"
        ]


def test_the_contract_promises_what_the_spec_promises(agreed):
    promised = {each["property"]: each["value"] for each in agreed["slaProperties"]}
    rule = load_product(factory.PRODUCT).withdrawal
    assert promised["withdrawalNotice"] == rule.deadline_days
    assert promised["leastClassSize"] == load_product(factory.PRODUCT).protection.k
    assert agreed["support"] and agreed["team"]["name"] and agreed["roles"][0]["role"]


# --- provenance


@pytest.fixture(scope="module")
def graph(files):
    data = text_of(files, provenance.NAME)
    return rdflib.Graph().parse(data=data, format="json-ld", publicID="urn:here")


def asked(graph, query):
    prefix = "PREFIX prov: <http://www.w3.org/ns/prov#> PREFIX own: <urn:clearward:provenance:> "
    return {tuple(map(str, row)) for row in graph.query(prefix + query)}


def test_every_published_table_derives_from_every_extract(graph, issued):
    found = asked(graph, "SELECT ?f ?e WHERE { ?f a own:File ; prov:wasDerivedFrom+ ?e . "
                         "?e a own:Extract }")  # fmt: skip
    published = {f"urn:sha256:{entry.sha256}" for entry in issued.files if entry.table}
    extracts = issued.facts["lineage"]["extracts"]
    assert {file for file, _ in found} == published
    sent = {f"urn:sha256:{extract['manifest_sha256']}" for extract in extracts}
    assert {extract for _, extract in found} == sent


def test_no_id_of_the_provenance_leads_nowhere(graph):
    links = "prov:used|prov:wasGeneratedBy|prov:wasDerivedFrom|prov:wasAssociatedWith"
    assert not asked(
        graph,
        f"SELECT ?o WHERE {{ ?s {links}|prov:hadMember|prov:wasAttributedTo ?o . "
        "FILTER NOT EXISTS { ?o a ?kind } }",
    )


def test_the_release_is_generated_after_its_gates(graph):
    used = asked(graph, "SELECT ?what WHERE { ?r a prov:Collection ; prov:wasGeneratedBy ?step . "
                        "?step prov:used ?what . ?what prov:wasGeneratedBy ?judged . "
                        "?judged prov:used ?file . ?file a own:File }")  # fmt: skip
    assert any(name.endswith("#reports") for (name,) in used)


def test_the_provenance_names_code_models_and_vocabularies(graph, issued):
    lineage = issued.facts["lineage"]
    agents = asked(graph, "SELECT ?a WHERE { ?a a prov:SoftwareAgent }")
    assert agents == {(f"urn:sha256:{lineage['code']['sha256']}",)}
    vocabularies = asked(graph, "SELECT ?v WHERE { ?v a own:Vocabulary }")
    assert len(vocabularies) == len(set(lineage["vocabularies"].values()))


def test_no_hospital_is_named_by_any_document(files):
    names = (provenance.NAME, run_events.NAME, datasheet.NAME, contract.NAME)
    assert not any("stmary" in text_of(files, name) for name in names)


# --- run events


FACETS = {
    "nominalTime": nominal_time_run.NominalTimeRunFacet,
    "processing_engine": processing_engine_run.ProcessingEngineRunFacet,
    "version": dataset_version_dataset.DatasetVersionDatasetFacet,
    "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet,
}


def test_every_event_and_facet_is_one_of_openlineages_own(files):
    events = [json.loads(line) for line in text_of(files, run_events.NAME).splitlines()]
    assert len(events) == 5
    for event in events:
        event_v2.RunEvent(
            eventTime=event["eventTime"],
            producer=event["producer"],
            eventType=event_v2.RunState[event["eventType"]],
            run=event_v2.Run(runId=event["run"]["runId"]),
            job=event_v2.Job(namespace=event["job"]["namespace"], name=event["job"]["name"]),
            inputs=[event_v2.InputDataset(d["namespace"], d["name"]) for d in event["inputs"]],
            outputs=[event_v2.OutputDataset(d["namespace"], d["name"]) for d in event["outputs"]],
        )
        assert event["schemaURL"].startswith("https://openlineage.io/spec/2-0-2/")
        facets = [event["run"]["facets"]]
        for dataset in chain(event["inputs"], event["outputs"]):
            facets += [dataset["facets"], dataset.get("outputFacets", {})]
        for name, facet in ((n, f) for found in facets for n, f in found.items()):
            said = {n: v for n, v in facet.items() if not n.startswith("_")}
            if name == "schema":
                fields = [schema_dataset.SchemaDatasetFacetFields(**f) for f in said["fields"]]
                made = schema_dataset.SchemaDatasetFacet(fields=fields)
            else:
                made = FACETS[name](**said)
            assert facet["_schemaURL"] == made._get_schema(), name


def test_runs_keep_their_ids_and_events_carry_the_day_of_publication(files, candidate):
    before = (candidate.folder / "files" / run_events.NAME).read_text("utf-8")
    after = text_of(files, run_events.NAME)
    ids = [[json.loads(x)["run"]["runId"] for x in t.splitlines()] for t in (before, after)]
    assert ids[0] == ids[1] and len(set(ids[0])) == 5
    assert "1970-01-01" in before and "1970-01-01" not in after
    assert {json.loads(x)["eventTime"] for x in after.splitlines()} == {"2024-06-03T00:00:00Z"}


# --- datasheet, data package, schema.org


def test_the_datasheet_has_every_section_in_both_languages(files):
    text = text_of(files, datasheet.NAME)
    for title in ("Motivation", "Composition", "Collection", "Preprocessing", "Uses",
                  "Distribution", "Maintenance", "Known limitations", "Biases"):  # fmt: skip
        assert f"\n## {title}\n" in text
    for title in ("动机", "构成", "采集", "预处理", "用途", "分发", "维护", "已知局限", "偏倚"):
        assert f"\n## {title}\n" in text
    assert text.count("60 %") == 1 and text.count("60%") == 1
    assert "re-identification" in text and "重识别" in text
    assert "_licensing" not in text  # a purpose is named in words


def test_the_data_package_has_a_resource_per_table_with_its_key(files, issued):
    package = json.loads(text_of(files, frictionless.NAME))
    tables = {entry.table for entry in issued.files if entry.table}
    assert {resource["name"] for resource in package["resources"]} == tables
    for resource in package["resources"]:
        names = {field["name"] for field in resource["schema"]["fields"]}
        assert set(resource["schema"]["primaryKey"]) <= names
        assert (files / resource["path"]).stat().st_size == resource["bytes"]
