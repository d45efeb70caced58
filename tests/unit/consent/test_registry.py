"""The ledger takes each event once, on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import pytest
from sqlalchemy import create_engine, text

from clearward.consent.model import EVENT_SCHEMA
from clearward.consent.registry import load_events, read_events, record_withdrawal
from clearward.errors import ConsentError, StateError
from clearward.state.base import Base, state_engine

from .hospital import as_table, event

POSTGRES = os.environ.get("CLEARWARD_TEST_POSTGRES", "")


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param(
            "postgres",
            marks=[
                pytest.mark.postgres,
                pytest.mark.skipif(not POSTGRES, reason="CLEARWARD_TEST_POSTGRES is not set"),
            ],
        ),
    ]
)
def engine(request, tmp_path):
    url = f"sqlite:///{tmp_path}/state.db" if request.param == "sqlite" else POSTGRES
    engine = state_engine(url)
    table = Base.metadata.tables["consent_event"]
    table.drop(engine, checkfirst=True)
    table.create(engine)
    yield engine
    table.drop(engine)
    engine.dispose()


def test_events_come_back_as_they_went_in(engine):
    events = [
        event("p1", "permit", "2024-01-05", guardian=True),
        event("p2", "deny", "2024-01-06", valid_until="2025-01-01"),
    ]
    assert load_events(engine, as_table(events)) == 2
    found = read_events(engine, "north", month="2024-01")
    assert found.schema == EVENT_SCHEMA
    assert sorted(found.to_pylist(), key=lambda e: e["patient_key"]) == events


def test_the_same_events_again_add_nothing_and_keep_their_month(engine):
    first = event("p1", "permit", "2024-01-05")
    again = event("p1", "permit", "2024-01-05", month="2024-02", file_id="a" * 12)
    assert load_events(engine, as_table([first, first])) == 1
    assert load_events(engine, as_table([again, event("p2", "deny", "2024-02-01")])) == 1
    months = sorted(read_events(engine, "north", month="2024-02")["month"].to_pylist())
    assert months == ["2024-01", "2024-02"]


def test_only_the_hospitals_events_up_to_the_month_are_read(engine):
    load_events(
        engine,
        as_table(
            [
                event("p1", "permit", "2024-01-05"),
                event("p1", "withdraw", "2024-02-05"),
                event("p9", "permit", "2024-01-05", hospital_id="south"),
            ]
        ),
    )
    found = read_events(engine, "north", month="2024-01")
    assert found["decision"].to_pylist() == ["permit"]


def test_a_withdrawal_is_recorded_once_for_every_use(engine):
    def withdraw():
        return record_withdrawal(
            engine,
            hospital="north",
            patient_key="p1",
            decided_at=datetime(2024, 2, 3, 4, 5, 6, tzinfo=UTC),
        )

    assert withdraw() is True
    assert withdraw() is False
    (found,) = read_events(engine, "north", month="2024-02").to_pylist()
    assert (found["purpose"], found["decision"]) == ("everything", "withdraw")
    assert (found["decided_at"], found["month"]) == ("2024-02-03T04:05:06Z", "2024-02")


def test_nothing_of_a_refused_batch_stays(engine):
    broken = event("p2", "permit", "2024-01-05", event_key="k2", purpose=None)
    with pytest.raises(StateError) as raised:
        load_events(engine, as_table([event("p1", "permit", "2024-01-05"), broken]))
    assert "p1" not in str(raised.value)
    assert read_events(engine, "north", month="2024-01").num_rows == 0


def test_more_than_one_batch_is_counted_whole(engine):
    events = as_table([event(f"p{n}", "permit", "2024-01-05") for n in range(12_000)])
    assert load_events(engine, events) == 12_000
    assert load_events(engine, events) == 0


def test_no_events_are_no_work(engine):
    assert load_events(engine, as_table([])) == 0
    assert read_events(engine, "north", month="2024-01").schema == EVENT_SCHEMA


def test_a_time_without_zone_and_an_unknown_purpose_are_refused(engine):
    with pytest.raises(ConsentError, match="no time zone"):
        record_withdrawal(
            engine, hospital="north", patient_key="p1", decided_at=datetime(2024, 2, 3)
        )
    with pytest.raises(ConsentError, match="Unknown purpose"):
        record_withdrawal(
            engine,
            hospital="north",
            patient_key="p1",
            decided_at=datetime(2024, 2, 3, tzinfo=UTC),
            purpose="gossip",
        )


def test_a_database_without_tables_says_what_to_do(tmp_path):
    empty = create_engine(f"sqlite:///{tmp_path}/empty.db")
    with empty.begin() as connection:
        connection.execute(text("SELECT 1"))
    with pytest.raises(StateError, match="clearward init"):
        read_events(empty, "north", month="2024-01")
