"""What lies ahead for each licence: what it may receive now, when it or its last token ends, if
anything is taken, and telling people of it. Whether something may be received is decided by
`access`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Engine, select

from clearward import audit
from clearward.licensing import ledger
from clearward.licensing.access import expected_country, may_download
from clearward.licensing.model import Licence
from clearward.licensing.registry import list_licences
from clearward.notify import Notice, notify
from clearward.releases.shelf import versions
from clearward.settings import Settings
from clearward.state.models import AccessToken
from clearward.storage import Storage

ENDS_WITHIN = timedelta(days=30)
UNUSED_FOR = timedelta(days=90)


class Kind(StrEnum):
    """Why a person should look at a licence."""

    LICENCE_ENDS = "licence_ends"
    TOKENS_END = "tokens_end"
    NOTHING_TAKEN = "nothing_taken"


_WORDS = {
    Kind.LICENCE_ENDS: "ends soon",
    Kind.TOKENS_END: "its last token ends soon",
    Kind.NOTHING_TAKEN: "nothing taken",
}


@dataclass(frozen=True)
class Concern:
    """Something about a licence that a person should know.

    Attributes:
        at: when the licence or its last token ends, or since when nothing was taken; UTC text.
        key: the same while it lasts, for whoever tells it once.
    """

    kind: Kind
    licence: Licence
    at: str
    key: str

    def row(self) -> dict[str, str]:
        """For a list."""
        named = {"licence_id": self.licence.id, "buyer": self.licence.buyer}
        return {"concern": self.kind, **named, "product": self.licence.product, "at": self.at}


def receivable(
    settings: Settings, database: Engine, storage: Storage, *, licence: Licence, now: datetime
) -> tuple[str, ...]:
    """Versions that somebody may receive under the licence at this moment, oldest first."""
    product, country = licence.product, expected_country(settings, licence)
    return tuple(
        str(version)
        for version in versions(storage, product)
        if may_download(
            database,
            storage,
            licence,
            product=product,
            version=str(version),
            now=now,
            country=country,
        ).allowed
    )


def in_force(database: Engine, *, now: datetime) -> tuple[Licence, ...]:
    """Licences whose dates hold and of which nobody revoked anything: the licence, its agreement,
    its organisation."""
    return tuple(
        licence
        for licence in list_licences(database)
        if licence.is_standing and licence.valid_from <= now < licence.valid_until
    )


def ending(
    database: Engine, *, now: datetime, within: timedelta = ENDS_WITHIN
) -> tuple[Concern, ...]:
    """Licences in force that end soon, or whose last token does while they go on; soonest first.
    One that was prolonged is another concern.
    """
    limit, tokens = audit.utc_text(now + within), _last_token_ends(database, now)
    found = []
    for licence in in_force(database, now=now):
        until, token = audit.utc_text(licence.valid_until), tokens.get(licence.id)
        if until <= limit:
            found.append(Concern(Kind.LICENCE_ENDS, licence, until, f"{licence.id}|{until}"))
        elif token is not None and token <= limit:
            found.append(Concern(Kind.TOKENS_END, licence, token, f"{licence.id}|token|{token}"))
    return tuple(sorted(found, key=lambda each: (each.at, each.licence.id)))


def unused(
    database: Engine, *, now: datetime, after: timedelta = UNUSED_FOR
) -> tuple[Concern, ...]:
    """Licences in force for long enough under which no data was taken since; told once a month."""
    taken: dict[str, str] = {}
    for receipt in (r for r in ledger.all_receipts(database) if r.has_data):
        taken[receipt.licence_id] = max(receipt.last_at, taken.get(receipt.licence_id, ""))
    since = audit.utc_text(now - after)
    found = (
        (licence, max(audit.utc_text(licence.valid_from), taken.get(licence.id, "")))
        for licence in in_force(database, now=now)
    )
    return tuple(
        Concern(Kind.NOTHING_TAKEN, licence, at, f"{licence.id}|{now:%Y-%m}")
        for licence, at in found
        if at <= since
    )


def tell(
    settings: Settings, concerns: tuple[Concern, ...], *, told: frozenset[str]
) -> frozenset[str]:
    """Notify about concerns that were not told yet; returns the keys of those that last.

    A notifier that fails raises, and what it was not told is told by the next call.
    """
    for concern in (each for each in concerns if each.key not in told):
        licence = concern.licence
        subject = f"licence: {_WORDS[concern.kind]}"
        reason = f"licensee {licence.licensee}, {concern.at}"
        notify(settings, Notice(subject, licence.product, licence.id, reason))
    return frozenset(concern.key for concern in concerns)


def _last_token_ends(database: Engine, now: datetime) -> dict[str, str]:
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
    with database.connect() as connection:
        return {row.licence_id: row.expires_at for row in connection.execute(query)}
