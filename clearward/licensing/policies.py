"""The one rule of who may receive what. Pure: no clock, no database, no store is asked here.

`may_receive` answers, `check_receive` raises; nothing else in the project decides this.
"""

from __future__ import annotations

from datetime import datetime

from clearward.errors import ConfigError, LicenceError, ReleaseError
from clearward.licensing.model import Decision, Licence, Reason, Status
from clearward.products.spec import load_product
from clearward.releases.version import Version, in_range, parse_version


def may_receive(
    licence: Licence, *, product: str, version: str, purpose: str, now: datetime
) -> Decision:
    """Decide whether a licence covers a product at a version for a purpose at a moment.

    Default deny: what cannot be understood is refused. A purpose that the product's spec forbids
    is refused whatever a licence says.
    """
    reason = (
        _purpose_refusal(product, purpose)
        or _time_refusal(licence, now)
        or _scope_refusal(licence, product=product, version=version, purpose=purpose)
    )
    return Decision(reason is None, reason or Reason.GRANTED)


def check_receive(
    licence: Licence, *, product: str, version: str, purpose: str, now: datetime
) -> None:
    """Raise LicenceError where `may_receive` says no."""
    decision = may_receive(licence, product=product, version=version, purpose=purpose, now=now)
    if not decision.allowed:
        raise LicenceError(
            f"Licence {licence.id} does not cover this.",
            seen=decision.reason.value.replace("_", " "),
            do="ask the publisher for a licence that does",
        )


def check_purpose(product: str, purpose: str) -> None:
    """Raise LicenceError unless the product may be licensed for the purpose at all."""
    if _purpose_refusal(product, purpose):
        allowed = load_product(product).purposes
        raise LicenceError(
            f"{product} cannot be licensed for this purpose.",
            seen=purpose,
            expected=", ".join(allowed),
            do="nobody can grant another purpose: it is written in the product's spec",
        )


def _purpose_refusal(product: str, purpose: str) -> Reason | None:
    try:
        spec = load_product(product)
    except ConfigError:
        return Reason.UNKNOWN_PRODUCT
    allowed = purpose in spec.purposes and purpose not in spec.forbidden_purposes
    return None if allowed else Reason.FORBIDDEN_PURPOSE


def _time_refusal(licence: Licence, now: datetime) -> Reason | None:
    if licence.status is not Status.ACTIVE:
        return Reason.REVOKED
    if now < licence.valid_from:
        return Reason.NOT_YET_VALID
    return Reason.EXPIRED if now >= licence.valid_until else None


def _scope_refusal(licence: Licence, *, product: str, version: str, purpose: str) -> Reason | None:
    if product != licence.product:
        return Reason.OTHER_PRODUCT
    if purpose != licence.purpose:
        return Reason.OTHER_PURPOSE
    return None if _covers(licence.version_range, version) else Reason.OTHER_VERSION


def _covers(version_range: str, version: str) -> bool:
    try:
        number: Version = parse_version(version)
        return in_range(number, version_range)
    except ReleaseError:
        return False
