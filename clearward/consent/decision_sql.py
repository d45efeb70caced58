"""The decision as SQL, built from the tables of `scopes` and `ages`. What it means is in
`policies.RULES`.

Most patients speak simply: each purpose for itself, of all kinds of data, and their permits are at
least as precise about recipients as their refusals. They take the short way, one pass and one group
per patient and purpose. The others are `mingled`: their events are put down in `heard` and spread
over cells, use x category x recipient. Of each scope's width that occurs in a cell, the last
withdrawal, the last refusal and the last permit in force are kept; `scopes.LIFTS` says which of
them stand. Moments are whole numbers, with what decides between two of one second in their lowest
digits: the last of several is then one maximum.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from clearward.consent.ages import OBSTACLES, Laws, birthdays_sql, obstacle_sql, of_age_sql
from clearward.consent.model import DECISIONS, STATES
from clearward.consent.purposes import ASKED_RECIPIENTS, PURPOSES, own_words
from clearward.consent.scopes import (
    ALL_WIDTHS,
    ANY,
    CATEGORIES,
    LIFTS,
    UNNAMED_BY_PERMITS,
    order,
)


def _quoted(words: Iterable[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)


def _covers_sql(purpose: str) -> str:
    """Whether a list of recipients names the class asked about, for each use of a purpose."""
    asked = sorted({ASKED_RECIPIENTS[use] for use in PURPOSES[purpose].uses})
    return " AND ".join(f"contains(';' || recipients || ';', ';{name};')" for name in asked)


_BY_PURPOSE = " ".join(f"WHEN '{name}' THEN {_covers_sql(name)}" for name in own_words())
# Names one recipient or kinds of data: only cells can tell.
_IS_PARTICULAR = "(categories <> '' OR contains(recipients, ':'))"
_IS_SIMPLE = f"""(categories = '' AND purpose IN ({_quoted(own_words())}) AND (recipients = ''
    OR decision = 'permit' AND NOT contains(recipients, ':') AND CASE purpose {_BY_PURPOSE} END))"""
# Patients for the long way, and which of them name kinds of data or recipients.
MINGLED_SQL = f"""
CREATE OR REPLACE TEMP TABLE mingled AS
SELECT patient_key, bool_or({_IS_PARTICULAR}) AS is_particular FROM events
WHERE NOT {_IS_SIMPLE} GROUP BY patient_key
"""


# What depends on the person alone, once per person. `asked_at` is the moment of the question, or
# the last second of life where that came first. Nobody is in it who is neither known nor mingled.
def person_sql(laws: Laws) -> str:
    """The table `person`; `laws` are those the events name."""
    return f"""
CREATE OR REPLACE TEMP TABLE person AS
SELECT coalesce(p.patient_key, m.patient_key) AS patient_key, {birthdays_sql(laws)},
       least($as_of::TIMESTAMP, p.died_on::TIMESTAMP + INTERVAL '86399 seconds') AS asked_at,
       m.patient_key IS NOT NULL AS is_mingled, coalesce(m.is_particular, false) AS is_particular
FROM (SELECT * REPLACE (born_on::TIMESTAMP AS born_on) FROM people) p
FULL JOIN mingled m ON m.patient_key = p.patient_key
"""


# Decisions as numbers: an enumeration would be read back as text wherever it is compared.
_WORD = {name: number for number, name in enumerate(DECISIONS, start=1)}
_NUMBERED = " ".join(f"WHEN '{name}' THEN {number}" for name, number in _WORD.items())
_DECISION = f"CASE e.decision {_NUMBERED} ELSE error('unknown decision') END::UTINYINT"
_PERMIT = f"decision = {_WORD['permit']}"
PHASES = ("permitted", "came_of_age", "expired")
_OF_MINGLED = "JOIN (FROM person WHERE is_mingled) p ON p.patient_key = e.patient_key"
_OF_OTHERS = """LEFT JOIN person p ON p.patient_key = e.patient_key
    WHERE NOT coalesce(p.is_mingled, false)"""


# `phase` is where a permit that has begun stands, as a position in PHASES from 1, NULL where it
# has not or does not count. `said_at` is in milliseconds from the year 1: never below zero.
# Enumerations refuse a word that is in no table.
def _heard_sql(laws: Laws, persons: str) -> str:
    return f"""
WITH dated AS (
    SELECT e.patient_key, e.purpose::ENUM({_quoted(PURPOSES)}) AS purpose, e.categories,
           e.recipients, {_DECISION} AS decision, e.guardian,
           e.guardian_relation, e.jurisdiction, p.* EXCLUDE (patient_key, asked_at),
           e.decided_at::TIMESTAMP AS decided_at,
           greatest(e.decided_at, e.valid_from)::TIMESTAMP AS begins_at,
           coalesce(e.valid_until::TIMESTAMP, TIMESTAMP '9999-12-31') AS valid_until,
           coalesce(p.asked_at, $as_of::TIMESTAMP) AS asked_at
    FROM events e {persons}
), judged AS (
    SELECT *, CASE WHEN {_PERMIT} THEN {obstacle_sql(laws)} END::UTINYINT AS obstacle,
           CASE WHEN {_PERMIT} THEN {of_age_sql(laws)} END AS of_age_at
    FROM dated
)
SELECT patient_key, purpose, categories, recipients, decision, is_particular, obstacle,
       epoch_ms(decided_at) + 62135596800000 AS said_at,
       CASE WHEN NOT {_PERMIT} OR obstacle IS NOT NULL OR begins_at > asked_at THEN NULL
            WHEN least(valid_until, of_age_at) >= asked_at THEN 1
            WHEN of_age_at < valid_until THEN 2 ELSE 3 END::UTINYINT AS phase
FROM judged
"""


def heard_sql(laws: Laws) -> str:
    """The table `heard`: events of mingled patients, judged one by one."""
    return f"CREATE OR REPLACE TEMP TABLE heard AS {_heard_sql(laws, _OF_MINGLED)}"


# A state is about structured data; kinds of data permitted beside it are listed.
_PLAIN_CATEGORIES = " ".join(sorted(set(CATEGORIES) - UNNAMED_BY_PERMITS))
_SEVERITY = {name: rank for rank, name in enumerate(STATES)}
_LISTED = f"if(state = 'permitted', '{_PLAIN_CATEGORIES}', '')"


def _last_permit_sql(moment: str, may: str = "true") -> str:
    """Aggregate `deciding`: the last permit that has begun, as moment x 4 + phase; below zero what
    keeps permits from counting, or that none has begun."""
    return f"""max(CASE WHEN {_PERMIT} AND {may} THEN coalesce(({moment}) * 4 + phase,
        -obstacle::BIGINT, {-len(OBSTACLES) - 1}) END) AS deciding"""


def _state_sql(withdrawn: str, denied: str) -> str:
    phases = " ".join(f"WHEN {n} THEN '{name}'" for n, name in enumerate(PHASES, start=1))
    obstacles = " ".join(f"WHEN {-n} THEN '{name}'" for n, name in enumerate(OBSTACLES, start=1))
    return f"""CASE WHEN {withdrawn} THEN 'withdrawn' WHEN {denied} THEN 'denied'
        WHEN deciding > 0 THEN CASE deciding % 4 {phases} END
        ELSE CASE deciding {obstacles} ELSE 'not_yet_valid' END END"""


def short_way_sql(laws: Laws) -> str:
    """`consent_state` of the patients who are not mingled: ``patient_key, purpose, state,
    categories``.

    A permit that names recipients is the more precise one, and no refusal here names any: so of
    one second it comes after a permit that names none and after a refusal, but never after a
    withdrawal. That is what `LIFTS` says of two such scopes.
    """
    moment = "said_at * 2 + (recipients <> '')::TINYINT"
    words = f"""
        SELECT patient_key, purpose, {_last_permit_sql(moment)},
               max(CASE WHEN phase = 1 THEN {moment} END) AS permit,
               max(CASE WHEN decision = {_WORD["deny"]} THEN said_at * 2 END) AS deny,
               max(CASE WHEN decision = {_WORD["withdraw"]} THEN said_at * 2 + 1 END) AS withdraw
        FROM ({_heard_sql(laws, _OF_OTHERS)})
        GROUP BY patient_key, purpose"""
    state = _state_sql("withdraw >= coalesce(permit, 0)", "deny >= coalesce(permit, 0)")
    uses = ", ".join(
        f"('{name}'::ENUM({_quoted(PURPOSES)}), '{use}')"
        for name in own_words()
        for use in sorted(PURPOSES[name].uses)
    )
    return (
        "CREATE OR REPLACE TEMP TABLE consent_state AS"
        f" SELECT patient_key, u.use AS purpose, state, {_LISTED} AS categories"
        f" FROM (SELECT *, {state} AS state FROM ({words})) s"
        f" JOIN (VALUES {uses}) u(purpose, use) ON u.purpose = s.purpose"
    )


def long_way_sql(codes: Sequence[int], *, in_detail: bool) -> str:
    """Rows of `consent_state` from `heard`, for those who name kinds of data or recipients or not.

    Args:
        codes: positions in `ALL_WIDTHS` that the coverage table holds.
        in_detail: cells per category and recipient, over `particular_coverage`.
    """
    standing = [
        " OR ".join(_stands_sql(kind, number, codes) for number in codes) or "false"
        for kind in ("withdraw", "deny")
    ]
    judged = (
        f"SELECT *, {_state_sql(*standing)} AS state"
        f" FROM ({_spread_sql(codes, in_detail=in_detail)})"
    )
    rows = (
        _together_sql(judged)
        if in_detail
        else f"SELECT patient_key, use AS purpose, state, {_LISTED} AS categories FROM ({judged})"
    )
    return f"INSERT INTO consent_state {rows}"


def _spread_sql(codes: Sequence[int], *, in_detail: bool) -> str:
    """Last words per patient and cell."""
    cell = ", c.category, c.recipient" if in_detail else ""
    source = "particular_coverage" if in_detail else "plain_coverage"
    scope = " AND c.categories = h.categories" if in_detail else ""
    # Of one second the more precise permit comes last.
    moment = f"said_at * {len(ALL_WIDTHS)} - c.code"
    listed = [_last_permit_sql(moment, "c.may_permit")]
    # A CASE in the aggregate costs less than a FILTER beside it.
    for number in codes:
        for name, condition in (
            ("deny", f"decision = {_WORD['deny']}"),
            ("withdraw", f"decision = {_WORD['withdraw']}"),
            ("permit", "phase = 1"),
        ):
            when = f"{condition} AND c.code = {number}"
            listed.append(f"max(CASE WHEN {when} THEN said_at END) AS {name}_{number}")
    return (
        f"SELECT h.patient_key, c.use{cell}, {', '.join(listed)} FROM heard h"
        f" JOIN {source} c ON c.purpose = h.purpose AND c.recipients = h.recipients{scope}"
        f" WHERE {'' if in_detail else 'NOT '}h.is_particular"
        f" AND (c.may_permit OR NOT {_PERMIT})"
        f" GROUP BY h.patient_key, c.use{cell}"
    )


def _stands_sql(kind: str, refusal: int, codes: Sequence[int]) -> str:
    """Whether the last refusal of one width is lifted by no permit in force."""
    lifted = []
    for sign, time in ((">", "later"), ("=", "same"), ("<", "earlier")):
        lifting = [
            f"permit_{number}"
            for number in codes
            if LIFTS[kind, time, order(ALL_WIDTHS[number], ALL_WIDTHS[refusal])]
        ]
        lifted += [f"coalesce({name} {sign} {kind}_{refusal}, false)" for name in lifting]
    return f"({kind}_{refusal} IS NOT NULL AND NOT ({' OR '.join(lifted) or 'false'}))"


def _together_sql(judged: str) -> str:
    """Cells of a patient and use put together: every recipient has to be permitted."""
    severity = " ".join(f"WHEN '{name}' THEN {rank}" for name, rank in _SEVERITY.items())
    worst = f"arg_min(state, CASE state {severity} END) FILTER (state <> 'permitted')"
    is_whole = f"bool_or(recipient = '{ANY}')"
    each = (
        f"SELECT patient_key, use, category, coalesce({worst}, if({is_whole}, 'permitted',"
        f" 'other_recipient')) AS state FROM ({judged}) GROUP BY patient_key, use, category"
    )
    state = "coalesce(max(state) FILTER (category = 'structured'), 'other_category')"
    listed = "string_agg(category, ' ' ORDER BY category) FILTER (state = 'permitted')"
    return (
        f"SELECT patient_key, use AS purpose, {state} AS state, if({state} = 'permitted',"
        f" {listed}, '') AS categories FROM ({each}) GROUP BY patient_key, use"
    )
