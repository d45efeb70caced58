"""Agreements: a text at a version, offered to an organisation and signed by it. What is licensed
under one belongs to `registry`.

The buyer signs an in-toto Statement that names the text by its hash, with their own Ed25519 key
(DSSE, as releases are signed); or a signed paper is taken in, and the record says so.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from sqlalchemy import Connection, Engine, insert, select, update

from clearward import audit
from clearward.errors import LicenceError, ReleaseError
from clearward.licensing.model import AgreementState, Status
from clearward.licensing.names import check_name
from clearward.releases.manifest import STATEMENT_TYPE
from clearward.releases.signing import key_id, load_public_key, open_envelope
from clearward.state import buyer_models as models
from clearward.transitions import Life

AGREEMENT_TYPE = "urn:clearward:agreement:1"
PAPER = "paper"


class AgreementAction(StrEnum):
    """What can happen to an agreement."""

    SIGN = "sign"
    REVOKE = "revoke"


TRANSITIONS: Mapping[AgreementState, Mapping[AgreementAction, AgreementState]] = MappingProxyType(
    {
        AgreementState.OFFERED: {
            AgreementAction.SIGN: AgreementState.IN_FORCE,
            AgreementAction.REVOKE: AgreementState.REVOKED,
        },
        # A signature is given once; another text is another agreement
        AgreementState.IN_FORCE: {AgreementAction.REVOKE: AgreementState.REVOKED},
        AgreementState.REVOKED: {AgreementAction.REVOKE: AgreementState.REVOKED},
    }
)
LIFE = Life(TRANSITIONS, "agreement", LicenceError, "see `clearward agreement list`")


@dataclass(frozen=True)
class Agreement:
    """What an organisation was offered and has signed.

    Attributes:
        signatory: who signed, by name.
        signed_by: id of the buyer's key, or ``paper``; empty while it is only offered.
        envelope, key_pem: the DSSE envelope and the key it is signed with; empty for a paper.
    """

    id: str
    organisation_id: str
    text_version: str
    text_sha256: str
    state: AgreementState
    offered_at: str
    signed_at: str | None
    signatory: str
    signed_by: str
    envelope: str
    key_pem: str

    def statement(self) -> bytes:
        """The in-toto Statement that the buyer signs."""
        document = {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": self.id, "digest": {"sha256": self.text_sha256}}],
            "predicateType": AGREEMENT_TYPE,
            "predicate": {
                "organisation": self.organisation_id,
                "text_version": self.text_version,
            },
        }
        return json.dumps(document, indent=1, sort_keys=True).encode()

    def is_signature_whole(self) -> bool:
        """True for a signature that still holds over this very text, and for a paper."""
        if self.signed_by == PAPER:
            return True
        try:
            key = load_public_key(self.key_pem.encode())
            return open_envelope(self.envelope.encode(), key) == self.statement()
        except ReleaseError:
            return False


def offer(
    engine: Engine,
    *,
    organisation_id: str,
    text: bytes,
    text_version: str,
    now: datetime,
    actor: str = "clearward",
) -> Agreement:
    """Offer a text to an organisation; it carries licences once it is signed."""
    with audit.logged(engine) as connection:
        table = models.Organisation
        status = connection.scalar(select(table.status).where(table.id == organisation_id))
        if status != Status.ACTIVE:
            raise LicenceError("There is no such organisation, or it was revoked.")
        name = write_offer(
            connection,
            organisation_id=organisation_id,
            text=text,
            text_version=text_version,
            now=now,
            actor=actor,
        )
    return _known(engine, name)


def write_offer(
    connection: Connection,
    *,
    organisation_id: str,
    text: bytes,
    text_version: str,
    now: datetime,
    actor: str,
) -> str:
    """The same in a transaction of `audit.logged`, for an organisation known to be active."""
    if not text:
        raise LicenceError("An agreement needs a text.", do="name a file that is not empty")
    row = {
        "id": f"agr_{secrets.token_hex(8)}",
        "organisation_id": organisation_id,
        "text_version": check_name(text_version, "The text's version")[:64],
        "text_sha256": hashlib.sha256(text).hexdigest(),
        "status": AgreementState.OFFERED.value,
        "offered_at": audit.utc_text(now),
    }
    connection.execute(insert(models.Agreement).values(**row))
    audit.write(
        connection,
        actor=actor,
        action="agreement.offer",
        subject=row["id"],
        detail={"text_sha256": row["text_sha256"], "organisation": organisation_id},
        at=now,
    )
    return row["id"]


def sign(
    engine: Engine,
    agreement_id: str,
    *,
    envelope: bytes,
    key_pem: bytes,
    signatory: str,
    now: datetime,
    actor: str = "clearward",
) -> Agreement:
    """Take in the buyer's signature: a DSSE envelope over `Agreement.statement`.

    LicenceError when it is over anything else, or not by that key; the key's fingerprint is to be
    compared with the buyer before, by telephone.
    """
    offered = _known(engine, agreement_id)
    key = load_public_key(key_pem)
    try:
        whole = open_envelope(envelope, key) == offered.statement()
    except ReleaseError:
        whole = False
    if not whole:
        raise LicenceError(
            "The signature is not over this agreement, or not by this key.",
            expected="a DSSE envelope over what `clearward agreement statement` prints",
            do="sign exactly that, with the key whose public half is given",
        )
    signed = {"envelope": envelope.decode(), "key_pem": key_pem.decode(), "signed_by": key_id(key)}
    with audit.logged(engine) as connection:
        write_signature(
            connection, agreement_id, signatory=signatory, signed=signed, now=now, actor=actor
        )
    return _known(engine, agreement_id)


def take_paper(
    engine: Engine, agreement_id: str, *, signatory: str, now: datetime, actor: str = "clearward"
) -> Agreement:
    """Note that the text came back signed on paper; the actor answers for having seen it."""
    with audit.logged(engine) as connection:
        write_signature(
            connection,
            agreement_id,
            signatory=signatory,
            signed={"signed_by": PAPER},
            now=now,
            actor=actor,
        )
    return _known(engine, agreement_id)


def write_signature(
    connection: Connection,
    agreement_id: str,
    *,
    signatory: str,
    signed: Mapping[str, str],
    now: datetime,
    actor: str,
) -> None:
    """The signature as a row has it, in a transaction of `audit.logged`."""
    values = {
        **signed,
        "signatory": check_name(signatory, "The signatory's name") if signatory else "",
        "signed_at": audit.utc_text(now),
    }
    _move(connection, agreement_id, AgreementAction.SIGN, values=values)
    audit.write(
        connection,
        actor=actor,
        action="agreement.sign",
        subject=agreement_id,
        detail={"signed_by": signed["signed_by"]},
        at=now,
    )


def revoke_agreement(
    engine: Engine, agreement_id: str, *, now: datetime, actor: str = "clearward"
) -> None:
    """End an agreement and everything licensed under it, now."""
    with audit.logged(engine) as connection:
        _move(connection, agreement_id, AgreementAction.REVOKE, values={})
        audit.write(
            connection, actor=actor, action="agreement.revoke", subject=agreement_id, at=now
        )


def find_agreement(engine: Engine, agreement_id: str) -> Agreement | None:
    """One agreement by id."""
    with engine.connect() as connection:
        return read_agreement(connection, agreement_id)


def read_agreement(connection: Connection, agreement_id: str) -> Agreement | None:
    """The same in a transaction."""
    table = models.Agreement
    row = connection.execute(select(table).where(table.id == agreement_id)).first()
    return _value(row) if row else None


def list_agreements(engine: Engine, *, organisation_id: str = "") -> tuple[Agreement, ...]:
    """Every agreement, or an organisation's, oldest first."""
    table = models.Agreement
    query = select(table).order_by(table.offered_at, table.id)
    if organisation_id:
        query = query.where(table.organisation_id == organisation_id)
    with engine.connect() as connection:
        return tuple(map(_value, connection.execute(query)))


def _move(
    connection: Connection,
    agreement_id: str,
    action: AgreementAction,
    *,
    values: Mapping[str, str],
) -> None:
    found = read_agreement(connection, agreement_id)
    if found is None:
        raise _unknown(agreement_id)
    state = LIFE.move(found.state, action)
    table = models.Agreement
    connection.execute(
        update(table).where(table.id == agreement_id).values(status=state.value, **values)
    )


def _known(engine: Engine, agreement_id: str) -> Agreement:
    found = find_agreement(engine, agreement_id)
    if found is None:
        raise _unknown(agreement_id)
    return found


def _unknown(agreement_id: str) -> LicenceError:
    return LicenceError(
        "There is no such agreement.", seen=agreement_id, do="see `clearward agreement list`"
    )


def _value(row: object) -> Agreement:
    names = set(Agreement.__dataclass_fields__) - {"state"}
    values = {name: getattr(row, name) for name in names}
    return Agreement(**values, state=AgreementState(getattr(row, "status")))  # noqa: B009
