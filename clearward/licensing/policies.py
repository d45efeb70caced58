"""The one rule of who may receive what. Pure: no clock, no database, no store is asked here.

`may_receive` answers, `check_receive` raises; nothing else in the project decides this.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from clearward.errors import ConfigError, LicenceError, ReleaseError
from clearward.licensing.duo import excludes
from clearward.licensing.model import (
    AgreementState,
    Decision,
    Licence,
    Mode,
    Reason,
    Status,
)
from clearward.products.spec import load_product
from clearward.releases.version import in_range, parse_version

# One object per answer: asked a hundred thousand times a second, it need not be made each time
_DECISIONS: Mapping[Reason, Decision] = MappingProxyType(
    {reason: Decision(reason is Reason.GRANTED, reason) for reason in Reason}
)
_LONGEST_VERSION = 32


def may_receive(
    licence: Licence,
    *,
    product: str,
    version: str,
    purpose: str,
    now: datetime,
    country: str | None = None,
    way: Mode = Mode.DOWNLOAD,
    downloads: int = 0,
) -> Decision:
    """Decide whether a licence covers a product at a version for a purpose at a moment.

    Default deny: what cannot be understood is refused. A purpose that the product's spec forbids
    is refused whatever a licence says.

    Args:
        licence: with its agreement and organisation as they are now.
        product, version, purpose: what is asked for, and what for.
        now: with a time zone.
        country: where the request comes from (ISO 3166-1 alpha-2); empty where whoever had to
            tell could not, None where nobody is asked.
        way: files, or an analysis in the enclave.
        downloads: how many were handed out under the licence already.
    """
    reason = (
        _purpose_refusal(product, purpose)
        or _standing_refusal(licence)
        or _time_refusal(licence, now)
        or _place_refusal(licence, country)
        or _way_refusal(licence, way, downloads=downloads)
        or _scope_refusal(licence, product, version=version, purpose=purpose)
    )
    return _DECISIONS[reason or Reason.GRANTED]


def check_receive(licence: Licence, **asked: Any) -> None:
    """Raise LicenceError where `may_receive`, asked the same, says no."""
    decision = may_receive(licence, **asked)
    if not decision.allowed:
        raise LicenceError(
            f"Licence {licence.id} does not cover this.",
            seen=decision.reason.value.replace("_", " "),
            do="ask the publisher for a licence that does",
        )


def check_purpose(product: str, purpose: str) -> None:
    """Raise LicenceError unless the product may be licensed for the purpose at all."""
    allowed = _licensable(product)
    if allowed is None:
        raise LicenceError("There is no such product.", seen=repr(product[:64]))
    if purpose not in allowed:
        raise LicenceError(
            f"{product} cannot be licensed for this purpose.",
            seen=purpose[:64],
            expected=", ".join(sorted(allowed)),
            do="nobody can grant another purpose: it is written in the product's spec",
        )


def _purpose_refusal(product: str, purpose: str) -> Reason | None:
    allowed = _licensable(product)
    if allowed is None:
        return Reason.UNKNOWN_PRODUCT
    return None if purpose in allowed else Reason.FORBIDDEN_PURPOSE


@lru_cache(maxsize=256)
def _licensable(product: str) -> frozenset[str] | None:
    """Purposes of a product's spec, less those it forbids; None where there is no such product."""
    try:
        spec = load_product(product)
    except ConfigError:
        return None
    return frozenset(spec.purposes) - frozenset(spec.forbidden_purposes)


def _standing_refusal(licence: Licence) -> Reason | None:
    """Every link of the chain must hold: organisation, agreement, licence."""
    if licence.organisation_status is not Status.ACTIVE:
        return Reason.ORGANISATION_REVOKED
    if licence.agreement_status is not AgreementState.IN_FORCE:
        unsigned = licence.agreement_status is AgreementState.OFFERED
        return Reason.AGREEMENT_NOT_SIGNED if unsigned else Reason.AGREEMENT_REVOKED
    return None if licence.status is Status.ACTIVE else Reason.REVOKED


def _time_refusal(licence: Licence, now: datetime) -> Reason | None:
    if now < licence.valid_from:
        return Reason.NOT_YET_VALID
    return Reason.EXPIRED if now >= licence.valid_until else None


def _place_refusal(licence: Licence, country: str | None) -> Reason | None:
    """Where countries are named, every place that is known must be one of them, and one is known:
    the declared one, unless the request's was asked for and could not be told.
    """
    if not licence.countries:
        return None
    known = {place for place in (licence.country, country) if place}
    if not known or country == "":
        return Reason.UNKNOWN_COUNTRY
    return None if known <= licence.countries else Reason.OTHER_COUNTRY


def _way_refusal(licence: Licence, way: Mode, *, downloads: int) -> Reason | None:
    if way is not Mode.DOWNLOAD:
        return None
    if licence.mode is not Mode.DOWNLOAD:
        return Reason.ENCLAVE_ONLY
    most = licence.max_downloads
    return Reason.DOWNLOADS_USED_UP if most is not None and downloads >= most else None


def _scope_refusal(licence: Licence, product: str, *, version: str, purpose: str) -> Reason | None:
    if product != licence.product:
        return Reason.OTHER_PRODUCT
    if purpose != licence.purpose or (licence.duo and excludes(licence.duo, purpose)):
        return Reason.OTHER_PURPOSE
    if len(version) > _LONGEST_VERSION or not _covers(licence.version_range, version):
        return Reason.OTHER_VERSION
    return None


@lru_cache(maxsize=8192)
def _covers(version_range: str, version: str) -> bool:
    try:
        return in_range(parse_version(version), version_range)
    except ReleaseError:
        return False
