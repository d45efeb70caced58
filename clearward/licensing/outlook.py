"""What lies ahead for each licence: what it may receive now, when it ends, whether it is used, and
telling people of the latter. Whether something may be received is decided by `access`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine

from clearward import audit
from clearward.licensing import ledger
from clearward.licensing.access import may_download
from clearward.licensing.model import Licence
from clearward.licensing.registry import list_licences
from clearward.notify import Notice, notify
from clearward.releases.shelf import versions
from clearward.settings import Settings
from clearward.storage import Storage

ENDS_WITHIN = timedelta(days=30)
UNUSED_FOR = timedelta(days=90)


@dataclass(frozen=True)
class Concern:
    """Something about a licence that a person should know; ``key`` is the same while it lasts."""

    key: str
    licence: Licence
    subject: str
    reason: str


def receivable(
    database: Engine, storage: Storage, licence: Licence, *, now: datetime
) -> tuple[str, ...]:
    """Versions that the licence may receive at this moment, oldest first."""
    product = licence.product
    return tuple(
        str(version)
        for version in versions(storage, product)
        if may_download(
            database, storage, licence, product=product, version=str(version), now=now
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
    """Licences in force that end soon; one that was prolonged is another concern."""
    return tuple(
        Concern(
            key=f"{licence.id}|{audit.utc_text(licence.valid_until)}",
            licence=licence,
            subject="licence: ends soon",
            reason=f"licensee {licence.licensee}, ends {audit.utc_text(licence.valid_until)}",
        )
        for licence in in_force(database, now=now)
        if licence.valid_until <= now + within
    )


def unused(
    database: Engine, *, now: datetime, after: timedelta = UNUSED_FOR
) -> tuple[Concern, ...]:
    """Licences in force for long enough under which no data was taken since; told once a month."""
    since = audit.utc_text(now - after)
    taken = {
        r.licence_id for r in ledger.all_receipts(database) if r.has_data and r.last_at >= since
    }
    return tuple(
        Concern(
            key=f"{licence.id}|{now:%Y-%m}",
            licence=licence,
            subject="licence: nothing taken",
            reason=f"licensee {licence.licensee}, no data in {after.days} days",
        )
        for licence in in_force(database, now=now)
        if licence.id not in taken and licence.valid_from <= now - after
    )


def tell(
    settings: Settings, concerns: tuple[Concern, ...], *, told: frozenset[str]
) -> frozenset[str]:
    """Notify about concerns that were not told yet; returns the keys of those that last.

    A notifier that fails raises, and what it was not told is told by the next call.
    """
    for concern in concerns:
        if concern.key not in told:
            licence = concern.licence
            notify(settings, Notice(concern.subject, licence.product, licence.id, concern.reason))
    return frozenset(concern.key for concern in concerns)
