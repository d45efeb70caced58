"""The decision as SQL, built from the tables of `scopes` and `ages`. What it means is in
`policies.RULES`.

Most patients use only words of one width: each purpose speaks for itself, and no event names a kind
of data or a recipient. They take the short way, one pass and one group per patient and purpose. The
others are `mingled`: their events are put down in `heard` and spread over cells, use x category x
recipient. Of each scope's width that occurs in a cell, the last withdrawal, the last refusal and
the last permit in force are kept; `scopes.LIFTS` says which of them stand.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from clearward.consent.ages import OBSTACLES, birthdays_sql, obstacle_sql, of_age_sql
from clearward.consent.model import DECISIONS, STATES
from clearward.consent.purposes import PURPOSES, own_words
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


_IS_PARTICULAR = "(categories <> '' OR recipients <> '')"
# Patients for the long way, and which of them name kinds of data or recipients.
MINGLED_SQL = f"""
CREATE OR REPLACE TEMP TABLE mingled AS
SELECT patient_key, bool_or({_IS_PARTICULAR}) AS is_particular FROM events
WHERE {_IS_PARTICULAR} OR purpose NOT IN ({_quoted(own_words())}) GROUP BY patient_key
"""
# What depends on the person alone, once per person. `asked_at` is the moment of the question, or
# the last second of life where that came first. Nobody is in it who is neither known nor mingled.
PERSON_SQL = f"""
CREATE OR REPLACE TEMP TABLE person AS
SELECT coalesce(p.patient_key, m.patient_key) AS patient_key, {birthdays_sql()},
       least($as_of::TIMESTAMP, p.died_on::TIMESTAMP + INTERVAL '86399 seconds') AS asked_at,
       m.patient_key IS NOT NULL AS is_mingled, coalesce(m.is_particular, false) AS is_particular
FROM (SELECT * REPLACE (born_on::TIMESTAMP AS born_on) FROM people) p
FULL JOIN mingled m ON m.patient_key = p.patient_key
"""
# Decisions as numbers: an enumeration would be read back as text wherever it is compared.
_WORD = {name: number for number, name in enumerate(DECISIONS, start=1)}
_NUMBERED = " ".join(f"WHEN '{name}' THEN {number}" for name, number in _WORD.items())
_DECISION = f"CASE e.decision {_NUMBERED} ELSE error('unknown decision') END::UTINYINT"
PHASES = ("permitted", "came_of_age", "expired")
# `phase` is where a permit that has begun stands, as a position in PHASES from 1, NULL where it
# has not or does not count. `rank` orders permits by time, and of one second the one that ends
# first comes last. Enumerations refuse a word that is in no table.
_HEARD_SQL = f"""
WITH dated AS (
    SELECT e.patient_key, e.purpose::ENUM({_quoted(PURPOSES)}) AS purpose, e.categories,
           e.recipients, {_DECISION} AS decision, e.guardian,
           e.guardian_relation, e.jurisdiction, p.* EXCLUDE (patient_key, asked_at),
           e.decided_at::TIMESTAMP AS decided_at,
           greatest(e.decided_at, e.valid_from)::TIMESTAMP AS begins_at,
           coalesce(e.valid_until::TIMESTAMP, TIMESTAMP '9999-12-31') AS valid_until,
           coalesce(p.asked_at, $as_of::TIMESTAMP) AS asked_at
    FROM events e LEFT JOIN person p ON p.patient_key = e.patient_key
    WHERE {{which}}
), judged AS (
    SELECT *,
           CASE WHEN decision = {_WORD["permit"]} THEN {obstacle_sql()} END::UTINYINT AS obstacle,
           CASE WHEN decision = {_WORD["permit"]} THEN {of_age_sql()} END AS of_age_at
    FROM dated
), placed AS (
    SELECT *, least(valid_until, of_age_at) AS ends_at,
           CASE WHEN decision <> {_WORD["permit"]} OR obstacle IS NOT NULL
                  OR begins_at > asked_at THEN NULL
                WHEN least(valid_until, of_age_at) >= asked_at THEN 1
                WHEN of_age_at < valid_until THEN 2 ELSE 3 END::UTINYINT AS phase
    FROM judged
)
SELECT patient_key, purpose, categories, recipients, decision, decided_at, obstacle, phase,
       is_particular, epoch_ms(decided_at)::HUGEINT * 100000000000000000
       - epoch_ms(ends_at) AS rank
FROM placed
"""
HEARD_SQL = f"CREATE OR REPLACE TEMP TABLE heard AS {_HEARD_SQL.format(which='p.is_mingled')}"
# A state is about structured data; kinds of data permitted beside it are listed.
_PLAIN_CATEGORIES = " ".join(sorted(set(CATEGORIES) - UNNAMED_BY_PERMITS))
_SEVERITY = {name: rank for rank, name in enumerate(STATES)}


def short_way_sql() -> str:
    """`consent_state` of the patients who are not mingled: ``patient_key, purpose, state,
    categories``. All words about one use are equally wide, so any one width stands for them."""
    code = len(ALL_WIDTHS) - 1
    words = (
        f"SELECT patient_key, purpose, {', '.join(_words([code], rank='rank'))}"
        f" FROM ({_HEARD_SQL.format(which='NOT coalesce(p.is_mingled, false)')})"
        " GROUP BY patient_key, purpose"
    )
    uses = ", ".join(
        f"('{name}'::ENUM({_quoted(PURPOSES)}), '{use}')"
        for name in own_words()
        for use in sorted(PURPOSES[name].uses)
    )
    return (
        "CREATE OR REPLACE TEMP TABLE consent_state AS"
        f" SELECT patient_key, u.use AS purpose, state, {_LISTED} AS categories"
        f" FROM (SELECT *, {_state_sql([code])} AS state FROM ({words})) s"
        f" JOIN (VALUES {uses}) u(purpose, use) ON u.purpose = s.purpose"
    )


_LISTED = f"if(state = 'permitted', '{_PLAIN_CATEGORIES}', '')"


def long_way_sql(codes: Sequence[int], *, in_detail: bool) -> str:
    """Rows of `consent_state` from `heard`, for those who name kinds of data or recipients or not.

    Args:
        codes: positions in `ALL_WIDTHS` that the coverage table holds.
        in_detail: cells per category and recipient, over `particular_coverage`.
    """
    judged = (
        f"SELECT *, {_state_sql(codes)} AS state FROM ({_spread_sql(codes, in_detail=in_detail)})"
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
    scope = " AND c.categories = h.categories AND c.recipients = h.recipients" if in_detail else ""
    # Of one second the more precise permit comes last, then the one that ends first.
    words = _words(codes, rank="h.rank - c.code::HUGEINT * 1000000000000000")
    return (
        f"SELECT h.patient_key, c.use{cell}, {', '.join(words)} FROM heard h"
        f" JOIN {source} c ON c.purpose = h.purpose{scope}"
        f" WHERE {'' if in_detail else 'NOT '}h.is_particular"
        f" AND (c.may_permit OR h.decision <> {_WORD['permit']})"
        f" GROUP BY h.patient_key, c.use{cell}"
    )


def _words(codes: Sequence[int], *, rank: str) -> list[str]:
    """Aggregates: where the last permit that has begun stands, what keeps permits from counting,
    and per width the last refusal, withdrawal and permit in force. A purpose that cannot permit
    is refused at the door; its permits count as nothing here."""
    is_spread = "c." in rank
    may = "c.may_permit" if is_spread else "true"
    listed = [
        f"arg_max(phase, {rank}) FILTER (phase IS NOT NULL AND {may}) AS deciding",
        f"min(CASE WHEN {may} THEN obstacle END) AS obstacle",
    ]
    # A CASE in the aggregate costs less than a FILTER beside it.
    for number in codes:
        of_code = f" AND c.code = {number}" if is_spread else ""
        for name, condition in (
            ("deny", f"decision = {_WORD['deny']}"),
            ("withdraw", f"decision = {_WORD['withdraw']}"),
            ("permit", "phase = 1"),
        ):
            listed.append(
                f"max(CASE WHEN {condition}{of_code} THEN decided_at END) AS {name}_{number}"
            )
    return listed


def _state_sql(codes: Sequence[int]) -> str:
    standing = {
        kind: " OR ".join(_stands_sql(kind, number, codes) for number in codes) or "false"
        for kind in ("withdraw", "deny")
    }
    return f"""CASE WHEN {standing["withdraw"]} THEN 'withdrawn'
        WHEN {standing["deny"]} THEN 'denied'
        ELSE coalesce({_named("deciding", PHASES)}, {_named("obstacle", OBSTACLES)},
                      'not_yet_valid') END"""


def _named(column: str, names: Sequence[str]) -> str:
    cases = " ".join(f"WHEN {n} THEN '{name}'" for n, name in enumerate(names, start=1))
    return f"CASE {column} {cases} END"


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
