"""Recall lists: when one is made, what it says, and its way to the licensee. A list names patients
by that licensee's own pseudonyms, is signed, and is read by nobody but its licensee.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Engine, func, insert, select, update
from sqlalchemy.orm import Session

from clearward import audit
from clearward.errors import ConfigError, LicenceError, ReleaseError
from clearward.keyring import Keyring, pseudonym
from clearward.licensing.copy_keys import secret_of_copy
from clearward.licensing.ledger import HandedCopy, copies_of
from clearward.licensing.model import Copy, parse_moment
from clearward.licensing.recall_states import ListAction, ListState, may_move, move
from clearward.licensing.recall_store import ACTOR, alone
from clearward.products.spec import load_product
from clearward.products.withdrawal import Withdrawal
from clearward.releases.manifest import STATEMENT_TYPE
from clearward.releases.signing import open_envelope, sign
from clearward.state.models import RecallEntry, RecallList

RECALL_TYPE = "urn:clearward:recall:1"
_WORDS = (
    "The patients named here have withdrawn their consent. Delete every row that carries one of "
    "these keys, in every table of the named version, its derivatives and backups, use it no more, "
    "and confirm the deletion by due_at. This list is confidential: it must not be combined with "
    "any other data, and is deleted with the rows it names."
)


@dataclass(frozen=True)
class RecallNote:
    """What may be said of a list to its licensee and the publisher: no patient, no count."""

    id: str
    licensee: str
    product: str
    state: ListState
    is_forced: bool
    made_at: str
    due_at: str
    sent_at: str | None
    confirmed_at: str | None
    document_sha256: str

    def told(self) -> dict[str, str | None]:
        """What the licensee sees before fetching it: not its hash, which proves the fetching."""
        names = ("id", "product", "made_at", "due_at", "sent_at", "confirmed_at")
        shown: dict[str, str | None] = {name: getattr(self, name) for name in names}
        return {**shown, "state": self.state.value}


def is_ripe(policy: Withdrawal, *, k: int, patients: int, oldest: str, now: datetime) -> bool:
    """Whether a list of the waiting patients leaves now; never an empty one.

    With fewer than k it leaves when the policy says ``at_once``, or when the oldest withdrawal
    on it reaches the policy's deadline.
    """
    if patients < 1:
        return False
    deadline = parse_moment(oldest) + timedelta(days=policy.deadline_days)
    return policy.batch == "at_once" or patients >= k or now >= deadline


def make_ripe(
    database: Engine, keyring: Keyring, *, product: str, now: datetime
) -> tuple[str, ...]:
    """Make the lists of a product that are ripe, one per licensee; returns their ids.

    ConfigError when a licensee's copy was made with a key that is lost; the others' lists are
    made all the same.
    """
    made: list[str] = []
    failures: list[ConfigError] = []
    for licensee in _ripe(database, product, now=now):
        try:
            made += _make(database, keyring, _Draft(licensee, product, now))
        except ConfigError as error:
            failures.append(error)
    for name in made:
        audit.append(database, actor=ACTOR, action="recall.list", subject=name, at=now)
    if failures:
        raise failures[0]
    return tuple(made)


def _ripe(database: Engine, product: str, *, now: datetime) -> list[str]:
    spec = load_product(product)
    waiting = (
        select(
            RecallEntry.licensee,
            func.count(RecallEntry.product_key.distinct()),
            func.min(RecallEntry.known_at),
        )
        .where(RecallEntry.product == product, RecallEntry.list_id.is_(None))
        .group_by(RecallEntry.licensee)
        .order_by(RecallEntry.licensee)
    )
    with database.connect() as connection:
        rows = connection.execute(waiting).all()
    policy, k = spec.withdrawal, spec.protection.k
    return [
        licensee
        for licensee, patients, oldest in rows
        if is_ripe(policy, k=k, patients=patients, oldest=oldest, now=now)
    ]


@dataclass(frozen=True)
class _Draft:
    licensee: str
    product: str
    now: datetime


def _make(database: Engine, keyring: Keyring, draft: _Draft) -> list[str]:
    """One list of everything that waits for the licensee; none when another run was first."""
    copies = copies_of(database, draft.licensee, draft.product)
    with alone(database) as connection:
        mine = (
            (RecallEntry.licensee == draft.licensee)
            & (RecallEntry.product == draft.product)
            & RecallEntry.list_id.is_(None)
        )
        columns = (RecallEntry.version, RecallEntry.copy, RecallEntry.product_key)
        entries = [
            (v, Copy(c), key) for v, c, key in connection.execute(select(*columns).where(mine))
        ]
        if not entries:
            return []
        row = _row(keyring, draft, entries, copies=copies)
        connection.execute(insert(RecallList).values(**row))
        connection.execute(update(RecallEntry).where(mine).values(list_id=row["id"]))
    return [str(row["id"])]


def _row(
    keyring: Keyring,
    draft: _Draft,
    entries: Sequence[tuple[str, Copy, str]],
    *,
    copies: Sequence[HandedCopy],
) -> dict[str, str | bool]:
    spec = load_product(draft.product)
    # Random, so that no licensee learns from a number how many lists others got
    name = f"rcl_{secrets.token_hex(8)}"
    due_at = audit.utc_text(draft.now + timedelta(days=spec.withdrawal.confirm_days))
    recalled = _recalled(keyring, draft, entries, copies=copies)
    held = [c for c in copies if (c.version, c.copy) in recalled and c.manifest_sha256]
    document = sign(_statement(name, draft, due_at, recalled=recalled, held=held), keyring)
    return {
        "id": name,
        "licensee": draft.licensee,
        "product": draft.product,
        "status": ListState.PENDING.value,
        "is_forced": len({key for *_, key in entries}) < spec.protection.k,
        "made_at": audit.utc_text(draft.now),
        "due_at": due_at,
        "document": document.decode(),
        "document_sha256": sha256(document).hexdigest(),
    }


def _recalled(
    keyring: Keyring,
    draft: _Draft,
    entries: Sequence[tuple[str, Copy, str]],
    *,
    copies: Sequence[HandedCopy],
) -> dict[tuple[str, Copy], list[str]]:
    """Version and copy -> the licensee's pseudonyms, sorted: in no order of time or hospital.

    An own copy that was handed out under two generations of the key is named in both.
    """
    secrets_of: dict[str, list[bytes]] = {}
    for made in copies:
        if made.copy is not Copy.CANONICAL:
            secret = secret_of_copy(
                keyring,
                draft.product,
                draft.licensee,
                copy_id=made.copy_id,
                canonical_sha256=made.canonical_sha256,
            )
            secrets_of.setdefault(made.version, []).append(secret)
    found: dict[tuple[str, Copy], list[str]] = {}
    for version, copy, key in entries:
        own = [pseudonym(secret, key) for secret in secrets_of.get(version, [])]
        names = [key] if copy is Copy.CANONICAL else own
        found.setdefault((version, copy), []).extend(names)
    return {place: sorted(names) for place, names in sorted(found.items())}


def _statement(
    name: str,
    draft: _Draft,
    due_at: str,
    *,
    recalled: Mapping[tuple[str, Copy], Sequence[str]],
    held: Sequence[HandedCopy],
) -> bytes:
    """An in-toto Statement about the manifests the licensee holds."""
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [
            {
                "name": f"{draft.product}/{copy.version}/{copy.copy}",
                "digest": {"sha256": copy.manifest_sha256},
            }
            for copy in held
        ],
        "predicateType": RECALL_TYPE,
        "predicate": {
            "list_id": name,
            "product": draft.product,
            "made_at": audit.utc_text(draft.now),
            "due_at": due_at,
            "asked": _WORDS,
            "recalled": [
                {"version": version, "copy": copy.value, "patient_keys": list(names)}
                for (version, copy), names in recalled.items()
            ],
        },
    }
    return json.dumps(statement, indent=1, sort_keys=True).encode()


def read_recall(document: bytes, public_key: Ed25519PublicKey | None) -> dict[str, Any]:
    """What a list asks for, once its signature holds; unverified where no key is given."""
    statement = json.loads(open_envelope(document, public_key))
    if statement.get("predicateType") != RECALL_TYPE:
        raise ReleaseError("This is no recall list.", expected=RECALL_TYPE)
    return dict(statement["predicate"])


def send(database: Engine, list_id: str, *, licensee: str, actor: str, now: datetime) -> bytes:
    """Hand a list out to its licensee, the hand-over on record before the bytes leave.

    LicenceError for a list of somebody else, for none, and for one that is confirmed: its
    document is gone.
    """
    with Session(database) as session, session.begin():
        row = session.get(RecallList, list_id, with_for_update=True)
        if row is None or row.licensee != licensee:
            raise no_such_list()
        row.status = move(ListState(row.status), ListAction.SEND).value
        row.sent_at = row.sent_at or audit.utc_text(now)
        document = row.document
    audit.append(database, actor=actor, action="recall.send", subject=list_id, at=now)
    return document.encode()


def expire(database: Engine, *, now: datetime) -> tuple[str, ...]:
    """Note the lists whose time to confirm has run out; returns those that were not overdue yet."""
    stamp, late = audit.utc_text(now), []
    with Session(database) as session, session.begin():
        query = select(RecallList).where(RecallList.due_at <= stamp).with_for_update()
        for row in session.scalars(query):
            state = ListState(row.status)
            if state is not ListState.OVERDUE and may_move(state, ListAction.EXPIRE):
                row.status = move(state, ListAction.EXPIRE).value
                late.append(row.id)
    for name in late:
        audit.append(database, actor=ACTOR, action="recall.overdue", subject=name, at=now)
    return tuple(late)


def find_list(database: Engine, list_id: str) -> RecallNote:
    """One list; LicenceError when there is none."""
    with Session(database) as session:
        row = session.get(RecallList, list_id)
        if row is None:
            raise no_such_list()
        return _note(row)


def lists(
    database: Engine, *, licensee: str | None = None, product: str | None = None
) -> tuple[RecallNote, ...]:
    """Lists, oldest first; of one licensee and product where they are named."""
    query = select(RecallList).order_by(RecallList.made_at, RecallList.id)
    if licensee is not None:
        query = query.where(RecallList.licensee == licensee)
    if product is not None:
        query = query.where(RecallList.product == product)
    with Session(database) as session:
        return tuple(map(_note, session.scalars(query)))


def open_lists(database: Engine) -> tuple[RecallNote, ...]:
    """Lists that are not confirmed."""
    return tuple(n for n in lists(database) if n.state is not ListState.CONFIRMED)


def no_such_list() -> LicenceError:
    """The same words whether a list does not exist or is somebody else's."""
    return LicenceError("There is no such recall list.", do="list the recalls")


def _note(row: RecallList) -> RecallNote:
    names = [name for name in RecallNote.__dataclass_fields__ if name != "state"]
    return RecallNote(**{name: getattr(row, name) for name in names}, state=ListState(row.status))
