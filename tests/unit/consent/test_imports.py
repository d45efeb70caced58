"""A consent file is taken whole or refused whole, and no refusal quotes a value."""

from __future__ import annotations

import gzip

import pytest

from clearward.consent.imports import read_consents
from clearward.consent.lines import COLUMNS, OPTIONAL
from clearward.consent.lines import RULES as _RULES
from clearward.consent.registry import event_key
from clearward.errors import ConsentError
from clearward.keyring import init_keyring, pseudonym

GOOD = {
    "patient_id": "id-1",
    "purpose": "commercial_licensing",
    "decision": "permit",
    "decided_at": "2024-01-02T10:00:00Z",
    "valid_from": "",
    "valid_until": "",
    "text_version": "v3",
    "text_sha256": "aB" * 32,
    "evidence_sha256": "cd" * 32,
    "language": "zh-CN",
    "guardian": "",
    **dict.fromkeys(OPTIONAL, ""),
}


@pytest.fixture
def keyring(tmp_path):
    return init_keyring(tmp_path / "keyring.json")


def write(tmp_path, *lines, header=COLUMNS):
    text = [",".join(header), *(",".join(line[name] for name in header) for line in lines)]
    (tmp_path / "consents.csv").write_text("\n".join(text) + "\n", encoding="utf-8")


def read(tmp_path, keyring):
    table = read_consents(tmp_path, hospital="north", month="2024-01", keyring=keyring)
    return table.to_pylist()


def test_a_line_becomes_an_event_without_the_patients_id(tmp_path, keyring):
    write(tmp_path, GOOD)
    (event,) = read(tmp_path, keyring)
    expected_key = pseudonym(keyring.key("row"), "north", "patients", "id-1")
    assert event["patient_key"] == expected_key
    assert "id-1" not in str(event)
    assert event["event_key"] == event_key(event)
    assert (event["valid_from"], event["valid_until"]) == (event["decided_at"], None)
    assert event["text_sha256"] == "ab" * 32
    assert (event["month"], event["guardian"], len(event["file_id"])) == ("2024-01", False, 12)


def test_times_become_utc_and_dates_become_the_cautious_second(tmp_path, keyring):
    write(
        tmp_path,
        {**GOOD, "decided_at": "2024-01-02 18:00:00+08:00", "valid_until": "2025-01-01"},
        {**GOOD, "decided_at": "2024-01-02"},
        {**GOOD, "decided_at": "2024-01-02", "decision": "withdraw", "purpose": "everything"},
        {**GOOD, "decided_at": "2024-01-02T10:00:00.75Z", "guardian": "TRUE"},
    )
    events = read(tmp_path, keyring)
    assert [event["decided_at"] for event in events] == [
        "2024-01-02T10:00:00Z",
        "2024-01-02T00:00:00Z",
        "2024-01-02T23:59:59Z",
        "2024-01-02T10:00:00Z",
    ]
    assert events[0]["valid_until"] == "2025-01-01T23:59:59Z"
    assert events[3]["guardian"] is True


def test_columns_may_come_in_another_order(tmp_path, keyring):
    write(tmp_path, GOOD, header=tuple(reversed(COLUMNS)))
    assert read(tmp_path, keyring)[0]["language"] == "zh-CN"


def test_a_byte_order_mark_is_no_part_of_the_header(tmp_path, keyring):
    write(tmp_path, GOOD)
    path = tmp_path / "consents.csv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(read(tmp_path, keyring)) == 1


def test_a_refusal_needs_no_text_and_no_evidence(tmp_path, keyring):
    empty = dict.fromkeys(("text_version", "text_sha256", "evidence_sha256"), "")
    write(tmp_path, {**GOOD, **empty, "decision": "deny"})
    assert read(tmp_path, keyring)[0]["decision"] == "deny"


BROKEN = {
    "patient_id is empty": {"patient_id": " "},
    "unknown purpose": {"purpose": "secret-purpose"},
    "unknown decision": {"decision": "secret-decision"},
    "this purpose can be refused only, not permitted": {"purpose": "everything"},
    "decided_at is empty": {"decided_at": ""},
    "decided_at is not an ISO 8601 date or time": {"decided_at": "2024-02-30"},
    "valid_from is not an ISO 8601 date or time": {"valid_from": "02/01/2024"},
    "valid_until is not an ISO 8601 date or time": {"valid_until": "forever-secret"},
    "valid_until lies before valid_from": {"valid_until": "2023-01-01"},
    "a permit needs text_version": {"text_version": ""},
    "a permit needs text_sha256": {"text_sha256": ""},
    "a permit needs evidence_sha256": {"evidence_sha256": ""},
    "text_sha256 is not 64 hex characters": {"text_sha256": "secret"},
    "evidence_sha256 is not 64 hex characters": {"evidence_sha256": "z" * 64},
    "text_version is longer than 64 or holds |": {"text_version": "v" * 65},
    "decided_at lies in the future": {"decided_at": "2199-01-01"},
    "decided_at lies before 1900": {"decided_at": "1024-01-02"},
    "guardian_evidence_sha256 is not 64 hex characters": {"guardian_evidence_sha256": "secret"},
    "unknown guardian_relation": {"guardian": "1", "guardian_relation": "neighbour-secret"},
    "guardian_relation without a guardian": {"guardian_relation": "parent"},
    "this guardian may refuse only, not permit": {
        "guardian": "1",
        "guardian_relation": "next_of_kin",
    },
    "a permit for an adult needs guardian_evidence_sha256": {
        "guardian": "1",
        "guardian_relation": "adult_representative",
    },
    "unknown category of data": {"categories": "notes shoe-secret"},
    "recipients are not classes or class:Name": {"recipients": "Acme-secret"},
    "unknown jurisdiction": {"jurisdiction": "atlantis"},
    "one event_id stands for two decisions": {"event_id": "e-1", "decision": "deny"},
    "one text_version has two text_sha256 in a language": {"text_sha256": "ff" * 32},
    "language is not a tag such as en or zh-CN": {"language": "English!"},
    "guardian is not true or false": {"guardian": "mother-secret"},
    "record_id is longer than 256": {"record_id": "r" * 257},
    "record_version is not 1 to 64 letters, digits, - or .": {
        "record_id": "r-1",
        "record_version": "v secret",
    },
    "record_updated_at is not an ISO 8601 time": {
        "record_id": "r-1",
        "record_updated_at": "2024-01-02",
    },
    "record_updated_at lies in the future": {
        "record_id": "r-1",
        "record_updated_at": "2199-01-02T00:00:00Z",
    },
    "record_version or record_updated_at without record_id": {"record_version": "2-secret"},
}


def test_every_rule_has_a_broken_line():
    assert set(BROKEN) == set(_RULES)


@pytest.mark.parametrize("rule", BROKEN)
def test_one_broken_line_refuses_the_file_and_is_named_without_its_value(tmp_path, keyring, rule):
    good = {**GOOD, "event_id": "e-1"} if rule.startswith("one event_id") else GOOD
    write(tmp_path, good, {**good, **BROKEN[rule]}, good, header=(*COLUMNS, *OPTIONAL))
    with pytest.raises(ConsentError) as raised:
        read(tmp_path, keyring)
    first = 2 if rule.startswith("one ") else 3  # both lines of a contradiction are wrong
    assert f"line {first}: {rule}" in str(raised.value)
    values = [value for value in BROKEN[rule].values() if len(value) > 3 and value != "everything"]
    assert all(value not in str(raised.value) for value in values)
    assert raised.value.__cause__ is None


def test_a_ragged_line_is_refused_without_being_quoted(tmp_path, keyring):
    write(tmp_path, GOOD)
    with (tmp_path / "consents.csv").open("a") as file:
        file.write("secret-id,too,few\n")
    with pytest.raises(ConsentError) as raised:
        read(tmp_path, keyring)
    assert "secret-id" not in str(raised.value)
    assert raised.value.__suppress_context__


def test_another_encoding_is_refused(tmp_path, keyring):
    write(tmp_path, {**GOOD, "text_version": "版本"})
    path = tmp_path / "consents.csv"
    path.write_bytes(path.read_text("utf-8").encode("gb18030"))
    with pytest.raises(ConsentError, match="UTF-8"):
        read(tmp_path, keyring)


@pytest.mark.parametrize("header", [COLUMNS[:-1], (*COLUMNS, "note")])
def test_other_columns_are_refused(tmp_path, keyring, header):
    write(tmp_path, {**GOOD, "note": ""}, header=header)
    with pytest.raises(ConsentError, match="other columns"):
        read(tmp_path, keyring)


def test_an_empty_file_is_refused_but_a_header_alone_says_nothing(tmp_path, keyring):
    (tmp_path / "consents.csv").write_text("")
    with pytest.raises(ConsentError):
        read(tmp_path, keyring)
    write(tmp_path)
    assert read(tmp_path, keyring) == []


def test_no_file_permits_nothing(tmp_path, keyring):
    assert read(tmp_path, keyring) == []


def test_a_compressed_file_is_understood_and_two_are_refused(tmp_path, keyring):
    write(tmp_path, GOOD)
    packed = gzip.compress((tmp_path / "consents.csv").read_bytes())
    (tmp_path / "consents.csv.gz").write_bytes(packed)
    with pytest.raises(ConsentError, match="twice"):
        read(tmp_path, keyring)
    (tmp_path / "consents.csv").unlink()
    assert len(read(tmp_path, keyring)) == 1


def test_optional_columns_become_details_of_the_event(tmp_path, keyring):
    line = {
        **GOOD,
        "event_id": "K-17",
        "guardian": "1",
        "guardian_relation": "parent",
        "guardian_evidence_sha256": "EE" * 32,
        "categories": "structured  notes structured",
        "recipients": "research_institution; company:Acme Pharma",
        "jurisdiction": "cn",
    }
    write(tmp_path, line, header=(*COLUMNS, *OPTIONAL))
    (event,) = read(tmp_path, keyring)
    assert event["categories"] == "notes structured"
    assert event["recipients"] == "company:Acme Pharma;research_institution"
    assert event["guardian_evidence_sha256"] == "ee" * 32
    assert event["source_key"] == pseudonym(keyring.key("row"), "north", "consents", "K-17")
    assert event["event_key"] == event_key(event)
    assert "K-17" not in str(event)


def test_an_old_file_makes_the_same_events_as_one_with_empty_new_columns(tmp_path, keyring):
    write(tmp_path, GOOD)
    old = read(tmp_path, keyring)
    write(tmp_path, GOOD, header=(*COLUMNS, *OPTIONAL))
    new = read(tmp_path, keyring)
    assert old[0]["event_key"] == new[0]["event_key"]


def test_the_same_line_twice_is_one_event(tmp_path, keyring):
    write(tmp_path, GOOD, GOOD)
    first, second = read(tmp_path, keyring)
    assert first == second


def test_lines_of_one_record_and_version_are_one_saying_whatever_file_and_proof(tmp_path, keyring):
    own = {
        "record_id": "R-9",
        "record_version": "2",
        "record_updated_at": "2024-01-02T09:00:00+01:00",
    }
    lines = [{**GOOD, **own}, {**GOOD, **own, "purpose": "research"}]
    write(tmp_path, *lines, header=(*COLUMNS, *OPTIONAL))
    first = read(tmp_path, keyring)
    assert {e["record_updated_at"] for e in first} == {"2024-01-02T08:00:00.000000Z"}
    assert {e["record_key"] for e in first} == {
        pseudonym(keyring.key("row"), "north", "records", "R-9")
    }
    assert [e["event_key"] for e in first] == [event_key(e) for e in first]
    (said,) = {e["record_sha256"] for e in first}
    proved = [{**line, "evidence_sha256": "ef" * 32} for line in reversed(lines)]
    write(tmp_path, *proved, header=(*COLUMNS, *OPTIONAL))
    assert {e["record_sha256"] for e in read(tmp_path, keyring)} == {said}
    write(tmp_path, lines[0], header=(*COLUMNS, *OPTIONAL))
    assert {e["record_sha256"] for e in read(tmp_path, keyring)} != {said}


def test_a_line_cannot_say_that_a_version_says_nothing(tmp_path, keyring):
    write(tmp_path, {**GOOD, "decision": "silence"})
    with pytest.raises(ConsentError, match="unknown decision"):
        read(tmp_path, keyring)


@pytest.mark.parametrize("name", ["Consent-1.ndjson", "CONSENTS.CSV", "1.Consent.000.ndjson.gz"])
def test_consents_under_another_name_do_not_go_unread(tmp_path, keyring, name):
    (tmp_path / name).write_text("", encoding="utf-8")
    with pytest.raises(ConsentError, match="under a name that is not agreed"):
        read(tmp_path, keyring)
