"""What a licence may do at this moment: the policy's word, and what became of the version since.
The policy itself belongs to `policies`; whoever opens a door asks here, on every request.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from clearward.keyring import Keyring
from clearward.licensing.model import Decision, Licence, Mode, Reason
from clearward.licensing.policies import may_receive
from clearward.licensing.recall_store import refused_versions
from clearward.licensing.withdrawals import withdrawn_keys
from clearward.releases.shelf import is_retired
from clearward.settings import Settings
from clearward.storage import Storage


@dataclass(frozen=True)
class QueryRight:
    """Whether an analysis may read a version, and whose rows it must not see.

    Attributes:
        left_out: product pseudonyms of everybody who has withdrawn by now; the reader cuts them
            off before the first row is read. Empty when nothing may be read.
    """

    decision: Decision
    left_out: frozenset[str]


def may_download(
    database: Engine,
    storage: Storage,
    licence: Licence,
    *,
    product: str,
    version: str,
    now: datetime,
    country: str | None = None,
) -> Decision:
    """Whether new bytes of a version may be handed out under a licence.

    ``country``: see `policies.may_receive` and `request_country`. Downloads are counted where they
    are put on record, see `quota`.

    The licensee's purpose is the licence's own: a token is issued for one licence, which is for
    one purpose. A retired and a recalled version are refused only after the licence was found
    to cover it, so whoever is not entitled cannot tell them apart from any other.
    """
    decision = may_receive(
        licence,
        product=product,
        version=version,
        purpose=licence.purpose,
        now=now,
        country=country,
    )
    if decision.allowed and is_retired(storage, product, version):
        return Decision(False, Reason.RETIRED_RELEASE)
    if decision.allowed and version in refused_versions(database, product, now=now):
        return Decision(False, Reason.RECALLED_RELEASE)
    return decision


def may_query(
    settings: Settings,
    keyring: Keyring,
    storage: Storage,
    *,
    licence: Licence,
    product: str,
    version: str,
    now: datetime,
    country: str | None = None,
) -> QueryRight:
    """What an enclave has to ask before each analysis and at least every five minutes of one.

    Data that never left can be cut at once: a recalled version stays readable, without the rows
    of whoever has withdrawn. The answer comes from the consent ledger itself, not from the daily
    run, so a withdrawal counts with the next question. The pseudonyms are those of the canonical
    release; an enclave that shows a licensee's own translates them with `copies`.
    """
    decision = may_receive(
        licence,
        product=product,
        version=version,
        purpose=licence.purpose,
        now=now,
        country=country,
        way=Mode.ENCLAVE,
    )
    if decision.allowed and is_retired(storage, product, version):
        decision = Decision(False, Reason.RETIRED_RELEASE)
    if not decision.allowed:
        return QueryRight(decision, frozenset())
    return QueryRight(decision, withdrawn_keys(settings, keyring, product=product, now=now))


def expected_country(settings: Settings, licence: Licence) -> str | None:
    """Where a request under a licence may come from, for whoever gets something ready before it is
    asked for: one of its countries, where a proxy will tell; else nobody is asked.
    """
    return min(licence.countries, default=None) if settings.country_header else None


def request_country(settings: Settings, headers: Mapping[str, str]) -> str | None:
    """Where a request comes from, in capitals, as the proxy in front says it; None where none was
    set up to tell (`Settings.country_header`), empty where it could not. A service that can be
    reached around its proxy must not name a header: whoever asks could write it themselves.
    """
    if not settings.country_header:
        return None
    told = headers.get(settings.country_header.lower(), "").strip().upper()
    return told if re.fullmatch(r"[A-Z]{2}", told) else ""
