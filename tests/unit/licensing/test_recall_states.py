import pytest

from clearward.errors import LicenceError
from clearward.licensing.recall_states import TRANSITIONS, ListAction, ListState, may_move, move


def test_every_state_has_a_line_and_every_target_is_a_state():
    assert set(TRANSITIONS) == set(ListState)
    targets = {state for row in TRANSITIONS.values() for state in row.values()}
    assert targets == set(ListState) - {ListState.PENDING}
    assert {action for row in TRANSITIONS.values() for action in row} == set(ListAction)


@pytest.mark.parametrize("state", ListState)
@pytest.mark.parametrize("action", ListAction)
def test_move_goes_where_the_table_says_or_refuses(state, action):
    if may_move(state, action):
        assert move(state, action) is TRANSITIONS[state][action]
    else:
        with pytest.raises(LicenceError, match=f"recall list that is {state} cannot {action}"):
            move(state, action)


def test_what_was_never_fetched_cannot_be_confirmed():
    assert not may_move(ListState.PENDING, ListAction.CONFIRM)


def test_nothing_leads_out_of_confirmed():
    assert not any(may_move(ListState.CONFIRMED, action) for action in ListAction)


def test_a_late_list_stays_late_until_it_is_confirmed():
    assert move(ListState.OVERDUE, ListAction.SEND) is ListState.OVERDUE
    assert move(ListState.OVERDUE, ListAction.CONFIRM) is ListState.CONFIRMED
