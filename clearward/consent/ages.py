"""Who may decide for themselves, and how long another person's word counts. Tables, and the SQL
that reads them; how they act on a decision belongs to `policies`. Readings of law here are an
engineer's, to be confirmed by counsel.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Jurisdiction:
    """The law a permit was given under.

    Attributes:
        guardian_below: age in years below which a guardian has to permit.
        of_age: birthday on which a guardian's permit for a child ends.
        names_recipients: whether a permit counts only when it names recipients or their class.
        source: where the figures come from.
    """

    guardian_below: int
    of_age: int
    names_recipients: bool
    source: str


# A change of a figure here is the whole change; "" is asked wherever an event names none.
JURISDICTIONS = {
    "": Jurisdiction(18, 18, False, "not stated: the strictest ages of this table"),
    "cn": Jurisdiction(14, 18, True, "PIPL articles 23 and 31; Civil Code article 17"),
    "eu": Jurisdiction(18, 18, False, "GDPR leaves it to member states; the strictest is taken"),
    "uk": Jurisdiction(16, 18, False, "Family Law Reform Act 1969 section 8"),
    "us": Jurisdiction(18, 18, False, "45 CFR 164.502(g)(3); 18 in most states"),
}


@dataclass(frozen=True)
class Relation:
    """Who a guardian is to the patient.

    Attributes:
        ends_of_age: the permit ends when the patient comes of age.
        may_permit: False for people who may only refuse.
        description: for documents.
    """

    ends_of_age: bool
    may_permit: bool
    description: str


RELATIONS = {
    "": Relation(True, True, "not stated: taken as a child's guardian"),
    "parent": Relation(True, True, "mother or father of a child"),
    "legal_guardian": Relation(True, True, "appointed for a child"),
    "adult_representative": Relation(
        False, True, "appointed for an adult who cannot decide; proof of it is needed"
    ),
    "next_of_kin": Relation(False, False, "relatives of a dead patient: may refuse or withdraw"),
}


# Keys of `model.STATES`; of several the first is told.
OBSTACLES = ("age_unknown", "guardian_missing", "recipient_not_named")
_NUMBER = {name: number for number, name in enumerate(OBSTACLES, start=1)}
Laws = Mapping[str, Jurisdiction]


def laws_named(names: Iterable[str]) -> Laws:
    """The table's rows for names that events give, and the one for all others: each row that is
    not asked for is time not spent on every event."""
    given = {"", *names}
    return {name: law for name, law in JURISDICTIONS.items() if name in given}


def birthdays_sql(laws: Laws) -> str:
    """Columns ``age_14, age_16, …`` (TIMESTAMP) over ``born_on``: when the person reached each.

    Moments are needed per event, but depend on the person: they are made once per person.
    """
    ages = sorted({age for law in laws.values() for age in (law.guardian_below, law.of_age)})
    return ", ".join(f"born_on + to_years({age}) AS age_{age}" for age in ages)


def _case(column: str, values: Mapping[str, object]) -> str:
    """A table as SQL over 5 million rows: a CASE costs a tenth of a join. "" is the rest."""
    rest = values[""]
    cases = " ".join(f"WHEN '{name}' THEN {v}" for name, v in values.items() if v != rest)
    return f"CASE {column} {cases} ELSE {rest} END" if cases else str(rest)


def obstacle_sql(laws: Laws) -> str:
    """Why a permit does not count, as a position in `OBSTACLES` from 1, or NULL where it does.

    Over ``guardian, guardian_relation, jurisdiction, recipients, decided_at`` and the columns of
    `birthdays_sql` (all null where no date of birth is known).
    """
    names = _case("jurisdiction", {n: j.names_recipients for n, j in laws.items()})
    below = _case("jurisdiction", {n: f"age_{j.guardian_below}" for n, j in laws.items()})
    permits = _case("guardian_relation", {n: r.may_permit for n, r in RELATIONS.items()})
    ends = _case("guardian_relation", {n: r.ends_of_age for n, r in RELATIONS.items()})
    return f"""CASE WHEN recipients = '' AND {names} THEN {_NUMBER["recipient_not_named"]}
        WHEN guardian AND NOT {permits} THEN {_NUMBER["guardian_missing"]}
        WHEN guardian AND NOT {ends} THEN NULL
        WHEN age_{laws[""].of_age} IS NULL THEN {_NUMBER["age_unknown"]}
        WHEN NOT guardian AND decided_at < {below} THEN {_NUMBER["guardian_missing"]}
        END"""


def of_age_sql(laws: Laws) -> str:
    """Last second of a guardian's permit for a child; NULL where age does not end it."""
    of_age = _case("jurisdiction", {n: f"age_{j.of_age}" for n, j in laws.items()})
    ends = _case("guardian_relation", {n: r.ends_of_age for n, r in RELATIONS.items()})
    return f"CASE WHEN guardian AND {ends} THEN {of_age} - INTERVAL '1 second' END"
