"""The life of a release as a table. A new state or action is a line here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from clearward.errors import ReleaseError


class State(StrEnum):
    """Where a release is in its life; kept in `ReleaseRecord.status`."""

    CANDIDATE = "candidate"
    APPROVED = "approved"
    PUBLISHED = "published"
    RETIRED = "retired"


class Action(StrEnum):
    """What can happen to a release."""

    REBUILD = "rebuild"
    APPROVE = "approve"
    PUBLISH = "publish"
    RETIRE = "retire"


TRANSITIONS: Mapping[State, Mapping[Action, State]] = MappingProxyType(
    {
        State.CANDIDATE: {
            Action.REBUILD: State.CANDIDATE,
            Action.APPROVE: State.APPROVED,
        },
        # An approval names a content; a rebuilt candidate may be another one
        State.APPROVED: {
            Action.REBUILD: State.CANDIDATE,
            Action.APPROVE: State.APPROVED,
            Action.PUBLISH: State.PUBLISHED,
        },
        State.PUBLISHED: {
            Action.PUBLISH: State.PUBLISHED,
            Action.RETIRE: State.RETIRED,
        },
        State.RETIRED: {
            Action.RETIRE: State.RETIRED,
        },
    }
)


def may_move(state: State, action: Action) -> bool:
    """True when the table allows the action."""
    return action in TRANSITIONS[state]


def move(state: State, action: Action) -> State:
    """The state after the action; ReleaseError when the table does not allow it."""
    if not may_move(state, action):
        raise ReleaseError(
            f"A {state} release cannot {action}.",
            expected=", ".join(TRANSITIONS[state]),
            do="list the releases and their states",
        )
    return TRANSITIONS[state][action]
