"""What holds for one mention, and how it was decided: the value that rules, features and findings
share.
"""

from __future__ import annotations

from typing import NamedTuple

from clearward.notes.answers import NO, UNSURE, YES
from clearward.notes.context import Context

STATUSES = (YES, NO, UNSURE)
CONFIDENCE = {"answered": 0.9, "stated": 0.85, "presumed": 0.7, "inferred": 0.6, "asked": 0.5}


class Verdict(NamedTuple):
    """What holds for one mention.

    Attributes:
        status: true | false | uncertain.
        how: answered | stated | presumed (the question took it for granted) | inferred (by the
            model, against the rules) | asked (and not answered).
        context: what the clause says beside.
    """

    status: str
    how: str
    context: Context

    @property
    def confidence(self) -> float:
        """How much the way it was decided is worth."""
        return CONFIDENCE[self.how]
