"""Telling people that a recall needs them: one notice per licensee and list. A notice holds ids and
dates, never a patient or a count; the list itself goes only to its licensee.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine, select, update

from clearward import audit
from clearward.licensing.recall_states import ListState
from clearward.notify import Notice, notify
from clearward.settings import Settings
from clearward.state.models import RecallList


def announce(settings: Settings, database: Engine, *, now: datetime) -> int:
    """Tell about every new list once, and about every overdue one each time; returns how many.

    A list counts as announced when the notifier took it: after a failure the next run tells again.
    """
    wanted = (RecallList.notified_at.is_(None)) | (RecallList.status == ListState.OVERDUE.value)
    place = (RecallList.id, RecallList.licensee, RecallList.product)
    query = (
        select(*place, RecallList.due_at, RecallList.status)
        .where(wanted)
        .order_by(RecallList.made_at, RecallList.id)
    )
    with database.connect() as connection:
        rows = connection.execute(query).all()
    for name, licensee, product, due_at, status in rows:
        is_late = status == ListState.OVERDUE.value
        what = "deletion not confirmed in time" if is_late else "a recall list waits"
        notice = Notice(
            subject=f"recall: {what}",
            partition=product,
            run_id=name,
            reason=f"licensee {licensee}, to be confirmed by {due_at}",
        )
        notify(settings, notice)
        with database.begin() as connection:
            done = update(RecallList).where(RecallList.id == name)
            connection.execute(done.values(notified_at=audit.utc_text(now)))
    return len(rows)
