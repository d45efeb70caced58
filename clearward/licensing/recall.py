"""From a withdrawal to what follows for versions that are out: they are marked, and whoever has
them gets a list of patients to delete. What a list says belongs to `recall_lists`, finding the
patients to `withdrawals`, the answer of a licensee to `attestation`.

Everything here can run again at any time: a mark, an entry and a list are each made once. Nothing
here tells how many patients withdrew, or which: marks have no count, lists are seen by their own
licensee only, and log, notices and metadata hold ids and dates.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from clearward.errors import ClearwardError
from clearward.keyring import Keyring
from clearward.licensing import recall_lists, recall_store
from clearward.licensing.copies import forget_version
from clearward.licensing.recall_notices import announce
from clearward.licensing.withdrawals import find_holdings
from clearward.products.spec import product_names
from clearward.settings import Settings
from clearward.state.base import state_engine
from clearward.storage import Storage


@dataclass(frozen=True)
class RecallRun:
    """What one run did; no number in it counts patients."""

    versions_marked: int
    lists_made: int
    lists_overdue: int
    lists_open: int

    def metadata(self) -> dict[str, int | float | str]:
        """Counts of versions and lists."""
        return dict(self.__dict__)


def process_withdrawals(
    settings: Settings, keyring: Keyring, storage: Storage, *, now: datetime
) -> RecallRun:
    """Carry every withdrawal on record to the versions, licensees and lists it reaches.

    For each product: mark the versions that hold somebody who withdrew, note for every licensee
    who received one which of its patients to delete, make the lists that are ripe (see
    `products.withdrawal.Withdrawal`), note what is overdue, and tell the notifier. Meant to run
    daily, for all withdrawals of a day together.

    Raises:
        ReleaseError: a published patient file cannot be read; all other products are done.
        ConfigError: a licensee's copy was made with a key that is lost; all others are done. Or
            the notifier failed; what it was to tell is told by the next run.
    """
    database = state_engine(settings.database)
    marked, made = 0, 0
    failures: list[ClearwardError] = []
    for product in product_names():
        try:
            holdings = find_holdings(settings, keyring, storage, product=product, now=now)
            marked += len(recall_store.mark_versions(database, product, holdings, now=now))
            recall_store.note_entries(database, product, holdings)
            made += len(recall_lists.make_ripe(database, keyring, product=product, now=now))
        except ClearwardError as error:
            failures.append(error)
    overdue = recall_lists.expire(database, now=now)
    _forget_refused(settings, database, now=now)
    announce(settings, database, now=now)
    if failures:
        raise failures[0]
    return RecallRun(marked, made, len(overdue), len(recall_lists.open_lists(database)))


def _forget_refused(settings: Settings, database: Engine, *, now: datetime) -> None:
    """Copies of refused versions leave this machine; what was handed out is the licensees'."""
    for product in product_names():
        for version in recall_store.refused_versions(database, product, now=now):
            forget_version(settings, product, version)
