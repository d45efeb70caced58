"""Find lines of the audit log by action and subject without reading all of it"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_audit_event_action_subject"), "audit_event", ["action", "subject"])


def downgrade() -> None:
    op.drop_index(op.f("ix_audit_event_action_subject"), "audit_event")
