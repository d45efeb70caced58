"""Granting licences: what is asked of one before it is kept. Reading them belongs to `registry`,
what they allow to `policies`.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, insert, select

from clearward import audit
from clearward.errors import LicenceError
from clearward.licensing import agreements
from clearward.licensing.chain import chain_of, licence_of, moment_text
from clearward.licensing.duo import check_terms
from clearward.licensing.model import AgreementState, Copy, Licence, Mode, Status
from clearward.licensing.names import check_country, licensee_name
from clearward.licensing.odrl import keep_policy
from clearward.licensing.organisations import ensure_organisation
from clearward.licensing.policies import check_purpose
from clearward.releases.signing import load_public_key
from clearward.releases.version import overlap, range_bounds
from clearward.state import buyer_models, models


def create_licence(
    engine: Engine,
    *,
    product: str,
    purpose: str,
    version_range: str,
    valid_from: datetime,
    valid_until: datetime,
    buyer: str = "",
    terms: bytes = b"",
    agreement_id: str = "",
    copy: Copy = Copy.OWN,
    key_pem: bytes = b"",
    countries: Iterable[str] = (),
    max_downloads: int | None = None,
    mode: Mode = Mode.DOWNLOAD,
    duo: Iterable[str] = (),
    request_id: str = "",
    now: datetime | None = None,
    actor: str = "clearward",
) -> Licence:
    """Keep a licence under a signed agreement: ``agreement_id``; or ``buyer`` and ``terms``, the
    bytes of a text they signed on paper, for which organisation and agreement are noted as needed.

    Every other argument is a term, see `Licence`. LicenceError where the product cannot be licensed
    for the purpose, nothing would be covered, the agreement carries nothing, or the licensee would
    hold a marked copy of a version and another one.
    """
    check_purpose(product, purpose)
    range_bounds(version_range)
    now = now or datetime.now(UTC)
    row: dict[str, Any] = {
        "id": f"lic_{secrets.token_hex(8)}",
        "product": product,
        "purpose": purpose,
        "version_range": version_range,
        "status": Status.ACTIVE.value,
        "copy": copy.value,
        "mode": mode.value,
        "request_id": request_id,
        "key_pem": _key(key_pem),
        "countries": ",".join(sorted(set(map(check_country, countries)))),
        "duo": ",".join(check_terms(duo, purpose)),
        "max_downloads": _limit(max_downloads),
        **_dates(valid_from, valid_until),
    }
    with audit.logged(engine) as connection:
        if not agreement_id:
            agreement_id = _on_paper(connection, buyer, terms, now=now, actor=actor)
        row |= _under(connection, agreement_id, buyer=buyer)
        return _keep(connection, row, now=now, actor=actor)


def _dates(valid_from: datetime, valid_until: datetime) -> dict[str, str]:
    start, end = moment_text(valid_from), moment_text(valid_until)
    if start >= end:
        raise LicenceError("The licence would never be in force.", seen=f"{start} to {end}")
    return {"valid_from": start, "valid_until": end}


def _limit(max_downloads: int | None) -> int | None:
    if max_downloads is not None and max_downloads < 1:
        raise LicenceError("No download would be allowed.", seen=str(max_downloads))
    return max_downloads


def _key(pem: bytes) -> str:
    if pem:
        load_public_key(pem)
    return pem.decode()


def _check_one_kind(connection: Connection, row: dict[str, Any], *, now: datetime) -> None:
    """Whoever holds a marked copy of a version and another one beside it can read the marks."""
    if row["mode"] == Mode.ENCLAVE:
        return
    is_marked, licensee = row["copy"] == Copy.MARKED, licensee_name(row["buyer"])
    others = chain_of().where(
        buyer_models.Organisation.licensee == licensee,
        models.Licence.product == row["product"],
        models.Licence.mode == Mode.DOWNLOAD.value,
    )
    granted = [
        li.id
        for li in map(licence_of, connection.execute(others))
        if (li.copy is Copy.MARKED) != is_marked
        and (li.is_standing and now < li.valid_until)
        and overlap(li.version_range, row["version_range"])
    ]
    line = models.Delivery
    handed = select(line.version, line.copy).where(
        line.licensee == licensee, line.product == row["product"]
    )
    had = [
        f"{version}, handed out"
        for version, copy in connection.execute(handed.distinct())
        if (copy == Copy.MARKED) != is_marked and overlap(version, row["version_range"])
    ]
    if granted or had:
        raise LicenceError(
            "One licensee would hold a marked and an unmarked copy of one version.",
            seen=", ".join(granted or had),
            expected="one kind of copy: two side by side show where the marks are",
            do="grant the kind they have, other versions, or revoke the other licence first",
        )


def _keep(connection: Connection, row: dict[str, Any], *, now: datetime, actor: str) -> Licence:
    _check_one_kind(connection, row, now=now)
    connection.execute(insert(models.Licence).values(**row, policy_sha256=""))
    return keep_policy(connection, row["id"], action="licence.create", now=now, actor=actor)


def _on_paper(
    connection: Connection, buyer: str, terms: bytes, *, now: datetime, actor: str
) -> str:
    """The agreement of a buyer with this very text, or a new one, signed on paper."""
    if not buyer.strip() or not terms:
        raise LicenceError("A licence needs a buyer and a text.", do="name both")
    organisation = ensure_organisation(connection, name=buyer, now=now, actor=actor)
    table = buyer_models.Agreement
    found = connection.scalar(
        select(table.id)
        .where(
            table.organisation_id == organisation.id,
            table.text_sha256 == hashlib.sha256(terms).hexdigest(),
            table.status == AgreementState.IN_FORCE.value,
        )
        .order_by(table.id)
        .limit(1)
    )
    if found:
        return str(found)
    made = agreements.write_offer(
        connection,
        organisation_id=organisation.id,
        text=terms,
        text_version="1",
        now=now,
        actor=actor,
    )
    signed = {"signed_by": agreements.PAPER}
    agreements.write_signature(connection, made, signatory="", signed=signed, now=now, actor=actor)
    return made


def _under(connection: Connection, agreement_id: str, *, buyer: str) -> dict[str, str]:
    """Whose agreement it is, and which text, for the licence's row."""
    agreement = agreements.read_agreement(connection, agreement_id)
    if agreement is None or agreement.state is not AgreementState.IN_FORCE:
        raise LicenceError(
            "There is no such agreement, or it is not in force.",
            seen=f"{agreement_id} {agreement.state if agreement else ''}".strip(),
            do="have it signed first: `clearward agreement sign`",
        )
    table = buyer_models.Organisation
    row = connection.execute(
        select(table.name, table.licensee, table.status).where(
            table.id == agreement.organisation_id
        )
    ).one()
    if row.status != Status.ACTIVE:
        raise LicenceError("This organisation was revoked.", seen=agreement.organisation_id)
    if buyer.strip() and licensee_name(buyer) != row.licensee:
        raise LicenceError(
            "The agreement is another organisation's.",
            seen=agreement.organisation_id,
            do="name the agreement alone, or the organisation that signed it",
        )
    return {
        "agreement_id": agreement_id,
        "buyer": buyer.strip() or row.name,
        "terms_sha256": agreement.text_sha256,
    }
