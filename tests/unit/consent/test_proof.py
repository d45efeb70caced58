"""Summaries that tell no small count, and evidence that can be checked."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearward.consent.counts import write_counts
from clearward.consent.evidence import RULE_OF, evidence_pack, pack_digest, pack_html
from clearward.consent.model import STATES
from clearward.consent.policies import RULES
from clearward.consent.registry import event_key
from clearward.consent.snapshot import snapshot_events
from clearward.consent.summary import MASKED, masked, release_summary
from clearward.errors import ConsentError
from clearward.state.base import state_engine

from .hospital import HOSPITAL, event, make_settings, record

AS_OF = "2024-06-30T23:59:59Z"


@pytest.fixture
def settings(tmp_path):
    return make_settings(tmp_path)


def pack_of(settings, key="p1"):
    database = state_engine(settings.database)
    return evidence_pack(
        database, hospital=HOSPITAL, patient_key=key, as_of=AS_OF, born_on="1970-01-01"
    )


@given(
    counts=st.dictionaries(st.sampled_from(sorted(STATES)), st.integers(0, 40), max_size=6),
    k=st.integers(2, 15),
)
def test_no_number_of_a_summary_is_known_closer_than_to_k(counts, k):
    told = masked(counts, k=k)
    for shown, n in [(told["patients"], sum(counts.values()))] + [
        (told["reasons"][reason], n) for reason, n in counts.items() if n
    ]:
        assert 0 < n < k if shown == MASKED else shown % k == 0 and shown - k < n <= shown


def test_two_months_side_by_side_do_not_count_who_withdrew_between_them():
    before, after = ({"permitted": n, "denied": 60 - n} for n in (44, 39))
    told = [masked(counts, k=11)["reasons"] for counts in (before, after)]
    assert told == [{"permitted": 44, "denied": 22}, {"permitted": 44, "denied": 22}]


def test_a_summary_adds_hospitals_up_and_names_nobody(settings):
    for hospital, denied in (("north", 3), ("south", 20)):
        counts = {"commercial_licensing": {"permitted": 50, "denied": denied}}
        write_counts(settings, counts, ledger="a" * 64, hospital=hospital, month="2024-05")
    told = release_summary(settings, month="2024-05", purposes=("commercial_licensing",), k=11)
    assert told["purposes"]["commercial_licensing"]["reasons"] == {"permitted": 110, "denied": 33}
    assert "north" not in json.dumps(told)


def test_a_month_the_gate_never_saw_has_no_summary(settings):
    with pytest.raises(ConsentError, match="no consent counts"):
        release_summary(settings, month="2024-05", purposes=("commercial_licensing",), k=11)


def test_a_pack_holds_every_event_and_hashes_anybody_can_compute(settings):
    record(settings, event("p1", "permit", "2024-01-05"), event("p2", "permit", "2024-01-05"))
    record(settings, event("p1", "withdraw", "2024-02-05", purpose="everything"))
    pack = pack_of(settings)
    assert [e["decision"] for e in pack["events"]] == ["permit", "withdraw"]
    assert all(event_key(e) == e["event_key"] for e in pack["events"])
    assert pack["pack_sha256"] == pack_digest(json.loads(json.dumps(pack)))
    decided = {d["purpose"]: d for d in pack["decisions"]}
    assert decided["commercial_licensing"]["state"] == "withdrawn"
    assert decided["commercial_licensing"]["rule"] == "withdrawal"
    assert "p2" not in json.dumps(pack)
    assert pack["pack_sha256"] in pack_html(pack)


def test_every_state_has_a_written_rule():
    assert set(RULE_OF) == {*STATES, "no_event"}
    assert set(RULE_OF.values()) <= set(RULES)


def test_a_patient_without_events_has_no_pack(settings):
    record(settings, event("p1", "permit", "2024-01-05"))
    with pytest.raises(ConsentError, match="no event"):
        pack_of(settings, "p9")


def test_a_snapshot_is_written_again_when_an_event_came_or_its_bytes_changed(settings):
    database = state_engine(settings.database)
    record(settings, event("p1", "permit", "2024-01-05"))
    (path,) = snapshot_events(settings, database, hospital=HOSPITAL, month="2024-01")
    first = path.read_bytes()
    path.write_bytes(b"forged")
    snapshot_events(settings, database, hospital=HOSPITAL, month="2024-01")
    assert path.read_bytes() == first
    record(settings, event("p1", "withdraw", "2024-01-06"))
    snapshot_events(settings, database, hospital=HOSPITAL, month="2024-01")
    assert path.read_bytes() != first


def test_a_pack_tells_the_versions_of_a_record_but_nobody_elses_patient(settings):
    own = {"record_key": "k" * 20, "record_sha256": "a" * 64}
    record(settings, event("p1", "permit", "2024-01-05", **own, record_version="1"))
    moved = {**own, "record_sha256": "b" * 64, "record_version": "2"}
    record(settings, event("p2", "permit", "2024-01-05", **moved))
    pack = pack_of(settings)
    decided = {d["purpose"]: d for d in pack["decisions"]}
    assert decided["commercial_licensing"]["state"] == "withdrawn"
    assert [e["record_version"] for e in pack["events"]] == ["1"]
    assert all(event_key(e) == e["event_key"] for e in pack["events"])
    assert "p2" not in json.dumps(pack)
    assert "k" * 20 in pack_html(pack)
