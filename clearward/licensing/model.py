"""Licences as values. Rules over them belong to `policies`, keeping them to `registry`."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from clearward.errors import LicenceError


class Status(StrEnum):
    """Whether a licence is in force; its dates decide too."""

    ACTIVE = "active"
    REVOKED = "revoked"


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
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    OTHER_PRODUCT = "other_product"
    OTHER_PURPOSE = "other_purpose"
    OTHER_VERSION = "other_version"
    RETIRED_RELEASE = "retired_release"
    RECALLED_RELEASE = "recalled_release"
    NO_RELEASE = "no_release"
    BAD_TOKEN = "bad_token"  # noqa: S105 - a reason, not a token
    BAD_LINK = "bad_link"


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

    @property
    def licensee(self) -> str:
        """Who receives, as ledger and keys know them: the buyer's name without case, width or
        spacing, so that all licences of one buyer share their pseudonyms and recall lists.
        """
        return licensee_name(self.buyer)


@dataclass(frozen=True)
class Decision:
    """May it be received, and why."""

    allowed: bool
    reason: Reason


def licensee_name(buyer: str) -> str:
    """A buyer's name in one form (NFKC, case folded, single spaces)."""
    return " ".join(unicodedata.normalize("NFKC", buyer).casefold().split())


def parse_moment(text: str) -> datetime:
    """A moment as the state database keeps it; LicenceError for anything without a time zone."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise LicenceError("Not a moment.", expected="ISO 8601, as 2026-01-31T00:00:00Z") from error
    if moment.tzinfo is None:
        raise LicenceError("A moment without a time zone.", expected="ISO 8601 with Z")
    return moment.astimezone(UTC)
