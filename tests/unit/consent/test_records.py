"""Which version of a record counts, read twice: as SQL in the product and as a loop here."""

from __future__ import annotations

import hashlib

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearward.consent.contradictions import RECORDS, count_contradictions
from clearward.consent.model import SILENCE
from clearward.consent.policies import NOBODY, decide

from .hospital import as_table, event

AS_OF = "2024-03-05T12:00:00Z"
USE = "commercial_licensing"
RECORD = ("record_key", "record_version", "record_updated_at")


def saying(record, said, *, number="", written=""):
    """Events of one delivery of one version: what it says, or that it says nothing."""
    events = said or [event("p1", SILENCE, "2024-03-01", purpose="everything")]
    digest = hashlib.sha256(repr(sorted(map(str, events))).encode()).hexdigest()
    own = {"record_version": number, "record_updated_at": written, "record_sha256": digest}
    return [{**e, "record_key": record, **own} for e in events]


def is_later(one, other):
    """A version that is later in one measure and earlier in none."""
    pairs = [
        (int(one[1]), int(other[1])) if one[1].isdigit() and other[1].isdigit() else None,
        (one[2], other[2]) if one[2] and other[2] else None,
    ]
    told = [pair for pair in pairs if pair]
    return any(a > b for a, b in told) and not any(a < b for a, b in told)


def stands(events):
    """Events as they would be if only the last version of every record had ever come."""
    kept, ended = [], []
    versions = {}
    for e in events:
        version = (e["record_key"], e["record_version"], e["record_updated_at"])
        versions.setdefault(e["record_key"], set()).add((*version, e["record_sha256"]))
    for e in events:
        own = tuple(e[name] for name in RECORD)
        rivals = versions[e["record_key"]] if e["record_key"] else set()
        if any(is_later(rival, own) for rival in rivals):
            ended += [e] if e["decision"] == "permit" else []
            continue
        last = {r[3] for r in rivals if not any(is_later(other, r) for other in rivals)}
        decision = e["decision"]
        if len(last) > 1 and decision == "permit":
            decision = "withdraw"
        if decision != SILENCE:
            kept.append({**e, "decision": decision})
    permitted = {(e["patient_key"], e["purpose"]) for e in kept if e["decision"] == "permit"}
    taken_back = [e for e in ended if (e["patient_key"], e["purpose"]) not in permitted]
    bare = dict.fromkeys((*RECORD, "record_sha256"), "")
    gone = [{**e, "decision": "withdraw"} for e in taken_back]
    return [{**e, **bare} for e in [*kept, *gone]]


def states(events):
    people = [{"patient_key": p, "born_on": "1970-01-01", "died_on": None} for p in ("p1", "p2")]
    with duckdb.connect() as connection:
        table = pa.Table.from_pylist(people, schema=NOBODY.schema)
        decide(connection, as_table(events), as_of=AS_OF, people=table)
        found = connection.execute("FROM consent_state").fetchall()
    return {(patient, use): (state, categories) for patient, use, state, categories in found}


def state(*sayings, use=USE):
    return states([e for said in sayings for e in said]).get(("p1", use), ("no_event", ""))[0]


NUMBERS = st.sampled_from(["", "1", "2", "3", "10", "a-guid"])
TIMES = st.sampled_from(["", *(f"2024-02-0{n}T08:00:00.{n}00000Z" for n in (1, 2, 3))])
DAYS = st.sampled_from([f"2024-03-0{day}" for day in range(1, 8)])


@st.composite
def any_event(draw):
    return event(
        draw(st.sampled_from(["p1", "p1", "p2"])),
        draw(st.sampled_from(["permit", "permit", "permit", "deny", "withdraw"])),
        draw(DAYS),
        purpose=draw(st.sampled_from([USE, USE, "research", "general_admission"])),
        valid_until=draw(st.none() | st.just("2024-03-07")),
        categories=draw(st.sampled_from(["", "", "notes structured", "structured"])),
        recipients=draw(st.sampled_from(["", "", "company", "company:A"])),
    )


@st.composite
def any_saying(draw):
    said = draw(st.lists(any_event(), max_size=3))
    record = draw(st.sampled_from(["r1", "r1", "r2"]))
    return saying(record, said, number=draw(NUMBERS), written=draw(TIMES))


SENT = st.tuples(st.lists(any_saying(), max_size=5), st.lists(any_event(), max_size=2))


@settings(max_examples=100, deadline=None)
@given(sent=SENT)
def test_the_sql_agrees_with_the_oracle(sent):
    events = [e for said in sent[0] for e in said] + sent[1]
    assert states(events) == states(stands(events))


@settings(max_examples=25, deadline=None)
@given(sent=SENT, shuffled=st.randoms())
def test_neither_the_order_of_arrival_nor_a_second_delivery_matters(sent, shuffled):
    events = [e for said in sent[0] for e in said] + sent[1]
    again = [*events, *events]
    shuffled.shuffle(again)
    assert states(again) == states(events)


@settings(max_examples=25, deadline=None)
@given(older=st.lists(st.lists(any_event(), max_size=3), max_size=4), last=st.lists(any_event()))
def test_the_last_version_permits_exactly_what_it_would_permit_alone(older, last):
    sent = [saying("r1", said, number=str(n)) for n, said in enumerate(older, start=1)]
    whole = states([e for said in [*sent, saying("r1", last, number="99")] for e in said])
    alone = states(saying("r1", last, number="99"))
    permitted = {cell: found for cell, found in whole.items() if found[0] == "permitted"}
    assert permitted == {c: found for c, found in alone.items() if found[0] == "permitted"}


@settings(max_examples=25, deadline=None)
@given(sent=SENT, one=st.lists(any_event(), min_size=1, max_size=3), other=st.lists(any_event()))
def test_two_contents_of_one_last_version_never_permit_more_than_either(sent, one, other):
    rest = [e for said in sent[0] for e in said if e["record_key"] != "r1"] + sent[1]
    both = states([*rest, *saying("r1", one, number="7"), *saying("r1", other, number="7")])
    for alone in (one, other):
        found = states([*rest, *saying("r1", alone, number="7")])
        for cell, (name, categories) in both.items():
            if name == "permitted":
                assert found[cell][0] == "permitted"
                assert set(categories.split()) <= set(found[cell][1].split())


PERMIT = [event("p1", "permit", "2024-03-01")]
NARROWER = {
    "fewer kinds of data": (
        [event("p1", "permit", "2024-03-01", categories="notes")],
        "other_category",
    ),
    "fewer recipients": (
        [event("p1", "permit", "2024-03-01", recipients="company:Acme")],
        "other_recipient",
    ),
    "a shorter period": (
        [event("p1", "permit", "2024-03-01", valid_until="2024-03-02")],
        "expired",
    ),
    "fewer purposes": ([event("p1", "permit", "2024-03-01", purpose="research")], "withdrawn"),
    "nothing we can keep": ([], "withdrawn"),
    "a refusal of the same second": ([event("p1", "deny", "2024-03-01")], "withdrawn"),
}


@pytest.mark.parametrize("case", NARROWER)
@pytest.mark.parametrize("newest_first", [False, True])
def test_a_version_that_only_narrows_replaces_the_wider_one(case, newest_first):
    narrower, expected = NARROWER[case]
    sent = [saying("r1", PERMIT, number="1"), saying("r1", narrower, number="2")]
    assert state(*(reversed(sent) if newest_first else sent)) == expected


def test_what_one_record_takes_back_another_record_may_still_permit():
    other = saying("r2", [event("p1", "permit", "2024-02-01")], number="1")
    sent = [saying("r1", PERMIT, number="1"), saying("r1", [], number="2")]
    assert state(*sent) == "withdrawn"
    assert state(*sent, other) == "permitted"


def test_a_withdrawal_outside_the_record_is_not_lifted_by_a_new_version_of_the_old_date():
    gone = [event("p1", "withdraw", "2024-03-02", purpose="everything")]
    sent = [saying("r1", PERMIT, number=str(n)) for n in (1, 2, 3)]
    assert state(*sent, gone) == "withdrawn"


def test_a_refusal_that_a_later_version_no_longer_makes_is_gone():
    refused = saying("r1", [event("p1", "deny", "2024-03-01")], number="1")
    assert state(refused, saying("r1", PERMIT, number="2")) == "permitted"


def test_a_record_that_moved_to_another_patient_says_nothing_about_the_first():
    moved = saying("r1", [event("p2", "permit", "2024-03-01")], number="2")
    found = states([*saying("r1", PERMIT, number="1"), *moved])
    assert found["p1", USE][0] == "withdrawn"
    assert found["p2", USE][0] == "permitted"


def test_a_number_counts_by_its_value_and_not_by_its_digits():
    sent = [saying("r1", PERMIT, number="9"), saying("r1", [], number="10")]
    assert state(*sent) == "withdrawn"


def test_versions_with_opaque_names_are_ordered_by_their_time():
    early = {"number": "b-7", "written": "2024-02-01T08:00:00.000000Z"}
    late = {"number": "a-1", "written": "2024-02-01T08:00:00.000001Z"}
    assert state(saying("r1", PERMIT, **early), saying("r1", [], **late)) == "withdrawn"
    assert state(saying("r1", PERMIT, **late), saying("r1", [], **early)) == "permitted"


ONE_WORD = [event("p1", "permit", "2024-03-01", categories="structured")]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"number": "2"}, {"number": "2"}),
        ({}, {}),
        ({"number": "a"}, {"number": "b"}),
        ({"number": "1"}, {"written": "2024-02-01T08:00:00.000000Z"}),
        (
            {"number": "1", "written": "2024-02-02T08:00:00.000000Z"},
            {"number": "2", "written": "2024-02-01T08:00:00.000000Z"},
        ),
    ],
)
def test_versions_nobody_can_order_permit_nothing_and_are_counted(one, other):
    sent = [*saying("r1", PERMIT, **one), *saying("r1", ONE_WORD, **other)]
    assert states(sent)["p1", USE] == ("withdrawn", "")
    assert count_contradictions(as_table(sent))[RECORDS] == 1
    assert count_contradictions(as_table(sent[:1]), as_table(sent[1:]))[RECORDS] == 1
    same = [*saying("r1", PERMIT, **one), *saying("r1", PERMIT, **other)]
    assert states(same)["p1", USE][0] == "permitted"
    assert count_contradictions(as_table(same))[RECORDS] == 0


WRITTEN = "2024-03-01T08:00:00.000000Z"


@pytest.mark.parametrize("later", [{"number": "3"}, {"number": "3", "written": WRITTEN}])
def test_a_later_version_ends_a_contradiction(later):
    sent = [saying("r1", PERMIT, number="2"), saying("r1", [], number="2")]
    assert state(*sent) == "withdrawn"
    assert state(*sent, saying("r1", ONE_WORD, **later)) == "permitted"


def test_a_contradicted_version_leaves_no_older_permit_in_force():
    older = [event("p1", "permit", "2024-01-01")]
    short = [event("p1", "permit", "2024-03-01", valid_until="2024-03-02")]
    sent = [saying("r1", PERMIT, number="1"), saying("r1", short, number="1")]
    assert state(older, *sent) == "withdrawn"


def test_one_id_for_a_thousand_versions_is_told_in_one_pass():
    sent = [saying("r1", PERMIT, number=str(n)) for n in range(1, 1_001)]
    assert state(*sent, saying("r1", [], number="1001")) == "withdrawn"
