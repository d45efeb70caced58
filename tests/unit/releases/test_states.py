import pytest

from clearward.errors import ReleaseError
from clearward.releases.states import TRANSITIONS, Action, State, may_move, move


def test_every_state_has_its_line_and_every_action_its_use():
    assert set(TRANSITIONS) == set(State)
    assert {action for moves in TRANSITIONS.values() for action in moves} == set(Action)
    assert {state for moves in TRANSITIONS.values() for state in moves.values()} == set(State)


def test_every_state_is_reached_from_a_candidate():
    seen, todo = set(), [State.CANDIDATE]
    while todo:
        state = todo.pop()
        seen.add(state)
        todo += [target for target in TRANSITIONS[state].values() if target not in seen]
    assert seen == set(State)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("action", Action)
def test_move_and_may_move_agree(state, action):
    if may_move(state, action):
        assert move(state, action) is TRANSITIONS[state][action]
    else:
        with pytest.raises(ReleaseError, match="cannot"):
            move(state, action)


def test_nothing_is_published_without_approval():
    assert not may_move(State.CANDIDATE, Action.PUBLISH)


def test_what_was_published_is_never_rebuilt():
    assert not may_move(State.PUBLISHED, Action.REBUILD)
    assert not may_move(State.RETIRED, Action.REBUILD)
    assert not may_move(State.RETIRED, Action.PUBLISH)
