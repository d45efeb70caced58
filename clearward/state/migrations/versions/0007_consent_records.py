"""Note which version of which record a consent event is a line of"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# An event that has none of them keeps the key it was chained with.
_NEW = {"record_key": 20, "record_version": 64, "record_updated_at": 32, "record_sha256": 64}


def upgrade() -> None:
    # Plain ADD COLUMN: a table that only grows cannot be copied and dropped, its triggers refuse.
    for name, length in _NEW.items():
        op.add_column(
            "consent_event",
            sa.Column(name, sa.String(length=length), server_default="", nullable=False),
        )
    op.create_index(op.f("ix_consent_event_record_key"), "consent_event", ["record_key"])
    # Copies of the ledger in the older form; the gate writes them anew.
    op.execute("DELETE FROM consent_snapshot")


def downgrade() -> None:
    op.execute("DELETE FROM consent_snapshot")
    op.drop_index(op.f("ix_consent_event_record_key"), "consent_event")
    for name in _NEW:
        op.drop_column("consent_event", name)
