"""The decision as SQL, built from the tables of `scopes` and `ages`. What it means is in
`policies.RULES`; one pass over the events, one group per patient and cell.

A cell is use x category x recipient. Of each scope's width that occurs, the last withdrawal, the
last refusal and the last permit in force are kept; `scopes.LIFTS` says which of them stand.
"""

from __future__ import annotations

from collections.abc import Sequence

from clearward.consent.ages import obstacle_sql, of_age_sql
from clearward.consent.model import STATES
from clearward.consent.scopes import (
    ALL_WIDTHS,
    ANY,
    CATEGORIES,
    LIFTS,
    UNNAMED_BY_PERMITS,
    order,
)

# `asked_at` is the moment of the question, or the last second of life where that came first;
# `phase` is where a permit that has begun stands, NULL where it has not or does not count.
HEARD_SQL = f"""
CREATE OR REPLACE TEMP TABLE heard AS
WITH dated AS (
    SELECT e.patient_key, e.purpose, e.categories, e.recipients, e.decision, e.guardian,
           e.guardian_relation, e.jurisdiction, p.born_on::DATE AS born_on,
           e.decided_at::TIMESTAMP AS decided_at,
           greatest(e.decided_at, e.valid_from)::TIMESTAMP AS begins_at,
           coalesce(e.valid_until::TIMESTAMP, TIMESTAMP '9999-12-31') AS valid_until,
           least($as_of::TIMESTAMP, p.died_on::TIMESTAMP + INTERVAL '86399 seconds') AS asked_at
    FROM events e LEFT JOIN people p ON p.patient_key = e.patient_key
), judged AS (
    SELECT *, CASE WHEN decision = 'permit' THEN {obstacle_sql()} END AS obstacle,
           CASE WHEN decision = 'permit' THEN {of_age_sql()} END AS of_age_at
    FROM dated
)
SELECT patient_key, purpose, categories, recipients, decision, decided_at, obstacle,
       least(valid_until, of_age_at) AS ends_at,
       CASE WHEN decision <> 'permit' OR obstacle IS NOT NULL OR begins_at > asked_at THEN NULL
            WHEN least(valid_until, of_age_at) >= asked_at THEN 'permitted'
            WHEN of_age_at < valid_until THEN 'came_of_age' ELSE 'expired' END AS phase
FROM judged
"""
# A state is about structured data; kinds of data permitted beside it are listed.
STATE_SQL = """
CREATE OR REPLACE TEMP TABLE consent_state AS {states}
"""
_PLAIN_CATEGORIES = " ".join(sorted(set(CATEGORIES) - UNNAMED_BY_PERMITS))
_SEVERITY = {name: rank for rank, name in enumerate(STATES)}


def states_sql(codes: Sequence[int], *, in_detail: bool, split: bool) -> str:
    """SELECT of ``patient_key, purpose, state, categories``.

    Args:
        codes: positions in `ALL_WIDTHS` that the coverage table holds.
        in_detail: cells per category and recipient, over `particular_coverage`.
        split: patients of `particular` are told apart from the others.
    """
    words = _last_words_sql(codes, in_detail=in_detail, split=split)
    judged = f"SELECT *, {_state_sql(codes)} AS state FROM ({words})"
    if in_detail:
        return _together_sql(judged)
    return (
        "SELECT patient_key, use AS purpose, state, "
        f"if(state = 'permitted', '{_PLAIN_CATEGORIES}', '') AS categories FROM ({judged})"
    )


def _last_words_sql(codes: Sequence[int], *, in_detail: bool, split: bool) -> str:
    cell = ", c.category, c.recipient" if in_detail else ""
    source = "particular_coverage" if in_detail else "plain_coverage"
    scope = " AND c.categories = h.categories AND c.recipients = h.recipients" if in_detail else ""
    kept = " ANTI JOIN particular s ON s.patient_key = h.patient_key" if split else ""
    kept = kept.replace("ANTI", "SEMI") if in_detail else kept
    # Permits by time; of one second the more precise first, then the one that ends first.
    rank = (
        "epoch(h.decided_at)::HUGEINT * 100000000000000 - c.code::HUGEINT * 1000000000000"
        " - epoch(h.ends_at)::HUGEINT"
    )
    aggregates = [
        f"arg_max(h.phase, {rank}) FILTER (h.phase IS NOT NULL AND c.may_permit) AS deciding",
        "min(h.obstacle) FILTER (c.may_permit) AS obstacle",
    ]
    for number in codes:
        for kind in ("deny", "withdraw"):
            aggregates.append(
                f"max(h.decided_at) FILTER (h.decision = '{kind}' AND c.code = {number})"
                f" AS {kind}_{number}"
            )
        aggregates.append(
            f"max(h.decided_at) FILTER (h.phase = 'permitted' AND c.code = {number})"
            f" AS permit_{number}"
        )
    return (
        f"SELECT h.patient_key, c.use{cell}, {', '.join(aggregates)}"
        f" FROM (SELECT h.* FROM heard h{kept}) h"
        f" JOIN {source} c ON c.purpose = h.purpose{scope}"
        f" WHERE c.may_permit OR h.decision <> 'permit' GROUP BY h.patient_key, c.use{cell}"
    )


def _state_sql(codes: Sequence[int]) -> str:
    standing = {
        kind: " OR ".join(_stands_sql(kind, number, codes) for number in codes) or "false"
        for kind in ("withdraw", "deny")
    }
    return f"""CASE WHEN {standing["withdraw"]} THEN 'withdrawn'
        WHEN {standing["deny"]} THEN 'denied'
        ELSE coalesce(deciding, obstacle, 'not_yet_valid') END"""


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
