"""The life of a release as a table. A new state or action is a line here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from clearward.errors import ReleaseError
from clearward.transitions import Life


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

LIFE = Life(TRANSITIONS, "release", ReleaseError, "list the releases and their states")
may_move, move = LIFE.may_move, LIFE.move
