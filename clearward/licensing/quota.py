"""The last question before something leaves, asked in the transaction that puts it on record: is
the token still good, does the licence still hold, is a download left. Two requests at once cannot
both take the last one: `audit.logged` lets one writer in at a time.

A download is one ledger line of links, to a release or to a table; files fetched with them, again
or in parts, are not counted a second time.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, select

from clearward.licensing.chain import read_bearer
from clearward.licensing.ledger import Handover, Kind
from clearward.licensing.model import Decision, Reason, parse_moment
from clearward.licensing.policies import may_receive
from clearward.state.models import Delivery


def may_leave(
    connection: Connection, handovers: Sequence[Handover], *, country: str | None = None
) -> Decision:
    """Whether all lines of one answer may be written, and so may leave.

    Args:
        connection: a transaction of `audit.logged`.
        handovers: what the answer hands out, all under one token.
        country: where the request comes from, see `policies.may_receive`.
    """
    first = handovers[0]
    now = parse_moment(first.at)
    bearer = read_bearer(connection, first.token_id, now=now)
    if bearer is None or bearer.licence.id != first.licence_id:
        return Decision(False, Reason.BAD_TOKEN)
    counted = sum(line.kind is not Kind.FILE for line in handovers)
    used = 0
    if counted and bearer.licence.max_downloads is not None:
        used = downloads(connection, first.licence_id) + counted - 1
    decisions = (
        may_receive(
            bearer.licence,
            product=line.product,
            version=line.version,
            purpose=bearer.licence.purpose,
            now=now,
            country=country,
            downloads=used,
        )
        for line in handovers
    )
    refused = [decision for decision in decisions if not decision.allowed]
    return refused[0] if refused else Decision(True, Reason.GRANTED)


def downloads(connection: Connection, licence_id: str) -> int:
    """How often data was handed out under a licence."""
    query = select(func.count()).where(
        Delivery.licence_id == licence_id, Delivery.kind != Kind.FILE.value
    )
    return connection.scalar(query) or 0
