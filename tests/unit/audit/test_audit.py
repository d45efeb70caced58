import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import delete, text, update
from sqlalchemy.exc import DBAPIError

from clearward import audit
from clearward.errors import StateError
from clearward.state.base import Base, state_engine
from clearward.state.models import AuditEvent

POSTGRES = os.environ.get("CLEARWARD_TEST_POSTGRES", "")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def engine(request, tmp_path):
    if request.param == "postgres" and not POSTGRES:
        pytest.skip("CLEARWARD_TEST_POSTGRES is not set: run scripts/postgres.sh start")
    engine = state_engine(POSTGRES if request.param == "postgres" else f"sqlite:///{tmp_path}/s.db")
    Base.metadata.create_all(engine)
    yield engine
    Base.metadata.drop_all(engine)
    engine.dispose()


def write(engine, count):
    for number in range(count):
        head = audit.append(
            engine, actor="a", action="b", subject=f"s{number}", detail={"n": number, "zh": "眼科"}
        )
    return head


def unguard(connection):
    """What somebody would do first who owns the database; the chain is for them."""
    if connection.dialect.name == "sqlite":
        for event in ("update", "delete", "replace"):
            connection.execute(text(f"DROP TRIGGER audit_event_no_{event}"))
    else:
        connection.execute(text("ALTER TABLE audit_event DISABLE TRIGGER ALL"))


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit_event SET actor = 'x'",
        "DELETE FROM audit_event",
        "UPDATE audit_event SET sequence = sequence + 1",
    ],
)
def test_the_database_itself_refuses_to_change_the_log(engine, change):
    head = write(engine, 3)
    with pytest.raises(DBAPIError, match="never changed"), engine.begin() as connection:
        connection.execute(text(change))
    assert audit.verify(engine, upto=head) == 3


def test_a_line_is_not_replaced(engine):
    head = write(engine, 3)
    if engine.dialect.name != "sqlite":
        pytest.skip("only SQLite has INSERT OR REPLACE")
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT OR REPLACE INTO audit_event SELECT sequence, at, 'x', action, subject,"
                " detail, previous_hash, hash FROM audit_event"
            )
        )
    assert audit.verify(engine, upto=head) == 3


def test_an_empty_log_holds(engine):
    assert audit.verify(engine) == 0


def test_an_untouched_log_holds(engine):
    head = write(engine, 5)
    assert audit.verify(engine, upto=head) == 5


@pytest.mark.parametrize(
    "tamper",
    [
        update(AuditEvent).where(AuditEvent.sequence == 3).values(actor="x"),
        update(AuditEvent).where(AuditEvent.sequence == 3).values(detail={"n": 9}),
        update(AuditEvent).where(AuditEvent.sequence == 5).values(at="2001-01-01T00:00:00Z"),
        update(AuditEvent).where(AuditEvent.sequence == 3).values(hash="f" * 64),
        delete(AuditEvent).where(AuditEvent.sequence == 1),
        delete(AuditEvent).where(AuditEvent.sequence == 3),
        text("UPDATE audit_event SET sequence = 50 WHERE sequence = 5"),
    ],
)
def test_a_touched_log_does_not(engine, tamper):
    write(engine, 5)
    with engine.begin() as connection:
        unguard(connection)
        connection.execute(tamper)
    with pytest.raises(StateError, match="tampered"):
        audit.verify(engine)


def test_a_cut_log_is_seen_by_who_kept_its_head(engine):
    head = write(engine, 5)
    with engine.begin() as connection:
        unguard(connection)
        connection.execute(delete(AuditEvent).where(AuditEvent.sequence == 5))
    assert audit.verify(engine) == 4
    with pytest.raises(StateError, match="line 5"):
        audit.verify(engine, upto=head)


def test_writers_at_once_make_one_chain(engine):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: write(engine, 5), range(8)))
    assert audit.verify(engine) == 40
