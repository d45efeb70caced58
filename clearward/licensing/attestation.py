"""A licensee's word that what a recall list names is deleted: what it must say, whose it is, how it
is kept. Lists belong to `recall_lists`.

A licence may name the licensee's public key: then the attestation is a DSSE envelope signed with
one of the keys that the licensee's licences name, and nothing else is taken, whichever licence's
token it comes with. Without any the bearer of a token speaks for the licensee, and the record says
so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from clearward import audit
from clearward.errors import LicenceError, ReleaseError
from clearward.licensing.model import parse_moment
from clearward.licensing.names import check_name
from clearward.licensing.recall_lists import no_such_list
from clearward.licensing.recall_states import ListAction, ListState, move
from clearward.releases.manifest import STATEMENT_TYPE
from clearward.releases.signing import key_id, load_public_key, open_envelope, sign_with
from clearward.state.models import DeletionAttestation, RecallList

ATTESTATION_TYPE = "urn:clearward:deletion:1"
_CLOCKS_DIFFER = timedelta(minutes=10)


@dataclass(frozen=True)
class Attested:
    """What a licensee says.

    Attributes:
        list_id, list_sha256: which list, and the hash of its document as it was received: who
            never had the list cannot attest to it.
        by: the person who answers for it.
        deleted_at: when the deletion was complete.
    """

    list_id: str
    list_sha256: str
    by: str
    deleted_at: datetime

    def fields(self) -> dict[str, str]:
        """The plain form, for a licence without a key."""
        return {
            "list_id": self.list_id,
            "list_sha256": self.list_sha256,
            "by": self.by,
            "deleted_at": audit.utc_text(self.deleted_at),
        }

    def statement(self) -> bytes:
        """The in-toto Statement that is signed and kept."""
        document = {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": self.list_id, "digest": {"sha256": self.list_sha256}}],
            "predicateType": ATTESTATION_TYPE,
            "predicate": {"by": self.by, "deleted_at": audit.utc_text(self.deleted_at)},
        }
        return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False).encode()


def sign_attestation(attested: Attested, key: Ed25519PrivateKey) -> bytes:
    """The licensee's side: the envelope to send where the licence names their key."""
    return sign_with(attested.statement(), key)


def read_attestation(body: bytes, *, keys: Sequence[str]) -> tuple[Attested, str, str]:
    """What was said, its exact words, and the id of the key that signed them (else ``token``).

    ``keys``: the licensee's public keys (PEM). LicenceError when it cannot be understood, or is
    not signed by one of them where there is any.
    """
    try:
        if keys:
            text, signer = _opened(body, keys)
            attested = _from_statement(json.loads(text))
        else:
            attested, signer = _from_fields(json.loads(body)), "token"
            text = attested.statement().decode()
    except ReleaseError:
        raise LicenceError(
            "The attestation is not signed by the licensee.",
            expected="a DSSE envelope, signed with the key that the licence names",
            do="sign it with that key",
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise LicenceError(
            "The attestation cannot be understood.",
            expected="list_id, list_sha256, by, deleted_at",
            do="see docs/how-to/handle-a-withdrawal.md",
        ) from None
    return attested, text, signer


def _opened(body: bytes, keys: Sequence[str]) -> tuple[str, str]:
    for pem in keys:
        key = load_public_key(pem.encode())
        try:
            return open_envelope(body, key).decode(), key_id(key)
        except ReleaseError as error:
            refusal = error
    raise refusal


def _from_statement(document: Mapping[str, Any]) -> Attested:
    if document["predicateType"] != ATTESTATION_TYPE:
        raise ValueError("another kind of statement")
    [subject] = document["subject"]
    said = document["predicate"]
    return _from_fields(
        {**said, "list_id": subject["name"], "list_sha256": subject["digest"]["sha256"]}
    )


def _from_fields(document: Mapping[str, Any]) -> Attested:
    names = ("list_id", "list_sha256", "by", "deleted_at")
    values = [document[name] for name in names]
    if not all(isinstance(value, str) and 0 < len(value.strip()) <= 128 for value in values):
        raise ValueError("not four short texts")
    moment = parse_moment(values[3])
    by = check_name(values[2], "The name of who answers for it")
    return Attested(values[0], values[1].lower(), by, moment)


def confirm(
    database: Engine,
    attested: Attested,
    *,
    licensee: str,
    statement: str,
    signed_by: str,
    channel: str,
    now: datetime,
) -> None:
    """Record an attestation: the list is confirmed and its document dropped. The same statement
    again changes nothing.

    Raises LicenceError: not the licensee's list, another document than the list's, a deletion in
    the future or before the list was made, or a list that was never handed out.
    """
    said = _Said(attested, statement, signed_by, channel, now)
    try:
        is_new = _keep(database, said, licensee)
    except IntegrityError:  # two answers at once: the second one finds the first
        is_new = _keep(database, said, licensee)
    if is_new:
        audit.append(
            database,
            actor=licensee[:128],
            action="recall.confirm",
            subject=attested.list_id,
            detail={"statement_sha256": _hash(statement), "channel": channel},
            at=now,
        )


@dataclass(frozen=True)
class _Said:
    attested: Attested
    statement: str
    signed_by: str
    channel: str
    now: datetime


def _keep(database: Engine, said: _Said, licensee: str) -> bool:
    attested = said.attested
    with Session(database) as session, session.begin():
        row = session.get(RecallList, attested.list_id, with_for_update=True)
        if row is None or row.licensee != licensee:
            raise no_such_list()
        kept = session.get(DeletionAttestation, attested.list_id)
        if kept is not None and kept.statement_sha256 == _hash(said.statement):
            return False
        _check(row, attested, now=said.now)
        row.status = move(ListState(row.status), ListAction.CONFIRM).value
        row.confirmed_at = audit.utc_text(said.now)
        row.document = ""
        session.add(
            DeletionAttestation(
                list_id=row.id,
                attested_by=attested.by,
                deleted_at=audit.utc_text(attested.deleted_at),
                received_at=audit.utc_text(said.now),
                channel=said.channel,
                signed_by=said.signed_by,
                statement=said.statement,
                statement_sha256=_hash(said.statement),
            )
        )
    return True


def _check(row: RecallList, attested: Attested, *, now: datetime) -> None:
    if attested.list_sha256 != row.document_sha256:
        raise LicenceError(
            "The attestation speaks of another list.",
            expected="the SHA-256 of the list as it was received",
            do="fetch the list and hash its bytes",
        )
    made = parse_moment(row.made_at)
    if not made <= attested.deleted_at <= now + _CLOCKS_DIFFER:
        raise LicenceError(
            "The deletion cannot have been then.",
            expected="a moment after the list was made, and not to come",
        )


def find_attestation(database: Engine, list_id: str) -> tuple[str, str, str] | None:
    """``(attested by, deleted at, signed by)`` of a list, or None."""
    row = DeletionAttestation
    query = select(row.attested_by, row.deleted_at, row.signed_by).where(row.list_id == list_id)
    with database.connect() as connection:
        found = connection.execute(query).first()
    return (found[0], found[1], found[2]) if found else None


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()
