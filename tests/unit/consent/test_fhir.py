"""FHIR Consents as servers write them, down to what the gate makes of them."""

from __future__ import annotations

import base64
import hashlib
import json

import duckdb
import pyarrow as pa
import pytest

from clearward.consent.fhir_codes import STATUSES
from clearward.consent.imports import read_consents
from clearward.consent.model import EVENT_SCHEMA
from clearward.consent.policies import NOBODY, decide
from clearward.errors import ConsentError
from clearward.keyring import init_keyring

ACT = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
OWN = "urn:clearward:purpose"
SALE = {"system": OWN, "code": "commercial_licensing"}
RESEARCH = {"system": ACT, "code": "HRESCH"}
NOTES = {"system": "http://hl7.org/fhir/resource-types", "code": "DocumentReference"}
R4 = {
    "resourceType": "Consent",
    "id": "c1",
    "meta": {"versionId": "1", "lastUpdated": "2024-02-01T08:00:00.123+00:00"},
    "status": "active",
    "scope": {
        "coding": [
            {
                "system": "http://terminology.hl7.org/CodeSystem/consentscope",
                "code": "patient-privacy",
            }
        ]
    },
    "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
    "patient": {"reference": "Patient/p-secret", "display": "Mary Secret"},
    "dateTime": "2024-01-10T09:00:00+08:00",
    "performer": [{"reference": "Patient/p-secret"}],
    "policy": [{"authority": "https://hospital.example", "uri": "https://hospital.example/sale/3"}],
    "provision": {
        "type": "permit",
        "period": {"start": "2024-01-10", "end": "2029-01-10"},
        "purpose": [SALE, RESEARCH],
    },
}
R5 = {
    "resourceType": "Consent",
    "status": "active",
    "subject": {"reference": "https://fhir.example/r5/Patient/p-secret/_history/4"},
    "date": "2024-01-10",
    "grantor": [{"reference": "Patient/p-secret"}],
    "policyBasis": {"url": "https://hospital.example/sale/3"},
    "decision": "deny",
    "provision": [{"purpose": [SALE]}],
}


@pytest.fixture
def keyring(tmp_path):
    return init_keyring(tmp_path / "keyring.json")


@pytest.fixture
def read(tmp_path, keyring):
    def reading(*resources):
        lines = "\n".join(json.dumps(resource) for resource in resources)
        (tmp_path / "Consent.ndjson").write_text(lines + "\n", encoding="utf-8")
        return read_consents(tmp_path, hospital="north", month="2024-02", keyring=keyring)

    return reading


def outcome(events, as_of="2024-06-01T00:00:00Z"):
    keys = set(events["patient_key"].to_pylist())
    people = [{"patient_key": k, "born_on": "1970-01-01", "died_on": None} for k in keys]
    with duckdb.connect() as connection:
        table = pa.Table.from_pylist(people, schema=NOBODY.schema)
        decide(connection, events, as_of=as_of, people=table)
        rows = connection.execute("SELECT purpose, state, categories FROM consent_state").fetchall()
    return {use: (state, categories) for use, state, categories in rows}


def state(events, use="commercial_licensing"):
    return outcome(events).get(use, ("no_event", ""))[0]


def provision(**more):
    return {**R4, "provision": {**R4["provision"], **more}}


def test_an_r4_permit_becomes_one_event_per_purpose(read):
    events = read(R4).to_pylist()
    assert {e["purpose"] for e in events} == {"commercial_licensing", "research"}
    (first, second) = events
    assert first["decided_at"] == "2024-01-10T01:00:00Z"
    assert first["valid_until"] == "2029-01-10T23:59:59Z"
    assert first["text_version"] == "https://hospital.example/sale/3"
    assert "secret" not in str(events).lower()
    assert second["patient_key"] == first["patient_key"]


def test_nested_exceptions_to_an_r4_base_rule(read):
    resource = provision(provision=[{"type": "deny", "class": [NOTES]}])
    assert outcome(read(resource))["commercial_licensing"] == ("permitted", "imaging structured")
    resource = provision(provision=[{"type": "deny", "purpose": [SALE]}])
    found = outcome(read(resource))
    assert found["commercial_licensing"][0] == "denied"
    assert found["research"][0] == "permitted"


def test_an_opt_out_policy_rule_with_a_permitted_exception(read):
    resource = {
        **R4,
        "policyRule": {"coding": [{"code": "OPTOUT"}]},
        "provision": {"provision": [{"type": "permit", "purpose": [RESEARCH]}]},
    }
    found = outcome(read(resource))
    assert found["research"][0] == "permitted"
    assert found["commercial_licensing"][0] == "denied"


def test_an_exception_to_an_exception(read):
    resource = provision(
        provision=[
            {
                "type": "deny",
                "purpose": [SALE],
                "provision": [
                    {"type": "permit", "class": [{"code": "ImagingStudy"}]},
                ],
            }
        ]
    )
    assert state(read(resource)) == "denied"


def test_r5_decides_at_the_root_and_provisions_are_exceptions(read):
    assert state(read(R5)) == "permitted"
    assert outcome(read(R5))["research"][0] == "denied"
    permits_all = {**R5, "decision": "permit"}
    assert state(read(permits_all)) == "denied"
    assert state(read({**R5, "decision": "permit", "provision": []})) == "no_event"


def test_r5_classes_and_periods_reach_the_ledger(read):
    rule = {"purpose": [SALE], "period": {"start": "2024-01-10", "end": "2024-03"}}
    (_, permit) = read({**R5, "provision": [rule]}).to_pylist()
    assert permit["valid_until"] == "2024-03-01T23:59:59Z" or permit["valid_until"] < "2024-03-02"


@pytest.mark.parametrize("status", STATUSES)
def test_only_an_active_consent_permits(read, status):
    assert (state(read({**R4, "status": status})) == "permitted") is (status == "active")


def test_what_replaced_an_ended_consent_stands(read):
    newer = {**R4, "id": "c2", "dateTime": "2024-02-01T00:00:00Z"}
    assert state(read({**R4, "status": "inactive"}, newer)) == "permitted"
    assert state(read(newer, {**R4, "status": "inactive"})) == "permitted"


def test_an_ended_consent_that_does_not_say_what_it_allowed_ends_everything(read):
    bare = {k: R4[k] for k in ("resourceType", "patient", "meta")} | {"status": "inactive"}
    assert state(read(R4, bare)) == "withdrawn"


UNKEEPABLE = {
    "an unknown purpose": {"purpose": [{"system": ACT, "code": "HDIRECT"}]},
    "a purpose without its system": {"purpose": [{"code": "commercial_licensing"}]},
    "a purpose of another system": {"purpose": [{"system": "urn:x", "code": "HRESCH"}]},
    "marketing": {"purpose": [{"system": ACT, "code": "HMARKT"}]},
    "no purpose": {"purpose": []},
    "an unknown class": {"class": [{"code": "Claim"}]},
    "one kind of table": {"class": [{"code": "Observation"}]},
    "single codes": {"code": [{"coding": [{"code": "1234"}]}]},
    "single records": {"data": [{"meaning": "instance"}]},
    "a data period": {"dataPeriod": {"start": "2020-01-01"}},
    "a security label": {"securityLabel": [{"code": "R"}]},
    "collecting only": {"action": [{"coding": [{"code": "collect"}]}]},
    "a practitioner": {"actor": [{"role": {}, "reference": {"reference": "Practitioner/1"}}]},
    "a custodian": {
        "actor": [
            {
                "role": {"coding": [{"code": "CST"}]},
                "reference": {"reference": "Organization/1"},
            }
        ]
    },
}


@pytest.mark.parametrize("restriction", UNKEEPABLE.values(), ids=UNKEEPABLE)
def test_a_permit_narrower_than_we_can_keep_is_none(read, restriction):
    assert state(read(provision(**restriction))) != "permitted"


@pytest.mark.parametrize("restriction", UNKEEPABLE.values(), ids=UNKEEPABLE)
def test_a_refusal_narrower_than_we_can_keep_is_wide(read, restriction):
    refusal = {**R4, "id": "another", "dateTime": "2024-02-01T00:00:00Z"}
    refusal["provision"] = {"type": "deny", "purpose": [SALE], **restriction}
    assert state(read(R4, refusal)) != "permitted"


def test_a_named_recipient_is_not_every_licensee(read):
    actor = {
        "role": {"coding": [{"code": "IRCP"}]},
        "reference": {"reference": "Organization/acme"},
    }
    assert state(read(provision(actor=[actor]))) == "other_recipient"


def test_a_permit_without_any_text_is_none(read):
    bare = {k: v for k, v in R4.items() if k != "policy"}
    assert state(read(bare)) == "no_event"
    signed = {"contentType": "application/pdf", "data": base64.b64encode(b"signed").decode()}
    events = read({**bare, "sourceAttachment": signed})
    assert state(events) == "permitted"
    assert events["evidence_sha256"].to_pylist()[0] == hashlib.sha256(b"signed").hexdigest()


def test_a_relative_who_signs_is_a_guardian(read):
    contained = {"resourceType": "RelatedPerson", "id": "9"}
    for more in ({}, {"contained": [contained]}):
        reference = "#9" if more else "RelatedPerson/9"
        resource = {**R4, **more, "performer": [{"reference": reference}]}
        assert set(read(resource)["guardian"].to_pylist()) == {True}
    assert set(read(resource)["guardian"].to_pylist()) == {True}
    assert state(read(resource)) == "came_of_age"


@pytest.mark.parametrize("who", ["Patient?identifier=mrn|7", "#p", "Group/7"])
def test_a_patient_who_is_not_named_by_id_refuses_the_file(read, who):
    with pytest.raises(ConsentError, match="no patient that is named by id"):
        read({**R4, "patient": {"reference": who}})


@pytest.mark.parametrize(
    "broken",
    [
        {"patient": None},
        {"status": "approved"},
        {"status": None},
        {"dateTime": None, "meta": None},
        {"resourceType": "Patient"},
        {"dateTime": "last spring, says Mary Secret"},
        {"provision": "permit"},
        {"provision": {"type": "maybe"}},
        {"provision": {**R4["provision"], "period": {"end": "2001-01-01"}}},
    ],
)
def test_a_file_with_a_resource_that_cannot_be_read_is_refused_without_a_value(read, broken):
    with pytest.raises(ConsentError) as raised:
        read(R4, {**R4, **broken})
    assert "resource 2" in str(raised.value)
    assert "secret" not in str(raised.value).lower()


def test_a_line_that_is_no_json_and_an_empty_file(tmp_path, keyring, read):
    path = tmp_path / "Consent.ndjson"
    path.write_text('{"resourceType": "Consent", "patient": "secret')
    with pytest.raises(ConsentError, match="resource 1"):
        read_consents(tmp_path, hospital="north", month="2024-02", keyring=keyring)
    assert read().schema == EVENT_SCHEMA


def version(number, **more):
    return {**R4, "id": "c1", "meta": {"versionId": str(number)}, **more}


@pytest.mark.parametrize("order", [(9, 10), (10, 9)])
def test_of_two_versions_of_a_consent_the_later_one_counts_alone(read, order):
    narrower = {**R4["provision"], "purpose": [RESEARCH]}
    said = {9: version(9), 10: version(10, provision=narrower)}
    assert state(read(said[9])) == "permitted"
    events = read(*(said[number] for number in order))
    assert state(events) == "withdrawn"
    assert state(events, "research") == "permitted"


@pytest.mark.parametrize("metas", [({}, {}), ({"versionId": "2"},) * 2, ({"versionId": "a"}, {})])
def test_two_versions_nobody_can_order_permit_nothing_unless_they_say_the_same(read, metas):
    one, other = ({**R4, "id": "c-1", "meta": meta} for meta in metas)
    narrower = {**other, "provision": {**R4["provision"], "purpose": [RESEARCH]}}
    assert state(read(one, other)) == "permitted"
    assert state(read(one, narrower)) == "withdrawn"
    assert state(read(one, narrower), "research") == "withdrawn"


def test_a_version_without_anything_to_keep_still_ends_the_one_before(read):
    unkeepable = {**R4["provision"], "code": [{"text": "one test only"}]}
    assert state(read(version(1), version(2, provision=unkeepable))) == "withdrawn"


@pytest.mark.parametrize("status", [status for status in STATUSES if status != "active"])
def test_a_later_version_that_is_not_active_ends_the_consent(read, status):
    assert state(read(version(1), version(2, status=status))) != "permitted"
    assert state(read(version(2, status=status), version(1))) != "permitted"
    assert state(read(version(1), version(2, status=status), version(3))) == "permitted"


def test_the_same_resource_written_with_other_spaces_and_order_is_the_same_event(
    read, tmp_path, keyring
):
    (first,) = read(version(1, provision={**R4["provision"], "purpose": [SALE]})).to_pylist()
    resource = version(1, provision={**R4["provision"], "purpose": [SALE]})
    text = json.dumps(dict(reversed(resource.items())), separators=(" , ", " : "))
    (tmp_path / "Consent.ndjson").write_text(text)
    again = read_consents(tmp_path, hospital="north", month="2024-05", keyring=keyring)
    assert again["event_key"].to_pylist() == [first["event_key"]]


def test_a_modifier_nobody_knows_permits_nothing_and_refuses_all_the_same(read):
    modifier = {"modifierExtension": [{"url": "https://x.example/only-on-sundays"}]}
    assert state(read({**R4, **modifier})) == "no_event"
    assert state(read(provision(**modifier))) == "no_event"
    refused = {**R4, **modifier, "provision": {"type": "deny", "purpose": [SALE], **modifier}}
    assert state(read(refused)) == "denied"


def test_a_time_of_writing_that_is_none_counts_as_not_told(read):
    odd = {**R4, "meta": {"versionId": 3, "lastUpdated": "yesterday"}, "dateTime": "2024-01-10"}
    (event, _) = read(odd).to_pylist()
    assert (event["record_version"], event["record_updated_at"]) == ("3", "")


MAY_FIRST = "2024-05-01T01:00:00Z"


def delete(tmp_path, *urls, name="deleted.ndjson", told=MAY_FIRST, **bundle):
    entries = [{"request": {"method": "DELETE", "url": url}} for url in urls]
    document = {"resourceType": "Bundle", "type": "transaction", "entry": entries, **bundle}
    (tmp_path / name).write_text(json.dumps(document) + "\n")
    if told:
        (tmp_path / "bulk-manifest.json").write_text(json.dumps({"transactionTime": told}))


@pytest.mark.parametrize("url", ["Consent/c1", "https://fhir.example/r4/Consent/c1/_history/2"])
def test_a_deleted_consent_permits_no_longer_until_it_is_written_anew(read, tmp_path, keyring, url):
    first = read(R4)
    delete(tmp_path, "Observation/o1", url)
    (tmp_path / "Consent.ndjson").write_text("")
    gone = read_consents(tmp_path, hospital="north", month="2024-05", keyring=keyring)
    assert gone.num_rows == 1
    assert state(pa.concat_tables([gone, first])) == "withdrawn"
    anew = read({**R4, "meta": {"versionId": "3", "lastUpdated": "2024-05-20T00:00:00Z"}})
    assert state(pa.concat_tables([first, anew, gone])) == "permitted"


def test_a_deletion_counts_without_any_file_of_consents_and_by_the_manifest_alone(
    read, tmp_path, keyring
):
    first = read(R4)
    (tmp_path / "Consent.ndjson").unlink()
    delete(tmp_path, "Consent/c1", name="gone.ndjson", told="", timestamp=MAY_FIRST)
    (tmp_path / "bulk-manifest.json").write_text(
        json.dumps({"deleted": [{"type": "Bundle", "url": "https://x.example/b/gone.ndjson"}]})
    )
    gone = read_consents(tmp_path, hospital="north", month="2024-05", keyring=keyring)
    assert state(pa.concat_tables([first, gone])) == "withdrawn"


def test_a_deletion_of_unknown_time_leaves_nothing_permitted(read, tmp_path):
    delete(tmp_path, "Consent/c1", told="")
    assert state(read(R4)) == "withdrawn"


@pytest.mark.parametrize("url", ["Consent?patient=p-secret", "Consent/", "Consent"])
def test_a_deletion_that_names_no_consent_refuses_the_file(read, tmp_path, url):
    delete(tmp_path, url)
    with pytest.raises(ConsentError, match="line 1") as refusal:
        read(R4)
    assert "secret" not in str(refusal.value)
