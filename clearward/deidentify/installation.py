"""Keyring, warehouse and state database belong together; here that is recorded and checked.

A keyring that was lost and made anew would give every patient another key: consents would match
nobody, history would join to nothing, and shifts would move twice. So every door that opens the
keyring for work opens it here.
"""

from __future__ import annotations

from sqlalchemy import Engine, inspect
from sqlalchemy.orm import Session

from clearward.errors import ConfigError
from clearward.keyring import Keyring, check_binding, claim_warehouse, load_keyring
from clearward.keyring.binding import bound_id, check_same
from clearward.keyring.keys import now
from clearward.settings import Settings
from clearward.state.base import state_engine
from clearward.state.models import Installation

_ONLY = 1


def open_keyring(settings: Settings) -> Keyring:
    """The installation's keyring; ConfigError when the warehouse or the state is another's."""
    keyring = load_keyring(settings.keyring)
    check_installation(settings, keyring, state_engine(settings.database))
    return keyring


def check_installation(settings: Settings, keyring: Keyring, database: Engine) -> None:
    """Raise ConfigError when rows or consents were made with another keyring."""
    check_binding(settings.warehouse, keyring)
    check_same(recorded_keyring(database), keyring, where="state database")


def record_installation(settings: Settings, keyring: Keyring, database: Engine) -> None:
    """Record the keyring in the warehouse and in a migrated state database; checks both first."""
    check_installation(settings, keyring, database)
    claim_warehouse(settings.warehouse, keyring)
    with Session(database) as session, session.begin():
        if session.get(Installation, _ONLY) is None:
            session.add(Installation(id=_ONLY, keyring_id=keyring.id, recorded_at=now()))


def recorded_keyring(database: Engine) -> str:
    """Id of the keyring the state belongs to; empty before it was recorded."""
    if not inspect(database).has_table(Installation.__tablename__):
        return ""
    with Session(database) as session:
        row = session.get(Installation, _ONLY)
        return row.keyring_id if row else ""


def check_new_keyring(settings: Settings, database: Engine) -> None:
    """Raise ConfigError before a keyring is made for an installation that already had one."""
    recorded = recorded_keyring(database) or bound_id(settings.warehouse)
    if recorded and not settings.keyring.exists():
        raise ConfigError(
            "The keyring of this installation is missing; no new one was made.",
            seen=f"no file at {settings.keyring}",
            expected=f"keyring {recorded}",
            do="restore it with `clearward keys restore`; a new keyring fits no row that is here",
        )
