from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from clearward import audit
from clearward.errors import StateError
from clearward.service.journal import Journal
from clearward.state.base import Base, state_engine
from clearward.state.models import AuditEvent


@pytest.fixture
def engine(tmp_path):
    engine = state_engine(f"sqlite:///{tmp_path / 'state.db'}")
    Base.metadata.create_all(engine)
    return engine


def line(name):
    return {"actor": "test", "action": "test", "subject": str(name)}


def write_many(url, process, most):
    journal = Journal(state_engine(url))
    with ThreadPoolExecutor(100) as pool:
        list(pool.map(lambda n: journal.write([line(f"{process}/{n}")]), range(most)))


def test_two_hundred_writers_lose_and_refuse_no_line(engine):
    """Two processes of a hundred threads each, and a third that writes as the command line does."""
    url = str(engine.url)
    others = [
        get_context("spawn").Process(target=write_many, args=(url, name, 200)) for name in "ab"
    ]
    for process in others:
        process.start()
    for n in range(20):
        audit.append(engine, **line(f"c/{n}"))
    for process in others:
        process.join(timeout=60)
    assert [process.exitcode for process in others] == [0, 0]
    assert audit.verify(engine) == 420
    with Session(engine) as session:
        subjects = session.scalars(select(AuditEvent.subject)).all()
    expected = {f"{p}/{n}" for p in "ab" for n in range(200)} | {f"c/{n}" for n in range(20)}
    assert set(subjects) == expected


def test_a_line_that_cannot_be_written_takes_no_other_with_it(engine):
    journal = Journal(engine)
    bad = {**line("bad"), "detail": {"x": object()}}

    def write(one):
        try:
            journal.write([one])
        except (StateError, TypeError) as error:
            return type(error)
        return None

    with ThreadPoolExecutor(20) as pool:
        outcomes = list(pool.map(write, [bad, *(line(n) for n in range(19))]))
    assert outcomes[0] is not None and set(outcomes[1:]) == {None}
    assert audit.verify(engine) == 19


def test_nothing_is_said_to_be_written_that_is_not(engine):
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE audit_event RENAME TO gone"))
    with pytest.raises(StateError, match="could not be written"):
        Journal(engine).write([line(1)])
