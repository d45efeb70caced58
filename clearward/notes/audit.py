"""Proof over text that is ready to leave: does it hold anybody whom its hospital knows? Reads the
text alone and trusts nothing that scrubbing said; what an identifier is stands in `identifiers`.
"""

from __future__ import annotations

from collections.abc import Iterable

from clearward.errors import DeidentifyError
from clearward.notes.document import fold
from clearward.notes.known import KnownPeople
from clearward.notes.roster import everyone, make_roster, staff_identifiers
from clearward.settings import Settings
from clearward.warehouse import Warehouse, engine


def count_leaks(settings: Settings, texts: Iterable[str], *, hospital: str, month: str) -> int:
    """How many of the texts hold a whole name, phone, id or address of anybody known there.

    Args:
        settings: where the identified zone is.
        texts: scrubbed texts.
        hospital: whose people are looked for.
        month: everybody known up to this month.

    Raises DeidentifyError when nobody is known at the hospital: nothing would then be proved.
    """
    people = _meet(settings, hospital=hospital, month=month)
    return sum(bool(people.leaks(fold(text))) for text in texts)


def _meet(settings: Settings, *, hospital: str, month: str) -> KnownPeople:
    with engine(settings, ordered=True) as connection:
        found = make_roster(
            connection, Warehouse(settings.warehouse), hospital=hospital, month=month
        )
        people = everyone(connection, staff_identifiers(connection))
    if not found or not people.size:
        raise DeidentifyError(
            f"Text of hospital {hospital} cannot be audited: nobody is known there up to {month}.",
            seen=f"{found} raw tables, {people.size} identifiers",
            do="keep the hospital's raw partitions until its text is published",
        )
    return people
