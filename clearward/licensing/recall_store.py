"""Recalls in the state database: marks on versions, and who has which patient to delete. When and
why belongs to `recall`, what becomes a list to `recall_lists`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, select, text
from sqlalchemy.dialects import postgresql, sqlite

from clearward import audit
from clearward.errors import StateError
from clearward.licensing import ledger
from clearward.licensing.withdrawals import Holding
from clearward.products.spec import load_product
from clearward.products.withdrawal import Withdrawal
from clearward.state.models import RecallEntry, VersionRecall

ACTOR = "clearward"
_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_BATCH = 1000


def refused_versions(database: Engine, product: str, *, now: datetime) -> frozenset[str]:
    """Versions of a product of which no new copy is handed out any more."""
    query = select(VersionRecall.version).where(
        VersionRecall.product == product, VersionRecall.refused_from <= audit.utc_text(now)
    )
    with database.connect() as connection:
        return frozenset(connection.scalars(query))


def marks(database: Engine) -> tuple[tuple[str, str, str, str], ...]:
    """``(product, version, marked_at, refused_from)`` of every recalled version."""
    columns = (VersionRecall.product, VersionRecall.version)
    moments = (VersionRecall.marked_at, VersionRecall.refused_from)
    with database.connect() as connection:
        rows = connection.execute(select(*columns, *moments).order_by(*columns))
        return tuple((row[0], row[1], row[2], row[3]) for row in rows)


@contextmanager
def alone(database: Engine) -> Iterator[Connection]:
    """One writer of recalls at a time; committed at the end of the block, or not at all."""
    with database.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(text("LOCK TABLE recall_list IN SHARE ROW EXCLUSIVE MODE"))
        yield connection
        connection.commit()


def mark_versions(
    database: Engine, product: str, holdings: Sequence[Holding], *, now: datetime
) -> tuple[str, ...]:
    """Mark the versions that hold somebody; returns those that were not marked before."""
    policy = load_product(product).withdrawal
    with alone(database) as connection:
        query = select(VersionRecall.version).where(VersionRecall.product == product)
        known = set(connection.scalars(query))
        new = tuple(dict.fromkeys(h.version for h in holdings if h.version not in known))
        for version in new:
            connection.execute(
                insert(VersionRecall).values(**_marked(product, version, policy, now))
            )
    for version in new:
        audit.append(
            database, actor=ACTOR, action="recall.mark", subject=f"{product}/{version}", at=now
        )
    return new


def _marked(product: str, version: str, policy: Withdrawal, now: datetime) -> dict[str, str]:
    return {
        "product": product,
        "version": version,
        "marked_at": audit.utc_text(now),
        "refused_from": audit.utc_text(now + timedelta(days=policy.grace_days)),
    }


def note_entries(database: Engine, product: str, holdings: Sequence[Holding]) -> None:
    """One entry per patient, version and licensee who has it; whoever allowed again is let go."""
    receipts = [r for r in ledger.all_receipts(database) if r.product == product and r.has_data]
    holders: dict[str, set[tuple[str, str]]] = {}
    for receipt in receipts:
        holders.setdefault(receipt.version, set()).add((receipt.licensee, receipt.copy.value))
    rows = [
        {
            "licensee": licensee,
            "product": product,
            "version": holding.version,
            "copy": copy,
            "product_key": holding.product_key,
            "known_at": holding.known_at,
        }
        for holding in holdings
        for licensee, copy in sorted(holders.get(holding.version, ()))
    ]
    gone = {holding.product_key for holding in holdings}
    with alone(database) as connection:
        _let_go(connection, product, gone)
        for start in range(0, len(rows), _BATCH):
            connection.execute(_insert_new(database), rows[start : start + _BATCH])


def _let_go(connection: Connection, product: str, gone: set[str]) -> None:
    waiting = select(RecallEntry.id, RecallEntry.product_key).where(
        RecallEntry.product == product, RecallEntry.list_id.is_(None)
    )
    back = [entry for entry, key in connection.execute(waiting).all() if key not in gone]
    for start in range(0, len(back), _BATCH):
        ids = back[start : start + _BATCH]
        connection.execute(delete(RecallEntry).where(RecallEntry.id.in_(ids)))


def _insert_new(database: Engine) -> Any:
    name = database.dialect.name
    if name not in _INSERTS:
        raise StateError(f"Recalls cannot be kept in {name}.", expected=", ".join(sorted(_INSERTS)))
    key = ["licensee", "product", "version", "copy", "product_key"]
    return _INSERTS[name](RecallEntry).on_conflict_do_nothing(index_elements=key)
