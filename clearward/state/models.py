"""Every table of the state database. A room's rules live in that room; only columns live here.

Patients appear as `patient_key` only: no natural id, name or date of birth is ever kept here.
Times are UTC, ISO 8601 text with seconds, so that SQLite and PostgreSQL sort them alike.
"""

from __future__ import annotations

from sqlalchemy import JSON, Double, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from clearward.state import buyer_models  # noqa: F401  (the same metadata)
from clearward.state.append_only import keep_append_only
from clearward.state.base import Base


class ExtractRecord(Base):
    """An extract that arrived, accepted or refused."""

    __tablename__ = "extract"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    manifest_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    hospital_id: Mapped[str] = mapped_column(String(64))
    system: Mapped[str] = mapped_column(String(32))
    month: Mapped[str] = mapped_column(String(7))
    kind: Mapped[str] = mapped_column(String(8))
    sequence: Mapped[int] = mapped_column(Integer)
    status: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(String(1000), default="")
    rows_in: Mapped[int] = mapped_column(Integer, default=0)
    received_at: Mapped[str] = mapped_column(String(32))

    __table_args__ = (Index(None, "hospital_id", "month"),)


class ConsentEvent(Base):
    """One decision of one patient about one purpose; never changed, never deleted."""

    __tablename__ = "consent_event"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    event_key: Mapped[str] = mapped_column(String(64), unique=True)
    hospital_id: Mapped[str] = mapped_column(String(64))
    patient_key: Mapped[str] = mapped_column(String(20))
    purpose: Mapped[str] = mapped_column(String(64))
    decision: Mapped[str] = mapped_column(String(16))
    decided_at: Mapped[str] = mapped_column(String(32))
    valid_from: Mapped[str] = mapped_column(String(32))
    valid_until: Mapped[str | None] = mapped_column(String(32))
    text_version: Mapped[str] = mapped_column(String(64))
    text_sha256: Mapped[str] = mapped_column(String(64))
    evidence_sha256: Mapped[str] = mapped_column(String(64))
    language: Mapped[str] = mapped_column(String(16))
    guardian: Mapped[bool]
    month: Mapped[str] = mapped_column(String(7))
    file_id: Mapped[str] = mapped_column(String(12))
    recorded_at: Mapped[str] = mapped_column(String(32))
    # Empty means what `consent.model` says about each: never "unknown".
    source_key: Mapped[str] = mapped_column(String(20), server_default="")
    guardian_relation: Mapped[str] = mapped_column(String(32), server_default="")
    guardian_evidence_sha256: Mapped[str] = mapped_column(String(64), server_default="")
    categories: Mapped[str] = mapped_column(String(64), server_default="")
    recipients: Mapped[str] = mapped_column(String(512), server_default="")
    jurisdiction: Mapped[str] = mapped_column(String(8), server_default="")
    batch: Mapped[int] = mapped_column(Integer, server_default="0")
    record_key: Mapped[str] = mapped_column(String(20), server_default="")
    record_version: Mapped[str] = mapped_column(String(64), server_default="")
    record_updated_at: Mapped[str] = mapped_column(String(32), server_default="")
    record_sha256: Mapped[str] = mapped_column(String(64), server_default="")

    __table_args__ = (
        Index(None, "hospital_id", "month", "patient_key"),
        Index(None, "batch"),
        Index(None, "record_key"),
    )


class ConsentBatch(Base):
    """Consent events taken in together: a link of the chain that makes a change evident."""

    __tablename__ = "consent_batch"

    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    events: Mapped[int] = mapped_column(Integer)
    events_sha256: Mapped[str] = mapped_column(String(64))
    recorded_at: Mapped[str] = mapped_column(String(32))
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64), unique=True)


class ConsentText(Base):
    """A text patients are asked to sign, and the purposes it speaks of."""

    __tablename__ = "consent_text"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    hospital_id: Mapped[str] = mapped_column(String(64))
    version: Mapped[str] = mapped_column(String(64))
    language: Mapped[str] = mapped_column(String(16))
    sha256: Mapped[str] = mapped_column(String(64))
    purposes: Mapped[str] = mapped_column(String(256))
    recorded_at: Mapped[str] = mapped_column(String(32))

    __table_args__ = (UniqueConstraint("hospital_id", "version", "language"),)


class ConsentSnapshot(Base):
    """A Parquet copy of a hospital's events of one month, known by its bytes. A cache."""

    __tablename__ = "consent_snapshot"

    hospital_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    month: Mapped[str] = mapped_column(String(7), primary_key=True)
    last_batch: Mapped[int] = mapped_column(Integer)
    file_sha256: Mapped[str] = mapped_column(String(64))


class ReleaseRecord(Base):
    """A release candidate and what became of it."""

    __tablename__ = "release"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    product: Mapped[str] = mapped_column(String(64))
    version: Mapped[str] = mapped_column(String(32))
    month: Mapped[str] = mapped_column(String(7))
    content_sha256: Mapped[str] = mapped_column(String(64))
    manifest_sha256: Mapped[str] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(16))
    published_at: Mapped[str] = mapped_column(String(32))

    __table_args__ = (UniqueConstraint("product", "version"),)


class Approval(Base):
    """A person's word that one candidate, named by its content, may be published."""

    __tablename__ = "approval"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    product: Mapped[str] = mapped_column(String(64))
    month: Mapped[str] = mapped_column(String(7))
    content_sha256: Mapped[str] = mapped_column(String(64))
    approved_by: Mapped[str] = mapped_column(String(128))
    approved_at: Mapped[str] = mapped_column(String(32))

    __table_args__ = (UniqueConstraint("product", "content_sha256"),)


class SignOff(Base):
    """A person's answer for an amber privacy gate of one content, with the reason they gave."""

    __tablename__ = "sign_off"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    product: Mapped[str] = mapped_column(String(64))
    month: Mapped[str] = mapped_column(String(7))
    gate: Mapped[str] = mapped_column(String(8))
    content_sha256: Mapped[str] = mapped_column(String(64))
    signed_by: Mapped[str] = mapped_column(String(128))
    reason: Mapped[str] = mapped_column(String(1000))
    signed_at: Mapped[str] = mapped_column(String(32))

    __table_args__ = (UniqueConstraint("product", "content_sha256", "gate"),)


class Licence(Base):
    """Buyer x product x purpose x versions x dates x terms."""

    __tablename__ = "licence"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    buyer: Mapped[str] = mapped_column(String(128))
    product: Mapped[str] = mapped_column(String(64))
    purpose: Mapped[str] = mapped_column(String(64))
    version_range: Mapped[str] = mapped_column(String(64))
    terms_sha256: Mapped[str] = mapped_column(String(64))
    valid_from: Mapped[str] = mapped_column(String(32))
    valid_until: Mapped[str] = mapped_column(String(32))
    status: Mapped[str] = mapped_column(String(16))
    copy: Mapped[str] = mapped_column(String(16))
    key_pem: Mapped[str] = mapped_column(Text)
    # No foreign keys: SQLite could not take such a column away again. A licence whose agreement is
    # not there grants nothing.
    agreement_id: Mapped[str] = mapped_column(String(32), server_default="", index=True)
    request_id: Mapped[str] = mapped_column(String(32), server_default="")
    # Empty, or null, means "no such limit": never "unknown".
    countries: Mapped[str] = mapped_column(String(768), server_default="")
    max_downloads: Mapped[int | None] = mapped_column(Integer)
    mode: Mapped[str] = mapped_column(String(16), server_default="download")
    duo: Mapped[str] = mapped_column(String(256), server_default="")
    policy_sha256: Mapped[str] = mapped_column(String(64), server_default="")


class AccessToken(Base):
    """A buyer's bearer token; only its SHA-256 is kept."""

    __tablename__ = "access_token"

    token_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    licence_id: Mapped[str] = mapped_column(ForeignKey("licence.id"))
    expires_at: Mapped[str] = mapped_column(String(32))
    revoked_at: Mapped[str | None] = mapped_column(String(32))
    issued_at: Mapped[str] = mapped_column(String(32), server_default="")
    # Whose token it is, and the client whose secret was exchanged for it; empty for neither.
    person_id: Mapped[str] = mapped_column(String(32), server_default="")
    client_id: Mapped[str] = mapped_column(String(32), server_default="")

    __table_args__ = (Index(None, "licence_id"),)


class AuditEvent(Base):
    """One line of the hash-chained log; `audit.py` writes and verifies it."""

    __tablename__ = "audit_event"

    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[str] = mapped_column(String(32))
    actor: Mapped[str] = mapped_column(String(128))
    action: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(256))
    detail: Mapped[dict[str, object]] = mapped_column(JSON)
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64), unique=True)

    __table_args__ = (Index(None, "action", "subject"),)


class PrivacySpend(Base):
    """Privacy budget that one synthetic sample of a product took; never changed, never deleted."""

    __tablename__ = "privacy_spend"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    product: Mapped[str] = mapped_column(String(64))
    ordinal: Mapped[int] = mapped_column(Integer)
    month: Mapped[str] = mapped_column(String(7))
    mechanism: Mapped[str] = mapped_column(String(64))
    unit: Mapped[str] = mapped_column(String(16))
    epsilon: Mapped[float] = mapped_column(Double)
    delta: Mapped[float] = mapped_column(Double)
    rho: Mapped[float] = mapped_column(Double)
    spent_at: Mapped[str] = mapped_column(String(32))

    __table_args__ = (UniqueConstraint("product", "ordinal"),)


class SyntheticSample(Base):
    """A finished sample, by the hash of its files; ``ordinal`` is that of its spend."""

    __tablename__ = "synthetic_sample"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    product: Mapped[str] = mapped_column(String(64))
    ordinal: Mapped[int] = mapped_column(Integer)
    month: Mapped[str] = mapped_column(String(7))
    sample_sha256: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[str] = mapped_column(String(32))

    __table_args__ = (UniqueConstraint("product", "ordinal"),)


class Delivery(Base):
    """A line of the delivery ledger: what was handed to whom; never changed, never deleted."""

    __tablename__ = "delivery"

    request_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    licence_id: Mapped[str] = mapped_column(ForeignKey("licence.id"))
    licensee: Mapped[str] = mapped_column(String(512))
    product: Mapped[str] = mapped_column(String(64))
    version: Mapped[str] = mapped_column(String(32))
    copy: Mapped[str] = mapped_column(String(16))
    copy_id: Mapped[str] = mapped_column(String(20))
    manifest_sha256: Mapped[str] = mapped_column(String(64))
    canonical_sha256: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(16))
    path: Mapped[str] = mapped_column(String(900))
    token_id: Mapped[str] = mapped_column(String(16))
    at: Mapped[str] = mapped_column(String(32))

    __table_args__ = (
        Index(None, "product", "version"),
        Index(None, "licensee"),
        Index(None, "licence_id"),
    )


class VersionRecall(Base):
    """A published version that holds somebody who withdrew. How many is not kept."""

    __tablename__ = "version_recall"

    product: Mapped[str] = mapped_column(String(64), primary_key=True)
    version: Mapped[str] = mapped_column(String(32), primary_key=True)
    marked_at: Mapped[str] = mapped_column(String(32))
    refused_from: Mapped[str] = mapped_column(String(32))


class RecallList(Base):
    """What one licensee has to delete. The document is dropped once deletion is confirmed."""

    __tablename__ = "recall_list"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    licensee: Mapped[str] = mapped_column(String(512))
    product: Mapped[str] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(16))
    is_forced: Mapped[bool]
    made_at: Mapped[str] = mapped_column(String(32))
    due_at: Mapped[str] = mapped_column(String(32))
    notified_at: Mapped[str | None] = mapped_column(String(32))
    sent_at: Mapped[str | None] = mapped_column(String(32))
    confirmed_at: Mapped[str | None] = mapped_column(String(32))
    document: Mapped[str] = mapped_column(Text)
    document_sha256: Mapped[str] = mapped_column(String(64))

    __table_args__ = (Index(None, "licensee", "product"),)


class RecallEntry(Base):
    """A patient in a version that a licensee received, to be recalled; on a list or waiting.

    ``product_key`` is the patient's pseudonym in the published product, whatever copy was given.
    """

    __tablename__ = "recall_entry"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    licensee: Mapped[str] = mapped_column(String(512))
    product: Mapped[str] = mapped_column(String(64))
    version: Mapped[str] = mapped_column(String(32))
    copy: Mapped[str] = mapped_column(String(16))
    product_key: Mapped[str] = mapped_column(String(20))
    known_at: Mapped[str] = mapped_column(String(32))
    list_id: Mapped[str | None] = mapped_column(ForeignKey("recall_list.id"))

    __table_args__ = (
        UniqueConstraint("licensee", "product", "version", "copy", "product_key"),
        Index(None, "list_id"),
        Index(None, "product_key"),
    )


class DeletionAttestation(Base):
    """A licensee's word that what a recall list names is deleted; never changed."""

    __tablename__ = "deletion_attestation"

    list_id: Mapped[str] = mapped_column(ForeignKey("recall_list.id"), primary_key=True)
    attested_by: Mapped[str] = mapped_column(String(128))
    deleted_at: Mapped[str] = mapped_column(String(32))
    received_at: Mapped[str] = mapped_column(String(32))
    channel: Mapped[str] = mapped_column(String(16))
    signed_by: Mapped[str] = mapped_column(String(64))
    statement: Mapped[str] = mapped_column(Text)
    statement_sha256: Mapped[str] = mapped_column(String(64))


class Installation(Base):
    """One row: the keyring that patients' keys in this database were made with."""

    __tablename__ = "installation"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    keyring_id: Mapped[str] = mapped_column(String(16))
    recorded_at: Mapped[str] = mapped_column(String(32))


keep_append_only(ConsentEvent.__table__, unique=("event_key", "id"))
keep_append_only(ConsentBatch.__table__, unique=("sequence", "hash"))
keep_append_only(ConsentText.__table__, unique=("id",))
keep_append_only(AuditEvent.__table__, unique=("sequence", "hash"))
