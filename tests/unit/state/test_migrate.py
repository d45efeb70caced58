"""The state database: migrations give exactly the tables the models name, on both servers."""

import uuid
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from clearward.consent.registry import record_withdrawal, verify_ledger
from clearward.errors import StateError
from clearward.state.base import Base, state_engine
from clearward.state.migrate import _config, check_migrated, migrate
from tests import servers


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state.db'}"
    return request.getfixturevalue("own_database")


@pytest.fixture
def own_database():
    """A database of this test's own on the real server, where others make and drop tables."""
    with servers.own_database("migrate") as made:
        yield made


def test_migrations_leave_no_difference_to_the_models(url):
    engine = state_engine(url)
    migrate(engine)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_migrating_twice_changes_nothing(url):
    engine = state_engine(url)
    assert migrate(engine) == migrate(engine)
    check_migrated(engine)


def test_events_taken_before_records_had_versions_keep_their_chain(url):
    engine = state_engine(url)
    migrate(engine)
    hospital = f"north{uuid.uuid4().hex[:8]}"
    record_withdrawal(engine, hospital=hospital, patient_key="p1", decided_at=datetime.now(UTC))
    before = verify_ledger(engine)
    with engine.begin() as connection:
        command.downgrade(_config(connection), "0006")
    with pytest.raises(StateError, match="clearward init"):
        check_migrated(engine)
    migrate(engine)
    assert verify_ledger(engine) == before


def test_a_line_of_the_log_is_found_without_reading_all_of_it(url):
    engine = state_engine(url)
    migrate(engine)
    indexes = sa.inspect(engine).get_indexes("audit_event")
    assert ["action", "subject"] in [index["column_names"] for index in indexes]


def test_a_database_that_was_never_migrated_is_refused_with_the_command_to_run(tmp_path):
    with pytest.raises(StateError, match="clearward init"):
        check_migrated(state_engine(f"sqlite:///{tmp_path / 'empty.db'}"))


def test_a_server_that_does_not_answer_is_told_from_an_old_database():
    with pytest.raises(StateError, match="cannot be reached"):
        check_migrated(state_engine("postgresql+psycopg://nobody@127.0.0.1:1/none"))
