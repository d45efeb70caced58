"""Releases and approvals in the state database. The store, not this, says what is published: a lost
row is written again by publishing again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from clearward import audit
from clearward.errors import ReleaseError
from clearward.releases.shelf import Release
from clearward.releases.states import Action, State, may_move, move
from clearward.settings import Settings
from clearward.state.base import state_engine
from clearward.state.models import Approval, ReleaseRecord


def record_candidate(settings: Settings, candidate: Mapping[str, int | float | str]) -> None:
    """Note a built candidate; a published or retired version is left as it is."""
    engine = state_engine(settings.database)
    with audit.logged(engine) as connection, Session(connection) as session, session.begin():
        record = _find(session, str(candidate["product"]), str(candidate["version"]))
        if record and not may_move(State(record.status), Action.REBUILD):
            return
        if record and record.content_sha256 == candidate["content_sha256"]:
            return
        record = record or ReleaseRecord(
            product=candidate["product"],
            version=candidate["version"],
            manifest_sha256="",
            published_at="",
        )
        record.month = str(candidate["month"])
        record.content_sha256 = str(candidate["content_sha256"])
        record.status = State.CANDIDATE.value
        session.add(record)


def approve(
    settings: Settings, *, product: str, month: str, content_sha256: str, approved_by: str
) -> None:
    """Keep a person's word that this content may be published; saying it again changes nothing."""
    who = approved_by.strip()
    if not who:
        raise ReleaseError("An approval needs a name.", do="say who approves")
    engine = state_engine(settings.database)
    approval = Approval(
        product=product,
        month=month,
        content_sha256=content_sha256,
        approved_by=who,
        approved_at=audit.utc_text(datetime.now(UTC)),
    )
    with audit.logged(engine) as connection:
        if _keep_approval(connection, approval):
            audit.write(
                connection,
                actor=who,
                action="release.approve",
                subject=f"{product}/{month}",
                detail={"content_sha256": content_sha256},
            )


def _keep_approval(connection: Connection, approval: Approval) -> bool:
    with Session(connection) as session, session.begin():
        if _approval(session, approval.product, approval.content_sha256):
            return False
        session.add(approval)
        for record in _candidates(session, approval.product, approval.content_sha256):
            record.status = move(State(record.status), Action.APPROVE).value
    return True


def check_approved(settings: Settings, *, product: str, content_sha256: str) -> str:
    """Who approved this content; ReleaseError when nobody did."""
    with Session(state_engine(settings.database)) as session:
        approval = _approval(session, product, content_sha256)
        if approval is None:
            raise ReleaseError(
                f"Nobody has approved this candidate of {product}.",
                seen=f"no approval of content {content_sha256[:12]}…",
                expected="an approval of exactly this content",
                do="look at the candidate's documents, then approve it",
            )
        return approval.approved_by


def record_published(settings: Settings, release: Release, *, actor: str) -> None:
    """Bring the record and the log to what the store says; nothing happens when they say so."""
    with audit.logged(state_engine(settings.database)) as connection:
        if _keep_release(connection, release):
            audit.write(
                connection,
                actor=actor,
                action="release.publish",
                subject=f"{release.product}/{release.version}",
                detail={"manifest_sha256": release.manifest_sha256, "month": release.month},
            )


def _keep_release(connection: Connection, release: Release) -> bool:
    with Session(connection) as session, session.begin():
        record = _find(session, release.product, release.version)
        if record and record.manifest_sha256 == release.manifest_sha256:
            return False
        record = record or ReleaseRecord(product=release.product, version=release.version)
        record.month = release.month
        record.content_sha256 = release.content_sha256
        record.manifest_sha256 = release.manifest_sha256
        # The store has committed: an APPROVED row, a lost one or a CANDIDATE all end here
        record.status = State.PUBLISHED.value
        record.published_at = release.published_at
        session.add(record)
    return True


def record_retired(settings: Settings, product: str, version: str, *, actor: str) -> None:
    """Mark a published release as withdrawn from delivery."""
    with audit.logged(state_engine(settings.database)) as connection:
        with Session(connection) as session, session.begin():
            record = _find(session, product, version)
            if record is None:
                raise ReleaseError(
                    f"The state database knows no release {version} of {product}.",
                    do="publish that month again: it records what the store holds",
                )
            record.status = move(State(record.status), Action.RETIRE).value
        audit.write(
            connection, actor=actor, action="release.retire", subject=f"{product}/{version}"
        )


def _find(session: Session, product: str, version: str) -> ReleaseRecord | None:
    query = select(ReleaseRecord).where(
        ReleaseRecord.product == product, ReleaseRecord.version == version
    )
    return session.scalars(query).one_or_none()


def _candidates(session: Session, product: str, content_sha256: str) -> list[ReleaseRecord]:
    query = select(ReleaseRecord).where(
        ReleaseRecord.product == product,
        ReleaseRecord.content_sha256 == content_sha256,
        ReleaseRecord.status.in_([State.CANDIDATE.value, State.APPROVED.value]),
    )
    return list(session.scalars(query))


def _approval(session: Session, product: str, content_sha256: str) -> Approval | None:
    query = select(Approval).where(
        Approval.product == product, Approval.content_sha256 == content_sha256
    )
    return session.scalars(query).one_or_none()
