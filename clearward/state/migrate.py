"""Bring a state database to this version's tables. Migrations themselves are in `migrations/`.

Alembic takes half a second to import: only what asks a database does.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from clearward.errors import StateError

if TYPE_CHECKING:
    from alembic.config import Config

_LOCK = 0x436C6561  # any fixed number; names this lock among a server's advisory locks


def migrate(engine: Engine) -> str:
    """Upgrade to the newest revision and return it; safe to call at every start."""
    from alembic import command  # noqa: PLC0415

    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        command.upgrade(_config(connection), "head")
    return newest_revision()


def check_migrated(engine: Engine) -> None:
    """Raise StateError unless the database can be reached and is at the newest revision."""
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415

    try:
        with engine.connect() as connection:
            seen = MigrationContext.configure(connection).get_current_revision()
    except SQLAlchemyError as error:
        raise StateError(
            "The state database cannot be reached.",
            seen=type(error).__name__,
            do="check CLEARWARD_DATABASE and that the server runs",
        ) from error
    if seen != newest_revision():
        raise StateError(
            "The state database is not at this version's revision.",
            seen=str(seen),
            expected=newest_revision(),
            do="run `clearward init`",
        )


def newest_revision() -> str:
    """Id of the last migration this version ships."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    head = ScriptDirectory.from_config(_config(None)).get_current_head()
    if head is None:
        raise StateError("This installation ships no migrations.", do="install it again")
    return head


def _config(connection: Connection | None) -> Config:
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config
