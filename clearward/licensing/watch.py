"""Licences and tokens that somebody should look at: about to end, or never used. Telling people
belongs to `notify`, ending them to `registry`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Engine, select

from clearward import audit
from clearward.licensing.model import Licence
from clearward.licensing.outlook import in_force
from clearward.state.models import AccessToken, Delivery


class Concern(StrEnum):
    """Why a licence is on the list."""

    LICENCE_ENDS = "licence_ends"
    TOKENS_END = "tokens_end"
    NEVER_USED = "never_used"


@dataclass(frozen=True)
class Watched:
    """One concern; ``at`` is when licence or last token ends, or since when it is unused."""

    concern: Concern
    licence_id: str
    buyer: str
    product: str
    at: str


def watch(engine: Engine, *, now: datetime, days: int = 30) -> tuple[Watched, ...]:
    """Licences in force that end within some days, whose last token does while they go on, or that
    were in force for as long and never delivered anything. Soonest first.
    """
    limit = audit.utc_text(now + timedelta(days=days))
    ends, used = _last_token_ends(engine, now), _used(engine)
    found = []
    for licence in in_force(engine, now=now):
        until, token = audit.utc_text(licence.valid_until), ends.get(licence.id)
        if until <= limit:
            found.append(_watched(Concern.LICENCE_ENDS, licence, until))
        elif token is not None and token <= limit:
            found.append(_watched(Concern.TOKENS_END, licence, token))
        if licence.id not in used and licence.valid_from <= now - timedelta(days=days):
            since = audit.utc_text(licence.valid_from)
            found.append(_watched(Concern.NEVER_USED, licence, since))
    return tuple(sorted(found, key=lambda each: (each.at, each.licence_id, each.concern)))


def _watched(concern: Concern, licence: Licence, at: str) -> Watched:
    return Watched(concern, licence.id, licence.buyer, licence.product, at)


def _last_token_ends(engine: Engine, now: datetime) -> dict[str, str]:
    """When the last good token of each licence ends; a client's hour is none."""
    table = AccessToken
    query = (
        select(table.licence_id, table.expires_at)
        .where(
            table.revoked_at.is_(None),
            table.client_id == "",
            table.expires_at > audit.utc_text(now),
        )
        .order_by(table.expires_at)
    )
    with engine.connect() as connection:
        return {row.licence_id: row.expires_at for row in connection.execute(query)}


def _used(engine: Engine) -> frozenset[str]:
    with engine.connect() as connection:
        return frozenset(connection.scalars(select(Delivery.licence_id).distinct()))
