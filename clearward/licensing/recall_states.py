"""The life of a recall list as a table. A new state or action is a line here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from clearward.errors import LicenceError


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


def may_move(state: ListState, action: ListAction) -> bool:
    """True when the table allows the action."""
    return action in TRANSITIONS[state]


def move(state: ListState, action: ListAction) -> ListState:
    """The state after the action; LicenceError when the table does not allow it."""
    if not may_move(state, action):
        raise LicenceError(
            f"A {state} recall list has nothing to {action}.",
            expected=", ".join(s for s in ListState if may_move(s, action)),
            do="see the states of the lists with `clearward recall list`",
        )
    return TRANSITIONS[state][action]
