"""Lives as tables: what can happen in which state, and the state after it. The tables themselves
belong to the rooms; a new state or action is a line there and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from clearward.errors import ClearwardError

S = TypeVar("S", bound=StrEnum)
A = TypeVar("A", bound=StrEnum)


@dataclass(frozen=True)
class Life(Generic[S, A]):
    """One table, read two ways.

    Attributes:
        table: every state, the actions possible in it, and where each leads.
        thing: what has this life, in words.
        error: raised for an action the table does not have.
        do: what somebody can do who was refused.
    """

    table: Mapping[S, Mapping[A, S]]
    thing: str
    error: type[ClearwardError]
    do: str

    def may_move(self, state: S, action: A) -> bool:
        """True when the table allows the action."""
        return action in self.table[state]

    def move(self, state: S, action: A) -> S:
        """The state after the action; raises when the table does not allow it."""
        if not self.may_move(state, action):
            raise self.error(
                f"A {self.thing} that is {state} cannot {action}.",
                expected=", ".join(self.table[state]) or "nothing more can happen to it",
                do=self.do,
            )
        return self.table[state][action]
