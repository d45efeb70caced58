"""Licences as values. Rules over them belong to `policies`, keeping them to `registry`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from clearward.errors import LicenceError
from clearward.licensing.names import licensee_name


class Status(StrEnum):
    """Whether an organisation, a person or a licence still counts; dates decide too."""

    ACTIVE = "active"
    REVOKED = "revoked"


class AgreementState(StrEnum):
    """Where an agreement is in its life; only one in force carries licences."""

    OFFERED = "offered"
    IN_FORCE = "in_force"
    REVOKED = "revoked"


class Mode(StrEnum):
    """How data may be used: files leave, or the analysis comes to them."""

    DOWNLOAD = "download"
    ENCLAVE = "enclave"


class Copy(StrEnum):
    """Which bytes a licence delivers."""

    OWN = "own"
    MARKED = "marked"  # own, with marks on last digits the contract opens to them
    CANONICAL = "canonical"


class Reason(StrEnum):
    """Why a decision fell as it did; kept in the audit log."""

    GRANTED = "granted"
    FORBIDDEN_PURPOSE = "forbidden_purpose"
    UNKNOWN_PRODUCT = "unknown_product"
    REVOKED = "revoked"
    AGREEMENT_REVOKED = "agreement_revoked"
    AGREEMENT_NOT_SIGNED = "agreement_not_signed"
    ORGANISATION_REVOKED = "organisation_revoked"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    UNKNOWN_COUNTRY = "unknown_country"
    OTHER_COUNTRY = "other_country"
    ENCLAVE_ONLY = "enclave_only"
    DOWNLOADS_USED_UP = "downloads_used_up"
    OTHER_PRODUCT = "other_product"
    OTHER_PURPOSE = "other_purpose"
    OTHER_VERSION = "other_version"
    RETIRED_RELEASE = "retired_release"
    RECALLED_RELEASE = "recalled_release"
    NO_RELEASE = "no_release"
    BAD_TOKEN = "bad_token"  # noqa: S105 - a reason, not a token
    BAD_LINK = "bad_link"


# Asked before the scope, so they tell a bearer about their licence and nothing about what exists
LICENCE_IS_OVER = frozenset(
    {
        Reason.REVOKED,
        Reason.AGREEMENT_REVOKED,
        Reason.AGREEMENT_NOT_SIGNED,
        Reason.ORGANISATION_REVOKED,
        Reason.NOT_YET_VALID,
        Reason.EXPIRED,
        Reason.FORBIDDEN_PURPOSE,
        Reason.UNKNOWN_COUNTRY,
        Reason.OTHER_COUNTRY,
        Reason.ENCLAVE_ONLY,
        Reason.DOWNLOADS_USED_UP,
    }
)


@dataclass(frozen=True)
class Licence:
    """Buyer x product x purpose x versions x dates x terms.

    Attributes:
        id: public name of the licence.
        version_range: see `releases.version.range_bounds`.
        terms_sha256: hash of the signed text.
        valid_from, valid_until: first moment in force, first moment no longer in force; UTC.
        copy: the licensee's own copy, with pseudonyms nobody else has, that copy with marks, or the
            canonical files.
        key_pem: the licensee's Ed25519 public key (PEM); with one, what they attest must be
            signed by it. Empty: their token speaks for them.
        agreement_id, agreement_status: what it is granted under, as that is now.
        organisation_id, organisation_status, country: who holds it, as they are now; the country
            they declared (ISO 3166-1 alpha-2), or empty.
        countries: where it may be used from; empty means anywhere.
        max_downloads: how often data may be handed out under it, in all; None means no limit.
        mode: files, or the enclave only.
        duo: restrictions the agreement adds, as terms of the Data Use Ontology.
        policy_sha256: hash of the ODRL document that says all this; see `odrl`.
        request_id: the request it answers, or empty.
    """

    id: str
    buyer: str
    product: str
    purpose: str
    version_range: str
    terms_sha256: str
    valid_from: datetime
    valid_until: datetime
    status: Status = Status.ACTIVE
    copy: Copy = Copy.OWN
    key_pem: str = ""
    agreement_id: str = ""
    agreement_status: AgreementState = AgreementState.IN_FORCE
    organisation_id: str = ""
    organisation_status: Status = Status.ACTIVE
    country: str = ""
    countries: frozenset[str] = frozenset()
    max_downloads: int | None = None
    mode: Mode = Mode.DOWNLOAD
    duo: tuple[str, ...] = ()
    policy_sha256: str = ""
    request_id: str = ""

    @property
    def licensee(self) -> str:
        """Who receives, as ledger and keys know them: the buyer's name without case, width or
        spacing, so that all licences of one buyer share their pseudonyms and recall lists.
        """
        return licensee_name(self.buyer)

    @property
    def is_standing(self) -> bool:
        """True while nothing of the chain above it, nor it, was revoked; its dates count too."""
        return (
            self.status is Status.ACTIVE
            and self.agreement_status is AgreementState.IN_FORCE
            and self.organisation_status is Status.ACTIVE
        )


@dataclass(frozen=True)
class Decision:
    """May it be received, and why."""

    allowed: bool
    reason: Reason


def parse_moment(text: str) -> datetime:
    """A moment as the state database keeps it; LicenceError for anything without a time zone."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise LicenceError("Not a moment.", expected="ISO 8601, as 2026-01-31T00:00:00Z") from error
    if moment.tzinfo is None:
        raise LicenceError("A moment without a time zone.", expected="ISO 8601 with Z")
    return moment.astimezone(UTC)
