"""The rule of consent, read twice: as SQL in the product and as a loop here."""

from __future__ import annotations

import datetime

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearward.consent.ages import JURISDICTIONS, RELATIONS
from clearward.consent.model import REASONS, STATES
from clearward.consent.policies import NOBODY, RULES, decide, read_state
from clearward.consent.purposes import ASKED_RECIPIENTS, PURPOSES, USES
from clearward.errors import ConsentError

from .hospital import as_table, event

AS_OF = "2024-03-05T12:00:00Z"
USE = "commercial_licensing"
ADULT = "1970-01-01"


def years(day, count):
    born = datetime.date.fromisoformat(day)
    try:
        return born.replace(year=born.year + count).isoformat()
    except ValueError:
        return born.replace(year=born.year + count, day=28).isoformat()


def reference(events, use, as_of, *, born=ADULT, died=None, category="structured"):
    """The rule as a person would apply it to one patient, one recipient after the other."""
    named = {
        part
        for e in events
        for part in e["recipients"].split(";")
        if part.startswith(ASKED_RECIPIENTS[use] + ":")
    }
    found = [
        about_recipient(events, use, as_of, born, died, category, recipient)
        for recipient in ["*", *sorted(named)]
    ]
    known = [state for state in found if state != "no_event"]
    if not known:
        return "no_event"
    worst = [state for state in STATES if state in known and state != "permitted"]
    if worst:
        return worst[0]
    return "permitted" if found[0] == "permitted" else "other_recipient"


def about_recipient(events, use, as_of, born, died, category, recipient):
    asked = min(as_of, f"{died}T23:59:59Z") if died else as_of
    about = [e for e in events if width(e, use, category, recipient)]
    refusals = [e for e in about if e["decision"] != "permit"]
    permits = [
        e
        for e in about
        if e["decision"] == "permit"
        and PURPOSES[e["purpose"]].may_permit
        and (category != "genetic" or "genetic" in e["categories"])
    ]
    valid = [p for p in permits if not obstacle(p, born)]
    begun = [p for p in valid if max(p["decided_at"], p["valid_from"]) <= asked]
    in_force = [p for p in begun if ends(p, born)[0] >= asked]

    def lifted(refusal):
        own = width(refusal, use, category, recipient)
        for permit in in_force:
            other = width(permit, use, category, recipient)
            as_narrow = all(a <= b for a, b in zip(other, own, strict=True))
            if as_narrow and permit["decided_at"] > refusal["decided_at"]:
                return True
            same_second = permit["decided_at"] == refusal["decided_at"]
            if same_second and as_narrow and other != own and refusal["decision"] == "deny":
                return True
        return False

    for kind, state in (("withdraw", "withdrawn"), ("deny", "denied")):
        if any(r["decision"] == kind and not lifted(r) for r in refusals):
            return state
    if begun:
        last = max(
            begun,
            key=lambda p: (
                p["decided_at"],
                [-part for part in width(p, use, category, recipient)],
                0 if p in in_force else ["came_of_age", "expired"].index(ends(p, born)[1]) + 1,
            ),
        )
        return "permitted" if last in in_force else ends(last, born)[1]
    if permits:
        return min(
            (obstacle(p, born) for p in permits if obstacle(p, born)), default="not_yet_valid"
        )
    return "no_event"


def width(e, use, category, recipient):
    purpose = PURPOSES[e["purpose"]]
    parts = [part for part in e["recipients"].split(";") if part]
    r = 1 if recipient in parts else 2 if ASKED_RECIPIENTS[use] in parts else 0 if parts else 3
    c = (1 if category in e["categories"].split() else 0) if e["categories"] else 2
    return (purpose.width, c, r) if use in purpose.uses and c and r else None


def obstacle(permit, born):
    law = JURISDICTIONS.get(permit["jurisdiction"], JURISDICTIONS[""])
    relation = RELATIONS[permit["guardian_relation"]]
    if law.names_recipients and not permit["recipients"]:
        return "recipient_not_named"
    if permit["guardian"] and not relation.may_permit:
        return "guardian_missing"
    if permit["guardian"] and not relation.ends_of_age:
        return ""
    if born is None:
        return "age_unknown"
    if not permit["guardian"] and permit["decided_at"] < years(born, law.guardian_below):
        return "guardian_missing"
    return ""


def ends(permit, born):
    until = permit["valid_until"] or "9999-12-31T00:00:00Z"
    relation = RELATIONS[permit["guardian_relation"]]
    if not permit["guardian"] or not relation.ends_of_age:
        return until, "expired"
    law = JURISDICTIONS.get(permit["jurisdiction"], JURISDICTIONS[""])
    birthday = datetime.date.fromisoformat(years(born, law.of_age))
    last = (birthday - datetime.timedelta(days=1)).isoformat() + "T23:59:59Z"
    return (last, "came_of_age") if last < until else (until, "expired")


CATEGORY_LISTS = st.sampled_from(["", "", "notes", "notes structured", "genetic"])
RECIPIENT_LISTS = st.sampled_from(
    ["", "", "company", "company:A", "company;company:B", "other", "company:A;company:B"]
)
moments = st.sampled_from([f"2024-03-{day:02d}T12:00:00Z" for day in range(1, 10)])


@st.composite
def any_event(draw, plain=False):
    start = draw(moments)
    guardian = draw(st.booleans())
    words = st.just("") if plain else None  # no named kinds of data or recipients
    return event(
        draw(st.sampled_from(["p1", "p2"])),
        draw(st.sampled_from(["permit", "permit", "permit", "deny", "withdraw"])),
        draw(moments),
        purpose=draw(st.sampled_from(sorted(PURPOSES))),
        valid_from=start,
        valid_until=draw(st.none() | moments.filter(lambda until: until >= start)),
        guardian=guardian,
        guardian_relation=draw(st.sampled_from(sorted(RELATIONS))) if guardian else "",
        jurisdiction=draw(st.sampled_from(["", "", "cn", "uk"])),
        categories=draw(CATEGORY_LISTS if words is None else words),
        recipients=draw(RECIPIENT_LISTS if words is None else words),
    )


def states(events, as_of=AS_OF, people=None):
    people = {"p1": (ADULT, None), "p2": (ADULT, None)} if people is None else people
    rows = [{"patient_key": k, "born_on": b, "died_on": d} for k, (b, d) in people.items()]
    with duckdb.connect() as connection:
        table = pa.Table.from_pylist(rows, schema=NOBODY.schema)
        decide(connection, as_table(events), as_of=as_of, people=table)
        found = connection.execute("FROM consent_state").fetchall()
    return {(patient, use): (state, categories) for patient, use, state, categories in found}


def state_of(events, use=USE, **more):
    return states(events, **more).get(("p1", use), ("no_event", ""))[0]


births = st.sampled_from([ADULT, ADULT, "2006-03-04", "2008-02-29", "2010-03-03", None])
deaths = st.sampled_from([None, None, "2024-03-03", "2024-03-06"])


@settings(max_examples=250, deadline=None)
@given(
    events=st.lists(any_event(), max_size=8) | st.lists(any_event(plain=True), max_size=8),
    as_of=moments,
    one=st.tuples(births, deaths),
    two=st.tuples(births, deaths),
)
def test_the_sql_agrees_with_the_reference_for_every_use_and_category(events, as_of, one, two):
    people = {"p1": one, "p2": two}
    found = states(events, as_of, people)
    for patient, (born, died) in people.items():
        own = [e for e in events if e["patient_key"] == patient]
        for use in USES:
            state, categories = found.get((patient, use), ("no_event", ""))
            by_category = {
                category: reference(own, use, as_of, born=born, died=died, category=category)
                for category in ("structured", "notes", "imaging", "genetic")
            }
            expected = by_category["structured"]
            if expected == "no_event" and set(by_category.values()) != {"no_event"}:
                expected = "other_category"
            assert state == expected
            permitted = {c for c, s in by_category.items() if s == "permitted"}
            assert set(categories.split()) == (permitted if state == "permitted" else set())


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
    assert {found["p1", use] for use in USES} == {("withdrawn", "")}


@settings(max_examples=60, deadline=None)
@given(events=st.lists(any_event(), max_size=8), refusal=any_event())
def test_one_more_refusal_never_permits_anything(events, refusal):
    before = states(events)
    after = states([*events, {**refusal, "decision": "deny"}])
    for cell, (state, categories) in after.items():
        if state == "permitted":
            assert before[cell][0] == "permitted"
            assert set(categories.split()) <= set(before[cell][1].split())


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
        ([event("p1", "permit", "2024-03-01", purpose="secondary_use")], False),
    ],
)
def test_one_patient_is_permitted_or_not(events, expected):
    state = read_state(as_table(events), "p1", use=USE, as_of=AS_OF, born_on=ADULT)
    assert (state == "permitted") is expected


def test_refusing_all_but_one_use_in_the_same_second_permits_that_use():
    both = [
        event("p1", "deny", "2024-03-01", purpose="everything"),
        event("p1", "permit", "2024-03-01"),
    ]
    assert state_of(both) == "permitted"
    assert state_of(both, use="research") == "denied"


def test_an_ehds_opt_out_ends_every_use_beyond_care():
    events = [
        event("p1", "permit", "2024-02-01"),
        event("p1", "permit", "2024-02-01", purpose="research"),
        event("p1", "permit", "2024-02-01", purpose="general_admission"),
        event("p1", "deny", "2024-03-01", purpose="secondary_use"),
    ]
    assert state_of(events) == "denied"
    assert state_of(events, use="research") == "denied"
    assert state_of(events, use="care") == "permitted"


def test_a_general_yes_leaves_an_earlier_particular_no_standing():
    events = [
        event("p1", "deny", "2024-02-01", categories="notes"),
        event("p1", "permit", "2024-03-01"),
    ]
    assert states(events)["p1", USE] == ("permitted", "imaging structured")
    named = event("p1", "permit", "2024-03-02", categories="notes structured imaging")
    assert states([*events, named])["p1", USE] == ("permitted", "imaging notes structured")


def test_genetic_data_needs_a_permit_that_names_it():
    assert "genetic" not in states([event("p1", "permit", "2024-03-01")])["p1", USE][1]
    named = [event("p1", "permit", "2024-03-01", categories="genetic structured")]
    assert states(named)["p1", USE] == ("permitted", "genetic structured")


def test_data_without_structured_data_opens_nothing():
    assert state_of([event("p1", "permit", "2024-03-01", categories="notes")]) == "other_category"


def test_a_permit_for_one_company_is_none_for_every_licensee():
    events = [event("p1", "permit", "2024-03-01", recipients="company:Acme")]
    assert state_of(events) == "other_recipient"


def test_a_refusal_of_one_company_keeps_a_patient_out_of_what_goes_to_all():
    events = [
        event("p1", "permit", "2024-03-01", recipients="company"),
        event("p1", "deny", "2024-02-01", recipients="company:Acme"),
    ]
    assert state_of(events) == "denied"
    again = event("p1", "permit", "2024-03-02", recipients="company;company:Acme")
    assert state_of([*events, again]) == "permitted"


def test_a_renewal_that_has_not_begun_hides_no_older_permit():
    events = [
        event("p1", "permit", "2024-03-01", valid_until="2024-03-08"),
        event("p1", "permit", "2024-03-04", valid_from="2024-03-08"),
    ]
    assert state_of(events) == "permitted"


def test_a_permit_given_after_death_never_begins():
    events = [event("p1", "permit", "2024-03-04")]
    assert state_of(events, people={"p1": (ADULT, "2024-03-03")}) == "not_yet_valid"


def test_relatives_may_still_withdraw_for_the_dead():
    events = [
        event("p1", "permit", "2024-03-01"),
        event("p1", "withdraw", "2024-03-04", guardian=True, guardian_relation="next_of_kin"),
    ]
    assert state_of(events, people={"p1": (ADULT, "2024-03-03")}) == "withdrawn"


@pytest.mark.parametrize(
    ("born", "jurisdiction", "expected"),
    [
        ("2010-03-01", "cn", "permitted"),  # 14 on the day
        ("2010-03-02", "cn", "guardian_missing"),
        ("2010-03-01", "", "guardian_missing"),
        ("2006-03-01", "", "permitted"),
        ("2006-03-02", "us", "guardian_missing"),
        ("2008-03-01", "uk", "permitted"),
        (None, "cn", "age_unknown"),
    ],
)
def test_a_child_below_the_age_of_its_law_cannot_permit_alone(born, jurisdiction, expected):
    permit = event("p1", "permit", "2024-03-01", jurisdiction=jurisdiction, recipients="company")
    assert state_of([permit], people={"p1": (born, None)}) == expected


def test_a_permit_a_child_gave_alone_does_not_ripen_with_age():
    permit = event("p1", "permit", "2023-03-01")
    assert state_of([permit], people={"p1": ("2005-06-01", None)}) == "guardian_missing"


@pytest.mark.parametrize(
    ("born", "expected"),
    [("2006-03-06", "permitted"), ("2006-03-05", "came_of_age"), ("1999-01-01", "came_of_age")],
)
def test_a_guardians_permit_ends_with_the_birthday(born, expected):
    permit = event("p1", "permit", "2024-03-01", guardian=True, guardian_relation="parent")
    assert state_of([permit], people={"p1": (born, None)}) == expected


def test_one_born_on_the_29th_of_february_comes_of_age_on_the_28th():
    permit = event("p1", "permit", "2024-01-01", guardian=True, guardian_relation="parent")
    people = {"p1": ("2008-02-29", None)}
    assert state_of([permit], as_of="2026-02-27T23:59:59Z", people=people) == "permitted"
    assert state_of([permit], as_of="2026-02-28T00:00:00Z", people=people) == "came_of_age"


def test_the_adult_may_renew_what_the_guardian_allowed():
    events = [
        event("p1", "permit", "2020-03-01", guardian=True, guardian_relation="parent"),
        event("p1", "permit", "2024-03-04"),
    ]
    assert state_of(events, people={"p1": ("2006-03-01", None)}) == "permitted"


def test_a_representative_of_an_adult_does_not_end_with_age():
    permit = event(
        "p1", "permit", "2024-03-01", guardian=True, guardian_relation="adult_representative"
    )
    assert state_of([permit]) == "permitted"


def test_an_unknown_jurisdiction_gets_the_strictest_ages():
    permit = event("p1", "permit", "2024-03-01", jurisdiction="zz")
    assert state_of([permit], people={"p1": ("2007-01-01", None)}) == "guardian_missing"


def test_chinese_law_wants_the_recipient_named():
    permit = event("p1", "permit", "2024-03-01", jurisdiction="cn")
    assert state_of([permit]) == "recipient_not_named"


def test_a_refusal_stands_again_when_the_permit_that_lifted_it_ends():
    events = [
        event("p1", "permit", "2020-01-01"),
        event("p1", "deny", "2024-01-01"),
        event("p1", "permit", "2024-02-01", valid_until="2024-03-01"),
    ]
    assert state_of(events) == "denied"


def test_every_written_rule_is_a_sentence():
    assert all(rule.endswith(".") for rule in RULES.values())
    assert {"withdrawal", "death", "guardian", "minors", "default"} <= set(RULES)
    assert set(STATES) - {"permitted"} <= set(REASONS)


def test_an_unknown_use_is_an_error_and_not_a_no():
    with pytest.raises(ConsentError, match="Unknown use"):
        read_state(as_table([]), "p1", use="marketing", as_of=AS_OF, born_on=ADULT)
