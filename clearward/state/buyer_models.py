"""Tables of who buys: organisations, their people, what they signed, what they asked for, and the
secrets they are given. Licences and bearer tokens are in `models`; rules live in `licensing`.

Only hashes of secrets are kept. Times are UTC, ISO 8601 text with seconds, as in `models`.
"""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from clearward.state.base import Base


class Organisation(Base):
    """Who buys. ``licensee`` is the name in one form, so that no two rows are the same name."""

    __tablename__ = "organisation"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(128))
    licensee: Mapped[str] = mapped_column(String(512), unique=True)
    country: Mapped[str] = mapped_column(String(2), server_default="")
    status: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[str] = mapped_column(String(32))


class Person(Base):
    """Somebody who signs or holds tokens for an organisation."""

    __tablename__ = "person"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisation.id"))
    name: Mapped[str] = mapped_column(String(128))
    email: Mapped[str] = mapped_column(String(254))
    status: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[str] = mapped_column(String(32))

    __table_args__ = (UniqueConstraint("organisation_id", "email"),)


class Agreement(Base):
    """A text at a version, offered to an organisation and signed by it.

    ``envelope`` is what the buyer signed (DSSE), ``signed_by`` the id of the key in ``key_pem``;
    ``paper``, and neither, where a signed paper was taken in.
    """

    __tablename__ = "agreement"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisation.id"))
    text_version: Mapped[str] = mapped_column(String(64))
    text_sha256: Mapped[str] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(16))
    offered_at: Mapped[str] = mapped_column(String(32))
    signed_at: Mapped[str | None] = mapped_column(String(32))
    signatory: Mapped[str] = mapped_column(String(128), server_default="")
    signed_by: Mapped[str] = mapped_column(String(64), server_default="")
    envelope: Mapped[str] = mapped_column(Text, server_default="")
    key_pem: Mapped[str] = mapped_column(Text, server_default="")

    __table_args__ = (Index(None, "organisation_id"),)


class PolicyDocument(Base):
    """What a licence allows, as an ODRL document, by the hash of its bytes."""

    __tablename__ = "policy_document"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    body: Mapped[str] = mapped_column(Text)
    made_at: Mapped[str] = mapped_column(String(32))


class AccessRequest(Base):
    """Somebody asks for a product; a person of the publisher's decides."""

    __tablename__ = "access_request"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    product: Mapped[str] = mapped_column(String(64))
    organisation: Mapped[str] = mapped_column(String(128))
    person: Mapped[str] = mapped_column(String(128))
    email: Mapped[str] = mapped_column(String(254))
    purpose: Mapped[str] = mapped_column(String(64))
    statement: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(16))
    submitted_at: Mapped[str] = mapped_column(String(32))
    decided_at: Mapped[str | None] = mapped_column(String(32))
    decided_by: Mapped[str] = mapped_column(String(128), server_default="")
    reason: Mapped[str] = mapped_column(String(1000), server_default="")
    organisation_id: Mapped[str] = mapped_column(String(32), server_default="")
    person_id: Mapped[str] = mapped_column(String(32), server_default="")

    __table_args__ = (Index(None, "status"),)


class Activation(Base):
    """A link that is exchanged for a token, once and soon."""

    __tablename__ = "activation"

    activation_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    licence_id: Mapped[str] = mapped_column(ForeignKey("licence.id"))
    person_id: Mapped[str] = mapped_column(String(32), server_default="")
    made_at: Mapped[str] = mapped_column(String(32))
    expires_at: Mapped[str] = mapped_column(String(32))
    token_expires_at: Mapped[str] = mapped_column(String(32))
    used_at: Mapped[str | None] = mapped_column(String(32))

    __table_args__ = (Index(None, "licence_id"),)


class Client(Base):
    """A program of a buyer's that exchanges its secret for short-lived tokens (OAuth 2.0)."""

    __tablename__ = "client"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    secret_sha256: Mapped[str] = mapped_column(String(64))
    licence_id: Mapped[str] = mapped_column(ForeignKey("licence.id"))
    person_id: Mapped[str] = mapped_column(String(32), server_default="")
    made_at: Mapped[str] = mapped_column(String(32))
    expires_at: Mapped[str] = mapped_column(String(32))
    revoked_at: Mapped[str | None] = mapped_column(String(32))
    # The secret before this one, good until the overlap of a rotation ends
    former_sha256: Mapped[str] = mapped_column(String(64), server_default="")
    former_until: Mapped[str] = mapped_column(String(32), server_default="")

    __table_args__ = (Index(None, "licence_id"),)
