"""Add organisations, people, agreements, requests and clients; give every licence its agreement"""

import hashlib
import unicodedata

import sqlalchemy as sa
from alembic import op

from clearward.state.append_only import guard_statements

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TABLES = (
    "client",
    "activation",
    "access_request",
    "policy_document",
    "agreement",
    "person",
    "organisation",
)
_LICENCE = {
    "agreement_id": sa.String(32),
    "request_id": sa.String(32),
    "countries": sa.String(768),
    "duo": sa.String(256),
    "policy_sha256": sa.String(64),
}
_TOKEN = {"issued_at": 32, "person_id": 32, "client_id": 32}


def _text(name: str, length: int, server_default: str | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=False, server_default=server_default)


def upgrade() -> None:
    _create_buyers()
    _create_papers()
    _create_secrets()
    for name, kind in _LICENCE.items():
        op.add_column("licence", sa.Column(name, kind, nullable=False, server_default=""))
    op.add_column("licence", sa.Column("max_downloads", sa.Integer(), nullable=True))
    op.add_column("licence", _text("mode", 16, server_default="download"))
    op.create_index(op.f("ix_licence_agreement_id"), "licence", ["agreement_id"])
    for name, length in _TOKEN.items():
        op.add_column("access_token", _text(name, length, server_default=""))
    op.create_index(op.f("ix_access_token_licence_id"), "access_token", ["licence_id"])
    op.create_index(op.f("ix_delivery_licence_id"), "delivery", ["licence_id"])
    _take_over_licences()
    for statement in guard_statements(
        op.get_bind().dialect.name, "audit_event", unique=("sequence", "hash")
    ):
        op.execute(statement)


def _create_buyers() -> None:
    op.create_table(
        "organisation",
        _text("id", 32),
        _text("name", 128),
        _text("licensee", 512),
        _text("country", 2, server_default=""),
        _text("status", 16),
        _text("created_at", 32),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation")),
        sa.UniqueConstraint("licensee", name=op.f("uq_organisation_licensee")),
    )
    op.create_table(
        "person",
        _text("id", 32),
        _text("organisation_id", 32),
        _text("name", 128),
        _text("email", 254),
        _text("status", 16),
        _text("created_at", 32),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_person_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint(
            "organisation_id", "email", name=op.f("uq_person_organisation_id_email")
        ),
    )


def _create_papers() -> None:
    op.create_table(
        "agreement",
        _text("id", 32),
        _text("organisation_id", 32),
        _text("text_version", 64),
        _text("text_sha256", 64),
        _text("status", 16),
        _text("offered_at", 32),
        sa.Column("signed_at", sa.String(32), nullable=True),
        _text("signatory", 128, server_default=""),
        _text("signed_by", 64, server_default=""),
        sa.Column("envelope", sa.Text(), server_default="", nullable=False),
        sa.Column("key_pem", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_agreement_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agreement")),
    )
    op.create_index(op.f("ix_agreement_organisation_id"), "agreement", ["organisation_id"])
    op.create_table(
        "policy_document",
        _text("sha256", 64),
        sa.Column("body", sa.Text(), nullable=False),
        _text("made_at", 32),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_policy_document")),
    )
    op.create_table(
        "access_request",
        _text("id", 32),
        _text("product", 64),
        _text("organisation", 128),
        _text("person", 128),
        _text("email", 254),
        _text("purpose", 64),
        sa.Column("statement", sa.Text(), nullable=False),
        _text("status", 16),
        _text("submitted_at", 32),
        sa.Column("decided_at", sa.String(32), nullable=True),
        _text("decided_by", 128, server_default=""),
        _text("reason", 1000, server_default=""),
        _text("organisation_id", 32, server_default=""),
        _text("person_id", 32, server_default=""),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_request")),
    )
    op.create_index(op.f("ix_access_request_status"), "access_request", ["status"])


def _create_secrets() -> None:
    op.create_table(
        "activation",
        _text("activation_sha256", 64),
        _text("licence_id", 32),
        _text("person_id", 32, server_default=""),
        _text("made_at", 32),
        _text("expires_at", 32),
        _text("token_expires_at", 32),
        sa.Column("used_at", sa.String(32), nullable=True),
        sa.ForeignKeyConstraint(
            ["licence_id"], ["licence.id"], name=op.f("fk_activation_licence_id_licence")
        ),
        sa.PrimaryKeyConstraint("activation_sha256", name=op.f("pk_activation")),
    )
    op.create_index(op.f("ix_activation_licence_id"), "activation", ["licence_id"])
    op.create_table(
        "client",
        _text("id", 32),
        _text("secret_sha256", 64),
        _text("licence_id", 32),
        _text("person_id", 32, server_default=""),
        _text("made_at", 32),
        _text("expires_at", 32),
        sa.Column("revoked_at", sa.String(32), nullable=True),
        _text("former_sha256", 64, server_default=""),
        _text("former_until", 32, server_default=""),
        sa.ForeignKeyConstraint(
            ["licence_id"], ["licence.id"], name=op.f("fk_client_licence_id_licence")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_client")),
    )
    op.create_index(op.f("ix_client_licence_id"), "client", ["licence_id"])


def _take_over_licences() -> None:
    """Every buyer becomes an organisation; every text they signed on paper, an agreement."""
    connection = op.get_bind()
    query = "SELECT id, buyer, terms_sha256, valid_from FROM licence ORDER BY valid_from, id"
    organisations: dict[str, dict[str, str]] = {}
    agreements: dict[tuple[str, str], dict[str, str]] = {}
    for licence in connection.execute(sa.text(query)).mappings().all():
        since = licence["valid_from"]
        # as `licensing.model.licensee_name` reads a name
        licensee = " ".join(unicodedata.normalize("NFKC", licence["buyer"]).casefold().split())
        buyer = organisations.setdefault(
            licensee,
            {
                "id": _id("org", licensee),
                "name": licence["buyer"],
                "licensee": licensee,
                "status": "active",
                "created_at": since,
            },
        )
        agreement = agreements.setdefault(
            (licensee, licence["terms_sha256"]),
            {
                "id": _id("agr", licensee, licence["terms_sha256"]),
                "organisation_id": buyer["id"],
                "text_version": "",
                "text_sha256": licence["terms_sha256"],
                "status": "in_force",
                "offered_at": since,
                "signed_at": since,
                "signed_by": "paper",
            },
        )
        update = sa.text("UPDATE licence SET agreement_id = :agreement WHERE id = :licence")
        connection.execute(update, {"agreement": agreement["id"], "licence": licence["id"]})
    _insert("organisation", list(organisations.values()))
    _insert("agreement", list(agreements.values()))


def _insert(table: str, rows: list[dict[str, str]]) -> None:
    if rows:
        op.bulk_insert(sa.table(table, *(sa.column(name) for name in rows[0])), rows)


def _id(kind: str, *parts: str) -> str:
    return f"{kind}_{hashlib.sha256('|'.join(parts).encode()).hexdigest()[:16]}"


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for event in ("update", "delete", "replace"):
            op.execute(f"DROP TRIGGER audit_event_no_{event}")
    else:
        for event in ("change", "truncate"):
            op.execute(f"DROP TRIGGER audit_event_no_{event} ON audit_event")
    op.drop_index(op.f("ix_delivery_licence_id"), "delivery")
    op.drop_index(op.f("ix_access_token_licence_id"), "access_token")
    for name in _TOKEN:
        op.drop_column("access_token", name)
    op.drop_index(op.f("ix_licence_agreement_id"), "licence")
    for name in (*_LICENCE, "max_downloads", "mode"):
        op.drop_column("licence", name)
    for table in _TABLES:
        op.drop_table(table)
