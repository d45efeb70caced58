"""A person answers for an amber privacy gate. Which gates may be amber is `risk.gates`' rule;
whether a release may go is judged in `evidence`.

A sign-off names one content: the next build of the data needs another. It is kept in the state
database and in the audit log, with the reason, and goes into the release's manifest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, select, tuple_
from sqlalchemy.orm import Session

from clearward import audit
from clearward.errors import GateError, ReleaseError
from clearward.products.spec import load_product
from clearward.releases import evidence
from clearward.releases.tables import content_hash, read_tables
from clearward.risk.gates import State
from clearward.settings import Settings
from clearward.state.base import state_engine
from clearward.state.models import SignOff


@dataclass(frozen=True)
class Signature:
    """Who answers for which gate of a content, and why."""

    gate: str
    signed_by: str
    reason: str
    signed_at: str

    def published(self) -> dict[str, str]:
        """As the manifest holds it."""
        return dict(self.__dict__)


def sign_off(
    settings: Settings, *, product: str, month: str, gate: str, by: str, reason: str
) -> str:
    """Record that a person answers for an amber gate; returns the content hash it stands for.

    Signing the same again changes nothing. Raises GateError when the gate is not amber - a red
    one is signed off by nobody - or judged other files, ReleaseError without a name or reason.
    """
    who, why = by.strip(), reason.strip()
    if not who or not why:
        raise ReleaseError(
            "A sign-off needs a name and a reason.", do="say who answers for it, and why"
        )
    state, content = _judged(settings, product, month=month, gate=gate)
    if state is not State.AMBER:
        raise GateError(
            f"Gate {gate} of {product} {month} cannot be signed off.",
            seen=f"the gate is {state.value}",
            expected="an amber gate",
            do="nothing, if it is green; protect the product again, if it is red",
        )
    signature = SignOff(
        product=product,
        month=month,
        gate=gate,
        content_sha256=content,
        signed_by=who,
        reason=why[:1000],
        signed_at=audit.utc_text(datetime.now(UTC)),
    )
    with audit.logged(state_engine(settings.database)) as connection:
        if not _keep(connection, signature):
            return content
        audit.write(
            connection,
            actor=who,
            action="release.sign_off",
            subject=f"{product}/{month}",
            detail={"gate": gate, "content_sha256": content, "reason": why[:1000]},
        )
    return content


def _judged(settings: Settings, product: str, *, month: str, gate: str) -> tuple[State, str]:
    """The gate's state, judged again from its values, and the content it was judged on."""
    spec = load_product(product)
    tables = read_tables(settings, spec, month=month)
    document = evidence.read_risk(settings, product, month=month)
    states = evidence.risk_states(document, spec, tables=tables)
    if gate not in states:
        raise GateError(
            f"There is no gate {gate}.", expected=", ".join(states), do="name one of them"
        )
    return states[gate], content_hash(tables)


def _keep(connection: Connection, signature: SignOff) -> bool:
    """False when that gate of that content is signed already; the first signature stands."""
    key = (signature.product, signature.content_sha256, signature.gate)
    columns = (SignOff.product, SignOff.content_sha256, SignOff.gate)
    with Session(connection) as session, session.begin():
        if session.scalars(select(SignOff).where(tuple_(*columns) == tuple_(*key))).first():
            return False
        session.add(signature)
    return True


def signatures(settings: Settings, *, product: str, content_sha256: str) -> Mapping[str, Signature]:
    """Gate -> signature, for exactly this content."""
    query = select(SignOff).where(
        SignOff.product == product, SignOff.content_sha256 == content_sha256
    )
    with Session(state_engine(settings.database)) as session:
        return {
            row.gate: Signature(row.gate, row.signed_by, row.reason, row.signed_at)
            for row in session.scalars(query)
        }
