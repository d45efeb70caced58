"""The life of a recall list as a table. A new state or action is a line here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from clearward.errors import LicenceError
from clearward.transitions import Life


class ListState(StrEnum):
    """Where a recall list is in its life; kept in `RecallList.status`."""

    PENDING = "pending"
    SENT = "sent"
    OVERDUE = "overdue"
    CONFIRMED = "confirmed"


class ListAction(StrEnum):
    """What can happen to a recall list."""

    SEND = "send"
    EXPIRE = "expire"
    CONFIRM = "confirm"


# What was never fetched cannot be confirmed; what is confirmed is fetched no more, its document is
# gone. A list that became overdue before it was sent may still be sent, and stays overdue.
TRANSITIONS: Mapping[ListState, Mapping[ListAction, ListState]] = MappingProxyType(
    {
        ListState.PENDING: {
            ListAction.SEND: ListState.SENT,
            ListAction.EXPIRE: ListState.OVERDUE,
        },
        ListState.SENT: {
            ListAction.SEND: ListState.SENT,
            ListAction.EXPIRE: ListState.OVERDUE,
            ListAction.CONFIRM: ListState.CONFIRMED,
        },
        ListState.OVERDUE: {
            ListAction.SEND: ListState.OVERDUE,
            ListAction.EXPIRE: ListState.OVERDUE,
            ListAction.CONFIRM: ListState.CONFIRMED,
        },
        ListState.CONFIRMED: {},
    }
)

LIFE = Life(
    TRANSITIONS,
    "recall list",
    LicenceError,
    "see the states of the lists with `clearward recall list`",
)
may_move, move = LIFE.may_move, LIFE.move
