"""Add the delivery ledger, recalls and attestations; take over deliveries the log knows of"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("licence", sa.Column("copy", sa.String(16), nullable=False, server_default="own"))
    op.add_column("licence", sa.Column("key_pem", sa.Text(), nullable=False, server_default=""))
    # Who was licensed before own copies existed holds the canonical files: their keys stay
    op.execute("UPDATE licence SET copy = 'canonical'")
    _create_delivery()
    _create_recall()
    _take_over_deliveries()
    for table in ("delivery", "deletion_attestation"):
        _refuse_changes(table)


def _create_delivery() -> None:
    op.create_table(
        "delivery",
        sa.Column("request_id", sa.String(32), nullable=False),
        sa.Column("licence_id", sa.String(32), nullable=False),
        sa.Column("licensee", sa.String(512), nullable=False),
        sa.Column("product", sa.String(64), nullable=False),
        sa.Column("version", sa.String(32), nullable=False),
        sa.Column("copy", sa.String(16), nullable=False),
        sa.Column("copy_id", sa.String(20), nullable=False),
        sa.Column("manifest_sha256", sa.String(64), nullable=False),
        sa.Column("canonical_sha256", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("path", sa.String(900), nullable=False),
        sa.Column("token_id", sa.String(16), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.ForeignKeyConstraint(
            ["licence_id"], ["licence.id"], name=op.f("fk_delivery_licence_id_licence")
        ),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_delivery")),
    )
    op.create_index(op.f("ix_delivery_licensee"), "delivery", ["licensee"])
    op.create_index(op.f("ix_delivery_product_version"), "delivery", ["product", "version"])


def _create_recall() -> None:
    _create_version_recall()
    _create_list()
    _create_entry()
    _create_attestation()


def _create_version_recall() -> None:
    op.create_table(
        "version_recall",
        sa.Column("product", sa.String(64), nullable=False),
        sa.Column("version", sa.String(32), nullable=False),
        sa.Column("marked_at", sa.String(32), nullable=False),
        sa.Column("refused_from", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("product", "version", name=op.f("pk_version_recall")),
    )


def _create_list() -> None:
    op.create_table(
        "recall_list",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("licensee", sa.String(512), nullable=False),
        sa.Column("product", sa.String(64), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("is_forced", sa.Boolean(), nullable=False),
        sa.Column("made_at", sa.String(32), nullable=False),
        sa.Column("due_at", sa.String(32), nullable=False),
        sa.Column("notified_at", sa.String(32), nullable=True),
        sa.Column("sent_at", sa.String(32), nullable=True),
        sa.Column("confirmed_at", sa.String(32), nullable=True),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("document_sha256", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recall_list")),
    )
    op.create_index(op.f("ix_recall_list_licensee_product"), "recall_list", ["licensee", "product"])


def _create_entry() -> None:
    op.create_table(
        "recall_entry",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("licensee", sa.String(512), nullable=False),
        sa.Column("product", sa.String(64), nullable=False),
        sa.Column("version", sa.String(32), nullable=False),
        sa.Column("copy", sa.String(16), nullable=False),
        sa.Column("product_key", sa.String(20), nullable=False),
        sa.Column("known_at", sa.String(32), nullable=False),
        sa.Column("list_id", sa.String(32), nullable=True),
        sa.ForeignKeyConstraint(
            ["list_id"], ["recall_list.id"], name=op.f("fk_recall_entry_list_id_recall_list")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recall_entry")),
        sa.UniqueConstraint(
            "licensee",
            "product",
            "version",
            "copy",
            "product_key",
            name=op.f("uq_recall_entry_licensee_product_version_copy_product_key"),
        ),
    )
    op.create_index(op.f("ix_recall_entry_list_id"), "recall_entry", ["list_id"])
    op.create_index(op.f("ix_recall_entry_product_key"), "recall_entry", ["product_key"])


def _create_attestation() -> None:
    op.create_table(
        "deletion_attestation",
        sa.Column("list_id", sa.String(32), nullable=False),
        sa.Column("attested_by", sa.String(128), nullable=False),
        sa.Column("deleted_at", sa.String(32), nullable=False),
        sa.Column("received_at", sa.String(32), nullable=False),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("signed_by", sa.String(64), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("statement_sha256", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(
            ["list_id"],
            ["recall_list.id"],
            name=op.f("fk_deletion_attestation_list_id_recall_list"),
        ),
        sa.PrimaryKeyConstraint("list_id", name=op.f("pk_deletion_attestation")),
    )


def _take_over_deliveries() -> None:
    """Before the ledger, only the audit log said who received what. A link to a bucket left no
    second line, so a granted request for links counts as received.
    """
    connection = op.get_bind()
    lines = connection.execute(
        sa.text(
            "SELECT e.sequence, e.at, e.actor, e.action, e.subject, e.detail, l.buyer"
            " FROM audit_event e JOIN licence l ON l.id = e.actor"
            " WHERE e.action IN ('delivery.links', 'delivery.file') ORDER BY e.sequence"
        )
    ).mappings()
    rows = [row for row in map(_delivery_row, lines) if row]
    table = sa.table("delivery", *(sa.column(name) for name in rows[0])) if rows else None
    if table is not None:
        op.bulk_insert(table, rows)


def _delivery_row(line: sa.RowMapping) -> dict[str, str] | None:
    # as `licensing.model.licensee_name` reads a name
    import unicodedata  # noqa: PLC0415

    detail = line["detail"]
    detail = json.loads(detail) if isinstance(detail, str) else detail
    product, _, rest = line["subject"].partition("/")
    version, _, path = rest.partition("/")
    if detail.get("reason") != "granted":
        return None
    return {
        "request_id": f"log-{line['sequence']}",
        "licence_id": line["actor"],
        "licensee": " ".join(unicodedata.normalize("NFKC", line["buyer"]).casefold().split()),
        "product": product,
        "version": version,
        "copy": "canonical",
        "copy_id": "",
        "manifest_sha256": "",
        "canonical_sha256": "",
        "kind": "file" if path else "presigned",
        "path": path or "*",
        "token_id": str(detail.get("token_id", "")),
        "at": line["at"],
    }


def _refuse_changes(table: str) -> None:
    """Lines are added only; the database itself refuses anything else."""
    for event in ("UPDATE", "DELETE"):
        if op.get_bind().dialect.name == "sqlite":
            op.execute(
                f"CREATE TRIGGER {table}_{event.lower()} BEFORE {event} ON {table}"
                f" BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
            continue
        op.execute(
            "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
        )
        op.execute(
            f"CREATE TRIGGER {table}_{event.lower()} BEFORE {event} ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    for table in (
        "deletion_attestation",
        "recall_entry",
        "recall_list",
        "version_recall",
        "delivery",
    ):
        op.drop_table(table)
    with op.batch_alter_table("licence") as licence:
        licence.drop_column("key_pem")
        licence.drop_column("copy")
