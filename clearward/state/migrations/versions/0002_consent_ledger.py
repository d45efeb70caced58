"""Complete the consent ledger: every field of an event, a chain of batches, no way to change it"""

import hashlib
import json

import sqlalchemy as sa
from alembic import op

from clearward.state.append_only import guard_statements

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_NEW = {
    "source_key": 20,
    "guardian_relation": 32,
    "guardian_evidence_sha256": 64,
    "categories": 64,
    "recipients": 512,
    "jurisdiction": 8,
}
_GUARDED = {
    "consent_event": ("event_key", "id"),
    "consent_batch": ("sequence", "hash"),
    "consent_text": ("id",),
}


def upgrade() -> None:
    _add_columns()
    _create_tables()
    _chain_what_is_there()
    dialect = op.get_bind().dialect.name
    for table, unique in _GUARDED.items():
        for statement in guard_statements(dialect, table, unique=unique):
            op.execute(statement)


def _add_columns() -> None:
    with op.batch_alter_table("consent_event", schema=None) as batch_op:
        for name, length in _NEW.items():
            batch_op.add_column(
                sa.Column(name, sa.String(length=length), server_default="", nullable=False)
            )
        batch_op.add_column(sa.Column("batch", sa.Integer(), server_default="0", nullable=False))
        batch_op.create_index(batch_op.f("ix_consent_event_batch"), ["batch"], unique=False)


def _create_tables() -> None:
    op.create_table(
        "consent_batch",
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("events_sha256", sa.String(length=64), nullable=False),
        sa.Column("recorded_at", sa.String(length=32), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_consent_batch")),
        sa.UniqueConstraint("hash", name=op.f("uq_consent_batch_hash")),
    )
    op.create_table(
        "consent_text",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("hospital_id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("purposes", sa.String(length=256), nullable=False),
        sa.Column("recorded_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_text")),
        sa.UniqueConstraint(
            "hospital_id",
            "version",
            "language",
            name=op.f("uq_consent_text_hospital_id_version_language"),
        ),
    )
    op.create_table(
        "consent_snapshot",
        sa.Column("hospital_id", sa.String(length=64), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("last_batch", sa.Integer(), nullable=False),
        sa.Column("file_sha256", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("hospital_id", "month", name=op.f("pk_consent_snapshot")),
    )


def _chain_what_is_there() -> None:
    """Events taken in before there was a chain become its first batch."""
    connection = op.get_bind()
    rows = connection.execute(
        sa.text(
            "SELECT event_key, hospital_id, month, file_id, recorded_at FROM consent_event"
            " ORDER BY event_key"
        )
    ).all()
    if not rows:
        return
    connection.execute(sa.text("UPDATE consent_event SET batch = 1"))
    digest = hashlib.sha256()
    for row in rows:
        digest.update("|".join(row[:4]).encode() + b"\n")
    link = {
        "sequence": 1,
        "events": len(rows),
        "events_sha256": digest.hexdigest(),
        "recorded_at": max(row[4] for row in rows),
        "previous_hash": "0" * 64,
    }
    canonical = json.dumps(link, sort_keys=True, separators=(",", ":"))
    link["hash"] = hashlib.sha256(canonical.encode()).hexdigest()
    connection.execute(
        sa.text(
            "INSERT INTO consent_batch (sequence, events, events_sha256, recorded_at,"
            " previous_hash, hash) VALUES (:sequence, :events, :events_sha256, :recorded_at,"
            " :previous_hash, :hash)"
        ),
        link,
    )


def downgrade() -> None:
    dialect = op.get_bind().dialect.name
    if dialect == "postgresql":
        for table in _GUARDED:
            op.execute(f"DROP TRIGGER {table}_no_change ON {table}")
            op.execute(f"DROP TRIGGER {table}_no_truncate ON {table}")
        op.execute("DROP FUNCTION clearward_append_only()")
    else:
        for table in _GUARDED:
            for kind in ("no_update", "no_delete", "no_replace"):
                op.execute(f"DROP TRIGGER {table}_{kind}")
    for table in ("consent_snapshot", "consent_text", "consent_batch"):
        op.drop_table(table)
    with op.batch_alter_table("consent_event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_consent_event_batch"))
        for name in (*_NEW, "batch"):
            batch_op.drop_column(name)
