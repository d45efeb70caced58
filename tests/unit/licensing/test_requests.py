"""Requests for access: the queue, its states, and what anybody may put into it."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from clearward import audit
from clearward.errors import LicenceError
from clearward.licensing import agreements, organisations, requests
from clearward.licensing.model import AgreementState
from clearward.licensing.requests import TRANSITIONS, RequestAction, RequestState
from tests.unit.licensing.buyers import DAY, GOOD, NOW, BuyersDesk


@pytest.fixture
def desk(tmp_path):
    return BuyersDesk(f"sqlite:///{tmp_path}/s.db")


def submit(desk, **changes):
    values = {
        "product": "cardiology",
        "organisation": "Acme Research",
        "person": "Ada Byron",
        "email": "ada@acme.example",
        "purpose": GOOD,
        "statement": "Outcomes after\nheart failure.",
        "now": NOW,
        **changes,
    }
    return requests.submit(desk.engine, **values)


@pytest.mark.parametrize("module", [requests, agreements])
def test_every_state_has_a_line_and_every_action_its_use(module):
    states = RequestState if module is requests else AgreementState
    actions = RequestAction if module is requests else agreements.AgreementAction
    assert set(module.TRANSITIONS) == set(states)
    used = {action for row in module.TRANSITIONS.values() for action in row}
    assert used == set(actions)
    first = next(iter(states))
    reached = {state for row in module.TRANSITIONS.values() for state in row.values()}
    assert reached | {first} == set(states)


def test_a_request_waits_until_somebody_decides(desk):
    name = submit(desk)
    [waiting] = requests.pending(desk.engine)
    assert (waiting.id, waiting.state, waiting.decided_at) == (name, RequestState.PENDING, None)
    done = requests.approve(desk.engine, name, actor="Data board", now=NOW + DAY, country="DE")
    assert requests.pending(desk.engine) == ()
    assert (done.state, done.decided_by) == (RequestState.APPROVED, "Data board")
    buyer = organisations.find_organisation(desk.engine, done.organisation_id)
    assert (buyer.name, buyer.country) == ("Acme Research", "DE")
    [person] = organisations.people_of(desk.engine, buyer.id)
    assert (person.id, person.email) == (done.person_id, "ada@acme.example")


def test_a_second_request_of_the_same_people_makes_nobody_twice(desk):
    names = [submit(desk), submit(desk, organisation="ACME research", email="ADA@acme.example")]
    done = [requests.approve(desk.engine, n, actor="Board", now=NOW) for n in names]
    assert len({(d.organisation_id, d.person_id) for d in done}) == 1
    assert len(organisations.list_organisations(desk.engine)) == 1


@pytest.mark.parametrize("state", RequestState)
@pytest.mark.parametrize("action", RequestAction)
def test_a_decision_stands(desk, state, action):
    name = submit(desk)
    act = {
        RequestAction.APPROVE: lambda: requests.approve(desk.engine, name, actor="B", now=NOW),
        RequestAction.REJECT: lambda: requests.reject(
            desk.engine, name, actor="B", reason="no", now=NOW
        ),
        RequestAction.WITHDRAW: lambda: requests.withdraw(desk.engine, name, now=NOW),
    }
    before = next((a for a, s in TRANSITIONS[RequestState.PENDING].items() if s is state), None)
    if before:
        act[before]()
    if action in TRANSITIONS[state]:
        assert act[action]().state is TRANSITIONS[state][action]
    else:
        with pytest.raises(LicenceError, match=f"that is {state} cannot {action}"):
            act[action]()
        assert requests.find(desk.engine, name).state is state


def test_two_who_decide_at_once_decide_once(desk):
    name = submit(desk)

    def decide(number):
        try:
            if number % 2:
                requests.approve(desk.engine, name, actor="A", now=NOW)
            else:
                requests.reject(desk.engine, name, actor="B", reason="no", now=NOW)
        except LicenceError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(decide, range(4))) == 1
    assert audit.verify(desk.engine) in (2, 4)


@pytest.mark.parametrize(
    "changes",
    [
        {"purpose": "reidentification"},
        {"purpose": "marketing"},
        {"purpose": ""},
        {"product": "dentistry"},
        {"product": "../cardiology"},
        {"organisation": " "},
        {"organisation": "Аcme"},
        {"person": "x" * 129},
        {"email": "nobody"},
        {"statement": ""},
        {"statement": "x" * 4001},
        {"statement": "\x1b]0;you are approved\x07"},
    ],
)
def test_what_cannot_be_granted_or_could_deceive_is_not_taken(desk, changes):
    with pytest.raises(LicenceError):
        submit(desk, **changes)
    assert requests.list_requests(desk.engine) == ()


def test_a_queue_that_anybody_may_write_to_has_an_end(desk):
    for _ in range(requests.MOST_PENDING_PER_ADDRESS):
        submit(desk)
    with pytest.raises(LicenceError, match="Too many"):
        submit(desk, email="ADA@ACME.example")
    submit(desk, email="bob@acme.example")
    requests.withdraw(desk.engine, requests.pending(desk.engine)[0].id, now=NOW)
    submit(desk)


def test_a_revoked_organisation_is_not_let_in_by_a_request(desk):
    done = requests.approve(desk.engine, submit(desk), actor="Board", now=NOW)
    organisations.revoke_organisation(desk.engine, done.organisation_id, now=NOW)
    name = submit(desk, organisation="acme  RESEARCH")
    with pytest.raises(LicenceError, match="revoked"):
        requests.approve(desk.engine, name, actor="Board", now=NOW)
    assert requests.find(desk.engine, name).state is RequestState.PENDING


def test_no_name_or_address_is_in_the_log(desk):
    requests.approve(desk.engine, submit(desk), actor="Board", now=NOW)
    with desk.engine.connect() as connection:
        logged = str(connection.exec_driver_sql("SELECT * FROM audit_event").all())
    for value in ("Ada", "ada@", "Acme", "heart failure"):
        assert value not in logged


def test_unknown_requests_are_refused(desk):
    assert requests.find(desk.engine, "req_none") is None
    with pytest.raises(LicenceError, match="no such request"):
        requests.approve(desk.engine, "req_none", actor="Board", now=NOW)
