"""Whether licences, and what was ended, are still what the audit log says of them. The log's own
chain belongs to `audit`, deliveries to `ledger`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, Engine, select

from clearward.errors import StateError
from clearward.licensing import agreements
from clearward.licensing.chain import find_token, read_licence
from clearward.licensing.model import AgreementState, Status
from clearward.licensing.odrl import fits
from clearward.state import buyer_models, models

Check = Callable[[Connection, str, Mapping[str, Any]], bool]


def verify_licences(engine: Engine) -> int:
    """Compare rows with the log; returns how many of its lines were compared.

    Lines from before licences had a policy document say nothing about their terms.

    Raises:
        StateError: a licence's terms were changed, something revoked was made good again, or a
            buyer's signature does not hold over what they signed.
    """
    compared = 0
    event = models.AuditEvent
    query = (
        select(event.sequence, event.action, event.subject, event.detail)
        .where(event.action.in_(_CHECKS))
        .order_by(event.sequence)
    )
    with engine.connect() as connection:
        for sequence, action, subject, detail in connection.execute(query).all():
            compared += 1
            if not _CHECKS[action](connection, subject, detail):
                raise StateError(
                    "The state database was changed beside the log.",
                    seen=f"{subject} is not what line {sequence} ({action}) says",
                    do="compare with a backup, and find who can write to the state database",
                )
    return compared


def _terms_hold(connection: Connection, licence_id: str, detail: Mapping[str, Any]) -> bool:
    licence = read_licence(connection, licence_id)
    said = detail.get("policy_sha256")
    if licence is None or said is None:
        return licence is not None
    table = buyer_models.PolicyDocument
    document = connection.scalar(select(table.body).where(table.sha256 == said)) or ""
    return licence.policy_sha256 == said and fits(licence, document, str(said))


def _signature_holds(connection: Connection, agreement_id: str, detail: Mapping[str, Any]) -> bool:
    found = agreements.read_agreement(connection, agreement_id)
    if found is None or found.signed_by != detail["signed_by"]:
        return False
    return found.is_signature_whole()


def _text_is_the_same(connection: Connection, agreement_id: str, detail: Mapping[str, Any]) -> bool:
    found = agreements.read_agreement(connection, agreement_id)
    return found is not None and found.text_sha256 == detail["text_sha256"]


def _stays_ended(table: Any, ended: str) -> Check:
    def check(connection: Connection, name: str, _: Mapping[str, Any]) -> bool:
        return bool(connection.scalar(select(table.status).where(table.id == name)) == ended)

    return check


def _token_stays_ended(connection: Connection, _: str, detail: Mapping[str, Any]) -> bool:
    row = find_token(connection, str(detail["token_id"]))
    return row is None or row.revoked_at is not None


def _client_stays_ended(connection: Connection, _: str, detail: Mapping[str, Any]) -> bool:
    table = buyer_models.Client
    row = connection.execute(select(table).where(table.id == detail["client"])).first()
    return row is None or row.revoked_at is not None


_CHECKS: Mapping[str, Check] = {
    "licence.create": _terms_hold,
    "licence.policy": _terms_hold,
    "licence.revoke": _stays_ended(models.Licence, Status.REVOKED),
    "organisation.revoke": _stays_ended(buyer_models.Organisation, Status.REVOKED),
    "person.revoke": _stays_ended(buyer_models.Person, Status.REVOKED),
    "agreement.offer": _text_is_the_same,
    "agreement.sign": _signature_holds,
    "agreement.revoke": _stays_ended(buyer_models.Agreement, AgreementState.REVOKED),
    "token.revoke": _token_stays_ended,
    "client.revoke": _client_stays_ended,
}
