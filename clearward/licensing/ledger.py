"""The delivery ledger: which licensee was handed which bytes, when, on which request. Lines are
added, never changed; deciding whether something may be handed out belongs to `policies`.

A line is written before the first byte or link leaves (write-ahead): after a crash the ledger may
name a delivery that did not arrive, never miss one that did.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from enum import StrEnum

from sqlalchemy import Connection, Engine, func, insert, select
from sqlalchemy.orm import Session

from clearward.errors import StateError
from clearward.licensing.model import Copy
from clearward.releases.version import parse_version
from clearward.state import models

ALL_FILES = "*"
DATA_PREFIX = "data/"


class Kind(StrEnum):
    """What left the house."""

    LINKS = "links"  # signed here: each file fetched with one is a line of its own
    PRESIGNED = "presigned"  # to a bucket, which serves the file itself: counts as received
    FILE = "file"


@dataclass(frozen=True)
class Handover:
    """One line.

    Attributes:
        request_id: the request that asked, as the answer's ``X-Request-Id`` and the log name it.
        licensee: see `model.Licence.licensee`.
        copy_id: public name of an own or marked copy, see `copies`; empty for the canonical files.
        manifest_sha256: of the manifest the licensee was given.
        canonical_sha256: of the manifest of the release it was made from.
        path: inside the release; ``*`` for all of its files.
        at: UTC, as `audit.utc_text` writes it.
    """

    request_id: str
    licence_id: str
    licensee: str
    product: str
    version: str
    copy: Copy
    copy_id: str
    manifest_sha256: str
    canonical_sha256: str
    kind: Kind
    path: str
    token_id: str
    at: str

    @property
    def sha256(self) -> str:
        """Hash over the whole line: the audit log keeps it, so a changed line is found."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Receipt:
    """What one licence received of one version.

    Attributes:
        requests: lines behind it, with links counted once per request.
        has_data: True when a file with patients' rows was handed out, or a link to a bucket was.
    """

    licence_id: str
    licensee: str
    product: str
    version: str
    copy: Copy
    requests: int
    has_data: bool
    first_at: str
    last_at: str


def write(connection: Connection, line: Handover) -> None:
    """Add a line, in a transaction of the caller's; see `service.journal`."""
    connection.execute(insert(models.Delivery).values(**asdict(line)))


def received_by(engine: Engine, product: str, version: str) -> tuple[Receipt, ...]:
    """Who received a version, one receipt per licence and form of copy."""
    return _receipts(engine, models.Delivery.product == product, models.Delivery.version == version)


def versions_of(
    engine: Engine, licensee: str, *, product: str | None = None
) -> tuple[Receipt, ...]:
    """What a licensee received, oldest version first: what a new release must be compared with."""
    conditions = [models.Delivery.licensee == licensee]
    if product is not None:
        conditions.append(models.Delivery.product == product)
    return _receipts(engine, *conditions)


def all_receipts(engine: Engine) -> tuple[Receipt, ...]:
    """Everything ever handed out."""
    return _receipts(engine)


@dataclass(frozen=True)
class HandedCopy:
    """Which bytes a licensee was given of a version; names as in `Handover`."""

    version: str
    copy: Copy
    copy_id: str
    manifest_sha256: str
    canonical_sha256: str


def copies_of(engine: Engine, licensee: str, product: str) -> tuple[HandedCopy, ...]:
    """Every different copy a licensee was given of a product, by version."""
    line = models.Delivery
    columns = (line.version, line.copy, line.copy_id, line.manifest_sha256, line.canonical_sha256)
    query = (
        select(*columns)
        .where(line.licensee == licensee, line.product == product)
        .distinct()
        .order_by(*columns)
    )
    with engine.connect() as connection:
        rows = connection.execute(query).all()
    return tuple(HandedCopy(v, Copy(c), name, mine, whole) for v, c, name, mine, whole in rows)


def _receipts(engine: Engine, *conditions: object) -> tuple[Receipt, ...]:
    line = models.Delivery
    is_data = (line.kind == Kind.PRESIGNED.value) | (
        (line.kind == Kind.FILE.value) & line.path.startswith(DATA_PREFIX, autoescape=True)
    )
    key = (line.licence_id, line.licensee, line.product, line.version, line.copy)
    query = (
        select(
            *key,
            func.count(),
            func.count().filter(is_data),
            func.min(line.at),
            func.max(line.at),
        )
        .where(*conditions)  # type: ignore[arg-type]
        .group_by(*key)
    )
    with engine.connect() as connection:
        rows = connection.execute(query).all()
    found = [
        Receipt(
            licence_id=row[0],
            licensee=row[1],
            product=row[2],
            version=row[3],
            copy=Copy(row[4]),
            requests=row[5],
            has_data=bool(row[6]),
            first_at=row[7],
            last_at=row[8],
        )
        for row in rows
    ]
    return tuple(sorted(found, key=lambda r: (r.product, parse_version(r.version), r.licence_id)))


def verify_ledger(engine: Engine) -> int:
    """Compare every line with the audit log; returns how many the log vouches for.

    A line whose request the log does not know is one that a crash cut off between the two, or one
    that was taken over from the log when the ledger began; nothing can be said against it.

    Raises StateError when a line the log knows is missing or was changed.
    """
    known = 0
    with Session(engine) as session:
        events = session.execute(
            select(models.AuditEvent.sequence, models.AuditEvent.detail).where(
                models.AuditEvent.action.in_(["delivery.links", "delivery.file"])
            )
        )
        for sequence, detail in events.yield_per(1000):
            if "line" not in detail:
                continue
            row = session.get(models.Delivery, str(detail["request_id"]))
            if row is None or _line(row).sha256 != detail["line"]:
                raise StateError(
                    "The delivery ledger was tampered with.",
                    seen=f"the line of audit line {sequence} is {'changed' if row else 'missing'}",
                    do="compare with a backup, and find who can write to the state database",
                )
            session.expunge(row)
            known += 1
    return known


def _line(row: models.Delivery) -> Handover:
    values = {name: getattr(row, name) for name in Handover.__dataclass_fields__}
    return Handover(**{**values, "copy": Copy(row.copy), "kind": Kind(row.kind)})
