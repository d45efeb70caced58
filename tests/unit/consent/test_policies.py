"""The rule of consent, read twice: as SQL in the product and as a loop here."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearward.consent.policies import (
    NO_DEATHS,
    RULES,
    check_may_use,
    decide,
    may_use,
)
from clearward.consent.purposes import PURPOSES, USES
from clearward.errors import ConsentError

from .hospital import as_table, event

AS_OF = "2024-03-05T12:00:00Z"
USE = "commercial_licensing"


def reference(events, use, as_of, died_on):
    """The rule as a person would apply it to one patient, one event after the other."""
    asked = min(as_of, f"{died_on}T23:59:59Z") if died_on else as_of
    about = [e for e in events if use in PURPOSES[e["purpose"]].uses]
    permits = [e for e in about if e["decision"] == "permit" and PURPOSES[e["purpose"]].may_permit]
    refusals = [e for e in about if e["decision"] != "permit"]
    begun = [p for p in permits if p["decided_at"] <= asked and p["valid_from"] <= asked]
    begun.sort(key=lambda p: (p["decided_at"], invert(p["valid_until"] or "9999")))

    def lifts(permit, refusal):
        broad = len(PURPOSES[refusal["purpose"]].uses) > 1
        if refusal["decision"] == "deny" and broad:
            return permit["decided_at"] >= refusal["decided_at"]
        return permit["decided_at"] > refusal["decided_at"]

    if begun and all(lifts(begun[-1], refusal) for refusal in refusals):
        until = begun[-1]["valid_until"]
        return "expired" if until and until < asked else "permitted"
    if any(r["decision"] == "withdraw" for r in refusals):
        return "withdrawn"
    if refusals:
        return "denied"
    return "not_yet_valid" if permits else "no_event"


def invert(text):
    return [-ord(letter) for letter in text]


moments = st.sampled_from([f"2024-03-{day:02d}T12:00:00Z" for day in range(1, 10)])


@st.composite
def any_event(draw):
    start = draw(moments)
    return event(
        draw(st.sampled_from(["p1", "p2"])),
        draw(st.sampled_from(["permit", "permit", "permit", "deny", "withdraw"])),
        draw(moments),
        purpose=draw(st.sampled_from(sorted(PURPOSES))),
        valid_from=start,
        valid_until=draw(st.none() | moments.filter(lambda until: until >= start)),
    )


def states(events, as_of=AS_OF, deaths=None):
    rows = [{"patient_key": k, "died_on": v} for k, v in (deaths or {}).items()]
    with duckdb.connect() as connection:
        table = pa.Table.from_pylist(rows, schema=NO_DEATHS.schema)
        decide(connection, as_table(events), as_of=as_of, deaths=table)
        found = connection.execute("SELECT patient_key, purpose, state FROM consent_state")
        return {(patient, use): state for patient, use, state in found.fetchall()}


@settings(max_examples=120, deadline=None)
@given(
    events=st.lists(any_event(), max_size=8),
    as_of=moments,
    deaths=st.dictionaries(
        st.sampled_from(["p1", "p2"]), st.sampled_from(["2024-03-03", "2024-03-06"])
    ),
)
def test_the_sql_agrees_with_the_reference_for_every_use(events, as_of, deaths):
    found = states(events, as_of, deaths)
    for patient in ("p1", "p2"):
        own = [e for e in events if e["patient_key"] == patient]
        for use in USES:
            expected = reference(own, use, as_of, deaths.get(patient))
            assert found.get((patient, use), "no_event") == expected


@settings(max_examples=40, deadline=None)
@given(events=st.lists(any_event(), max_size=8), shuffled=st.randoms())
def test_the_order_in_which_events_arrive_does_not_matter(events, shuffled):
    other = list(events)
    shuffled.shuffle(other)
    assert states(events) == states(other)


@settings(max_examples=40, deadline=None)
@given(events=st.lists(any_event(), max_size=8), when=moments)
def test_after_a_last_withdrawal_of_everything_nothing_is_permitted(events, when):
    last = max([when, *(e["decided_at"] for e in events)])
    gone = event("p1", "withdraw", last, purpose="everything")
    found = states([*events, gone])
    assert {found["p1", use] for use in USES} == {"withdrawn"}


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], False),
        ([event("p1", "permit", "2024-03-01")], True),
        ([event("p1", "permit", "2024-03-01", purpose="general_admission")], False),
        ([event("p1", "permit", "2024-03-01", purpose="ai_training")], False),
        ([event("p2", "permit", "2024-03-01")], False),
        ([event("p1", "permit", "2024-03-01", valid_until=AS_OF)], True),
        ([event("p1", "permit", "2024-03-01", valid_until="2024-03-05T11:59:59Z")], False),
        ([event("p1", "permit", "2024-03-01", valid_from=AS_OF)], True),
        ([event("p1", "permit", "2024-03-01", valid_from="2024-03-05T12:00:01Z")], False),
        ([event("p1", "permit", "2024-03-01"), event("p1", "withdraw", "2024-03-02")], False),
        ([event("p1", "permit", "2024-03-03"), event("p1", "withdraw", "2024-03-02")], True),
        ([event("p1", "permit", "2024-03-02"), event("p1", "withdraw", "2024-03-02")], False),
        ([event("p1", "permit", "2024-03-01"), event("p1", "withdraw", "2024-03-09")], False),
        ([event("p1", "permit", "2024-03-01", purpose="everything")], False),
    ],
)
def test_may_use_answers_and_check_may_use_raises(events, expected):
    table = as_table(events)
    assert may_use(table, "p1", use=USE, as_of=AS_OF) is expected
    if expected:
        check_may_use(table, "p1", use=USE, as_of=AS_OF)
    else:
        with pytest.raises(ConsentError, match="No consent of patient p1"):
            check_may_use(table, "p1", use=USE, as_of=AS_OF)


def test_refusing_all_but_one_use_in_the_same_second_permits_that_use():
    both = [
        event("p1", "deny", "2024-03-01", purpose="everything"),
        event("p1", "permit", "2024-03-01"),
    ]
    assert states(both)["p1", USE] == "permitted"
    assert states(both)["p1", "research"] == "denied"


def test_a_renewal_that_has_not_begun_hides_no_older_permit():
    events = [
        event("p1", "permit", "2024-03-01", valid_until="2024-03-08"),
        event("p1", "permit", "2024-03-04", valid_from="2024-03-08"),
    ]
    assert states(events)["p1", USE] == "permitted"


def test_a_permit_given_after_death_never_begins():
    events = [event("p1", "permit", "2024-03-04")]
    assert states(events, deaths={"p1": "2024-03-03"})["p1", USE] == "not_yet_valid"


def test_every_written_rule_is_a_sentence():
    assert all(rule.endswith(".") for rule in RULES.values())
    assert {"withdrawal", "death", "guardian", "default"} <= set(RULES)


def test_an_unknown_use_is_an_error_and_not_a_no():
    with pytest.raises(ConsentError, match="Unknown use"):
        may_use(as_table([]), "p1", use="marketing", as_of=AS_OF)
