"""Tables that only grow: the database itself refuses to change or delete a row of them.

A trigger holds for every connection, not for this program alone. Who may drop triggers can still
rewrite a table; that is what a chain of hashes over it is for.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import DDL, FromClause, Table, event

REFUSAL = "rows of this table are never changed or deleted"
_FUNCTION = "clearward_append_only"


def guard_statements(dialect: str, table: str, *, unique: Sequence[str]) -> list[str]:
    """SQL that makes a table append-only.

    Args:
        dialect: ``sqlite`` or ``postgresql``.
        table: its name.
        unique: its columns with a unique constraint. SQLite's INSERT OR REPLACE deletes the older
            row without asking a DELETE trigger, so a row that is there already is passed over.
    """
    if dialect == "postgresql":
        return [_function_sql(), *_postgres_triggers(table)]
    known = " OR ".join(f"{name} = NEW.{name}" for name in unique)
    raising = f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
    return [
        f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {raising}",
        f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {raising}",
        f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN EXISTS "
        f"(SELECT 1 FROM {table} WHERE {known}) BEGIN SELECT RAISE(IGNORE); END",
    ]


def keep_append_only(table: FromClause, *, unique: Sequence[str]) -> None:
    """Guard a table wherever it is created from the models (migrations call the statements)."""
    assert isinstance(table, Table)  # noqa: S101  (a mapped class has no other kind)
    for dialect in ("sqlite", "postgresql"):
        for statement in guard_statements(dialect, table.name, unique=unique):
            made = DDL(statement.replace("%", "%%")).execute_if(dialect=dialect)  # type: ignore[no-untyped-call]  # untyped in SQLAlchemy
            event.listen(table, "after_create", made)


def _function_sql() -> str:
    return (
        f"CREATE OR REPLACE FUNCTION {_FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'integrity_constraint_violation';"
        " END $$"
    )


def _postgres_triggers(table: str) -> list[str]:
    act = f"EXECUTE FUNCTION {_FUNCTION}()"
    return [
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW {act}",
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT {act}",
    ]
