"""The ledger takes each event once, on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from clearward.consent.model import DETAILS, EVENT_SCHEMA
from clearward.consent.registry import (
    event_key,
    load_events,
    read_events,
    record_withdrawal,
    verify_ledger,
)
from clearward.consent.texts import check_texts, register_text
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
    names = ("consent_event", "consent_batch", "consent_text", "audit_event")
    tables = [Base.metadata.tables[name] for name in names]
    Base.metadata.drop_all(engine, tables)
    Base.metadata.create_all(engine, tables)
    yield engine
    Base.metadata.drop_all(engine, tables)
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


FORGERIES = {
    "a changed decision": "UPDATE consent_event SET decision = 'permit' WHERE decision = 'deny'",
    "a later month": "UPDATE consent_event SET month = '2031-01' WHERE decision = 'deny'",
    "a removed event": "DELETE FROM consent_event WHERE decision = 'deny'",
    "a removed batch": "DELETE FROM consent_batch WHERE sequence = 1",
}


@pytest.fixture
def filled(engine):
    load_events(engine, as_table([event("p1", "permit", "2024-01-05")]))
    load_events(engine, as_table([event("p1", "deny", "2024-02-05")]))
    return engine


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES)
def test_the_database_itself_refuses_to_change_or_delete(filled, forgery):
    with pytest.raises(DBAPIError, match="never changed"), filled.begin() as connection:
        connection.execute(text(forgery))
    assert verify_ledger(filled).events == 2


def test_replacing_an_event_on_sqlite_does_not_work_either(filled):
    if filled.dialect.name != "sqlite":
        pytest.skip("only SQLite replaces on insert")
    columns = "event_key, hospital_id, patient_key, purpose, 'permit', decided_at, valid_from,"
    rest = "valid_until, text_version, text_sha256, evidence_sha256, language, guardian, month,"
    with filled.begin() as connection:
        connection.execute(
            text(
                "INSERT OR REPLACE INTO consent_event (event_key, hospital_id, patient_key,"
                f" purpose, decision, decided_at, valid_from, {rest} file_id, recorded_at) SELECT"
                f" {columns} {rest} file_id, recorded_at FROM consent_event"
            )
        )
    decisions = read_events(filled, "north", month="2024-12")["decision"].to_pylist()
    assert sorted(decisions) == ["deny", "permit"]


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES)
def test_whoever_drops_the_triggers_is_found_out(filled, forgery):
    assert verify_ledger(filled).batches == 2
    with filled.begin() as connection:
        for statement in dropping(filled.dialect.name):
            connection.execute(text(statement))
        connection.execute(text(forgery))
    with pytest.raises(StateError, match="tampered"):
        verify_ledger(filled)


def test_an_event_slipped_in_beside_the_ledger_is_found(filled):
    with filled.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO consent_event (event_key, hospital_id, patient_key, purpose, decision,"
                " decided_at, valid_from, text_version, text_sha256, evidence_sha256, language,"
                " guardian, month, file_id, recorded_at, batch) SELECT 'f', hospital_id,"
                " patient_key, purpose, 'permit', '2024-03-01T00:00:00Z', valid_from, text_version,"
                " text_sha256, evidence_sha256, language, guardian, month, file_id, recorded_at,"
                " 2 FROM consent_event WHERE decision = 'deny'"
            )
        )
    with pytest.raises(StateError, match="batch 2"):
        verify_ledger(filled)


def test_a_ledger_cut_short_is_found_by_the_head_in_the_audit_log(filled):
    with filled.begin() as connection:
        for statement in dropping(filled.dialect.name):
            connection.execute(text(statement))
        connection.execute(text("DELETE FROM consent_event WHERE batch = 2"))
        connection.execute(text("DELETE FROM consent_batch WHERE sequence = 2"))
    with pytest.raises(StateError, match="noted earlier is gone"):
        verify_ledger(filled)


def dropping(dialect):
    tables = ("consent_event", "consent_batch")
    kinds = ("no_update", "no_delete") if dialect == "sqlite" else ("no_change",)
    where = "" if dialect == "sqlite" else " ON {}"
    return [f"DROP TRIGGER {t}_{k}{where.format(t)}" for t in tables for k in kinds]


def test_a_file_that_leaves_a_withdrawal_out_does_not_undo_it(engine):
    permit, gone = event("p1", "permit", "2024-01-05"), event("p1", "withdraw", "2024-01-06")
    load_events(engine, as_table([permit, gone]))
    load_events(engine, as_table([{**permit, "month": "2024-02"}]))
    found = read_events(engine, "north", month="2024-02")["decision"].to_pylist()
    assert sorted(found) == ["permit", "withdraw"]


def test_details_are_part_of_an_event_and_events_without_keep_their_key():
    plain = event("p1", "permit", "2024-01-05")
    assert plain["event_key"] == (event_key({k: v for k, v in plain.items() if k not in DETAILS}))
    for name in DETAILS:
        assert event("p1", "permit", "2024-01-05", **{name: "x"})["event_key"] != plain["event_key"]


def test_events_of_the_first_form_are_taken_with_empty_details(engine):
    old = as_table([event("p1", "permit", "2024-01-05")]).drop_columns(list(DETAILS))
    assert load_events(engine, old) == 1
    assert read_events(engine, "north", month="2024-01")["categories"].to_pylist() == [""]


VERSION = {
    "record_key": "k" * 20,
    "record_version": "2",
    "record_updated_at": "2024-01-05T00:00:00.000000Z",
    "record_sha256": "c" * 64,
}


def test_versions_of_a_record_are_chained_beside_events_that_have_none(engine):
    load_events(engine, as_table([event("p1", "permit", "2024-01-05")]))
    one = event("p1", "permit", "2024-01-05", **VERSION)
    assert load_events(engine, as_table([one])) == 1
    assert load_events(engine, as_table([{**one, "month": "2024-06", "file_id": "9" * 12}])) == 0
    assert load_events(engine, as_table([event("p1", "permit", "2024-01-05", **OTHER)])) == 1
    assert verify_ledger(engine).events == 3


OTHER = {**VERSION, "record_version": "3"}


@pytest.mark.parametrize("column", VERSION)
def test_a_record_taken_from_an_event_is_found(engine, column):
    load_events(engine, as_table([event("p1", "permit", "2024-01-05", **VERSION)]))
    with engine.begin() as connection:
        for statement in dropping(engine.dialect.name):
            connection.execute(text(statement))
        connection.execute(text(f"UPDATE consent_event SET {column} = ''"))
    with pytest.raises(StateError, match="tampered"):
        verify_ledger(engine)


HASHES = {"text_sha256": "a" * 64, "text_version": "v9"}


def test_a_version_of_a_text_names_one_text_for_good(engine):
    load_events(engine, as_table([event("p1", "permit", "2024-01-05", **HASHES)]))
    other = event("p2", "permit", "2024-02-05", text_version="v9", text_sha256="b" * 64)
    with pytest.raises(ConsentError, match="stand for another text"):
        check_texts(engine, "north", as_table([other]))
    check_texts(engine, "south", as_table([other]))


def test_where_texts_are_registered_only_these_and_their_purposes_permit(engine):
    register_text(
        engine,
        hospital="north",
        version="v9",
        language="en",
        sha256="a" * 64,
        purposes=("general_admission",),
    )
    admission = event("p1", "permit", "2024-01-05", purpose="general_admission", **HASHES)
    check_texts(engine, "north", as_table([admission]))
    with pytest.raises(ConsentError, match="does not speak of"):
        check_texts(engine, "north", as_table([event("p1", "permit", "2024-01-05", **HASHES)]))
    with pytest.raises(ConsentError, match="no text was registered"):
        check_texts(engine, "north", as_table([event("p1", "permit", "2024-01-05")]))
    check_texts(engine, "north", as_table([event("p1", "withdraw", "2024-01-05")]))


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
