"""Which rows pass the consent gate, month after month."""

from __future__ import annotations

import datetime

import pytest

from clearward.consent.gate import TableCount, _check_counts, clear_partition
from clearward.consent.registry import record_withdrawal
from clearward.errors import ConsentError
from clearward.sources.state_sql import marker_path
from clearward.state.base import state_engine
from clearward.warehouse import Warehouse

from .hospital import (
    HOSPITAL,
    cleared_path,
    event,
    make_settings,
    read_cleared,
    record,
    write_raw,
)

PATIENTS, ENCOUNTERS = "synthea__patients", "synthea__encounters"


@pytest.fixture
def settings(tmp_path):
    return make_settings(tmp_path)


def patients(*names, op="I", **more):
    return [{"row_key": name, "patient_key": name, "op": op, **more} for name in names]


def visit(key, patient, op="I", **more):
    return {"row_key": key, "patient_key": patient, "op": op, **more}


def clear(settings, month):
    return clear_partition(settings, hospital=HOSPITAL, month=month)


def keys(settings, table, month):
    return [(row["row_key"], row["op"]) for row in read_cleared(settings, table, month)]


def test_only_rows_of_patients_with_a_permit_in_force_pass(settings):
    write_raw(settings, PATIENTS, "2024-01", patients("p1", "p2"))
    write_raw(settings, ENCOUNTERS, "2024-01", [visit("e1", "p1"), visit("e2", "p2")])
    record(settings, event("p1", "permit", "2024-01-05"))
    report = clear(settings, "2024-01")
    assert keys(settings, ENCOUNTERS, "2024-01") == [("e1", "I")]
    assert read_cleared(settings, "subject", "2024-01") == [
        {
            "hospital_id": HOSPITAL,
            "month": "2024-01",
            "patient_key": "p1",
            "purpose": "commercial_licensing",
        }
    ]
    assert (report.patients_in, report.patients_cleared) == (2, 1)
    assert report.patients_held == {"no_event": 1}


def test_every_reason_is_counted_for_patients_and_rows(settings):
    reasons = {
        "none": [],
        "admitted": [event("admitted", "permit", "2024-01-02", purpose="general_admission")],
        "refused": [event("refused", "deny", "2024-01-02")],
        "left": [
            event("left", "permit", "2024-01-02"),
            event("left", "withdraw", "2024-01-03", purpose="everything"),
        ],
        "old": [event("old", "permit", "2023-01-02", valid_until="2024-01-30")],
        "early": [event("early", "permit", "2024-01-02", valid_from="2024-02-01")],
        "student": [event("student", "permit", "2024-01-02", purpose="research")],
    }
    write_raw(settings, PATIENTS, "2024-01", patients(*reasons))
    write_raw(settings, ENCOUNTERS, "2024-01", [visit(f"e-{name}", name) for name in reasons])
    record(settings, *[each for events in reasons.values() for each in events])
    report = clear(settings, "2024-01")
    expected = dict.fromkeys(
        (
            "denied",
            "expired",
            "no_event",
            "not_yet_valid",
            "only_general_admission",
            "other_purpose",
            "withdrawn",
        ),
        1,
    )
    assert report.patients_held == expected
    assert all(table.rows_held == expected for table in report.tables)
    assert report.metadata()["rows_in"] == 14
    assert report.metadata()["rows_cleared"] == 0
    assert keys(settings, ENCOUNTERS, "2024-01") == []


def test_a_permit_brings_the_rows_of_earlier_months(settings):
    write_raw(settings, PATIENTS, "2024-01", patients("p1"))
    write_raw(settings, ENCOUNTERS, "2024-01", [visit("e1", "p1"), visit("e2", "p1")])
    clear(settings, "2024-01")
    write_raw(settings, ENCOUNTERS, "2024-02", [visit("e2", "p1", "U"), visit("e3", "p1", "D")])
    record(settings, event("p1", "permit", "2024-02-05"))
    report = clear(settings, "2024-02")
    rows = read_cleared(settings, ENCOUNTERS, "2024-02")
    assert [(r["row_key"], r["op"], r["month"]) for r in rows] == [
        ("e1", "I", "2024-02"),
        ("e2", "I", "2024-02"),
        ("e3", "D", "2024-02"),
    ]
    # No raw partition of patients that month, and yet the patient's own row passes.
    assert keys(settings, PATIENTS, "2024-02") == [("p1", "I")]
    assert report.metadata()["rows_backfilled"] == 2


def test_a_listed_patient_brings_only_what_changed(settings):
    write_raw(settings, PATIENTS, "2024-01", patients("p1"))
    write_raw(settings, ENCOUNTERS, "2024-01", [visit("e1", "p1"), visit("e2", "p1")])
    record(settings, event("p1", "permit", "2024-01-05"))
    clear(settings, "2024-01")
    write_raw(settings, ENCOUNTERS, "2024-02", [visit("e2", "p1", "D")])
    clear(settings, "2024-02")
    assert keys(settings, ENCOUNTERS, "2024-02") == [("e2", "D")]
    assert keys(settings, PATIENTS, "2024-02") == []


def test_a_withdrawal_takes_the_patient_off_the_list_and_keeps_new_rows_back(settings):
    write_raw(settings, PATIENTS, "2024-01", patients("p1"))
    record(settings, event("p1", "permit", "2024-01-05"))
    clear(settings, "2024-01")
    write_raw(settings, ENCOUNTERS, "2024-02", [visit("e1", "p1")])
    record(settings, event("p1", "withdraw", "2024-02-05", purpose="everything"))
    report = clear(settings, "2024-02")
    assert read_cleared(settings, "subject", "2024-02") == []
    assert keys(settings, ENCOUNTERS, "2024-02") == []
    assert report.metadata()["rows_withdrawn"] == 1


def test_who_returns_misses_no_deletion_made_while_away(settings):
    write_raw(settings, PATIENTS, "2024-01", patients("p1"))
    write_raw(settings, ENCOUNTERS, "2024-01", [visit("e1", "p1"), visit("e2", "p1")])
    record(settings, event("p1", "permit", "2024-01-05"))
    clear(settings, "2024-01")
    record(settings, event("p1", "withdraw", "2024-02-05"))
    write_raw(settings, ENCOUNTERS, "2024-02", [visit("e1", "p1", "D")])
    clear(settings, "2024-02")
    record(settings, event("p1", "permit", "2024-03-05"))
    clear(settings, "2024-03")
    assert keys(settings, ENCOUNTERS, "2024-03") == [("e1", "D"), ("e2", "I")]
    # The copies of January are older than these, so the latest month still decides.
    rows = read_cleared(settings, ENCOUNTERS, "2024-03")
    assert {row["month"] for row in rows} == {"2024-03"}


def test_a_row_that_moves_to_a_patient_without_consent_is_deleted(settings):
    write_raw(settings, PATIENTS, "2024-01", patients("p1", "p2"))
    write_raw(settings, ENCOUNTERS, "2024-01", [visit("e1", "p1")])
    record(settings, event("p1", "permit", "2024-01-05"))
    clear(settings, "2024-01")
    write_raw(settings, ENCOUNTERS, "2024-02", [visit("e1", "p2", "U")])
    report = clear(settings, "2024-02")
    rows = read_cleared(settings, ENCOUNTERS, "2024-02")
    assert [(r["row_key"], r["patient_key"], r["op"], r["month"]) for r in rows] == [
        ("e1", "p1", "D", "2024-02")
    ]
    assert report.metadata()["rows_retired"] == 1
    assert report.metadata()["rows_no_event"] == 1


def test_an_old_version_of_a_row_that_moved_away_is_not_brought_back(settings):
    write_raw(settings, PATIENTS, "2024-01", patients("p1", "p2"))
    write_raw(settings, ENCOUNTERS, "2024-01", [visit("e1", "p1")])
    write_raw(settings, ENCOUNTERS, "2024-02", [visit("e1", "p2", "U")])
    record(settings, event("p1", "permit", "2024-03-05"))
    clear(settings, "2024-03")
    assert keys(settings, ENCOUNTERS, "2024-03") == []


def test_a_row_that_moved_while_its_patient_was_away_is_deleted_on_return(settings):
    write_raw(settings, PATIENTS, "2024-01", patients("p1", "p2"))
    write_raw(settings, ENCOUNTERS, "2024-01", [visit("e1", "p1")])
    record(settings, event("p1", "permit", "2024-01-05"))
    clear(settings, "2024-01")
    write_raw(settings, ENCOUNTERS, "2024-02", [visit("e1", "p2", "U")])
    record(settings, event("p1", "withdraw", "2024-02-05"))
    clear(settings, "2024-02")
    record(settings, event("p1", "permit", "2024-03-05"))
    clear(settings, "2024-03")
    (row,) = read_cleared(settings, ENCOUNTERS, "2024-03")
    assert (row["row_key"], row["patient_key"], row["op"]) == ("e1", "p1", "D")


def test_events_of_later_months_do_not_count(settings):
    write_raw(settings, PATIENTS, "2024-01", patients("p1", "p2"))
    record(settings, event("p1", "permit", "2024-01-05", month="2024-02"))
    record(settings, event("p2", "permit", "2024-01-05"))
    record_withdrawal(
        state_engine(settings.database),
        hospital=HOSPITAL,
        patient_key="p2",
        decided_at=datetime.datetime(2024, 2, 1, tzinfo=datetime.UTC),
    )
    report = clear(settings, "2024-01")
    assert keys(settings, PATIENTS, "2024-01") == [("p2", "I")]
    assert report.patients_held == {"no_event": 1}


def test_running_an_older_month_again_gives_the_same_bytes(settings):
    rows = [visit(f"e{n % 7}{n}", f"p{n % 3}") for n in range(50)]
    write_raw(settings, PATIENTS, "2024-01", patients("p0", "p1", "p2"))
    write_raw(settings, ENCOUNTERS, "2024-01", rows)
    record(settings, event("p0", "permit", "2024-01-05"), event("p1", "permit", "2024-01-06"))
    clear(settings, "2024-01")
    paths = [cleared_path(settings, name, "2024-01") for name in (PATIENTS, ENCOUNTERS, "subject")]
    first = [path.read_bytes() for path in paths]
    write_raw(settings, ENCOUNTERS, "2024-02", [visit("later", "p0")])
    record(settings, event("p0", "withdraw", "2024-02-05"))
    clear(settings, "2024-02")
    clear(settings, "2024-01")
    assert [path.read_bytes() for path in paths] == first


def test_a_permit_in_force_at_death_stays(settings):
    died = datetime.date(2023, 6, 1)
    write_raw(settings, PATIENTS, "2024-01", patients("p1", death_date=died) + patients("p2"))
    for name in ("p1", "p2"):
        record(settings, event(name, "permit", "2023-01-01", valid_until="2023-12-31"))
    report = clear(settings, "2024-01")
    assert keys(settings, PATIENTS, "2024-01") == [("p1", "I")]
    assert report.patients_held == {"expired": 1}


def test_reference_tables_stay_behind(settings):
    write_raw(settings, PATIENTS, "2024-01", patients("p1"))
    write_raw(settings, "synthea__providers", "2024-01", [visit("d1", "p1")])
    record(settings, event("p1", "permit", "2024-01-05"))
    clear(settings, "2024-01")
    assert not cleared_path(settings, "synthea__providers", "2024-01").exists()


def test_a_patient_the_source_deleted_is_not_counted_and_the_deletion_passes(settings):
    write_raw(settings, PATIENTS, "2024-01", patients("p1"))
    record(settings, event("p1", "permit", "2024-01-05"))
    clear(settings, "2024-01")
    write_raw(settings, PATIENTS, "2024-02", patients("p1", op="D"))
    report = clear(settings, "2024-02")
    assert keys(settings, PATIENTS, "2024-02") == [("p1", "D")]
    assert report.patients_in == 0


def test_an_unknown_hospital_does_not_pass_silently(settings):
    with pytest.raises(ConsentError, match="no patients in raw"):
        clear(settings, "2024-01")


def test_other_hospitals_events_do_not_count(settings):
    write_raw(settings, PATIENTS, "2024-01", patients("p1"))
    record(settings, event("p1", "permit", "2024-01-05", hospital_id="south"))
    assert clear(settings, "2024-01").patients_cleared == 0


def test_uses_besides_licensing_are_listed_for_listed_patients(settings):
    write_raw(settings, PATIENTS, "2024-01", patients("p1"))
    record(
        settings,
        event("p1", "permit", "2024-01-05"),
        event("p1", "permit", "2024-01-05", purpose="ai_training"),
        event("p1", "permit", "2024-01-05", purpose="general_admission"),
    )
    clear(settings, "2024-01")
    purposes = [row["purpose"] for row in read_cleared(settings, "subject", "2024-01")]
    assert purposes == ["ai_training", "commercial_licensing"]


def test_rows_that_do_not_add_up_are_an_error():
    count = TableCount("t", 3, 1, 1, 0, {"denied": 1})
    with pytest.raises(ConsentError, match="do not add up"):
        _check_counts(count, 2)
    with pytest.raises(ConsentError, match="do not add up"):
        _check_counts(TableCount("t", 2, 1, 1, 0, {"denied": 1}), 3)


def test_rows_of_an_extract_that_was_never_accepted_do_not_pass(settings):
    path = write_raw(settings, PATIENTS, "2024-01", patients("p1"))
    marker = marker_path(Warehouse(settings.warehouse), month="2024-01", hospital=HOSPITAL)
    assert path.exists()
    marker.unlink()
    with pytest.raises(ConsentError, match="no patients"):
        clear_partition(settings, hospital=HOSPITAL, month="2024-01")


NOTES = "synthea__notes"


def test_who_keeps_notes_back_has_no_note_past_the_gate(settings):
    write_raw(settings, PATIENTS, "2024-01", patients("p1", "p2"))
    write_raw(settings, NOTES, "2024-01", [visit("n1", "p1"), visit("n2", "p2")])
    record(settings, event("p1", "permit", "2024-01-05", categories="structured"))
    record(settings, event("p2", "permit", "2024-01-05"))
    report = clear(settings, "2024-01")
    assert keys(settings, PATIENTS, "2024-01") == [("p1", "I"), ("p2", "I")]
    assert keys(settings, NOTES, "2024-01") == [("n2", "I")]
    (notes,) = [table for table in report.tables if table.table == NOTES]
    assert notes.rows_held == {"other_category": 1}


def test_notes_that_passed_are_deleted_when_they_are_taken_back_and_return_later(settings):
    write_raw(settings, PATIENTS, "2024-01", patients("p1"))
    write_raw(settings, NOTES, "2024-01", [visit("n1", "p1")])
    record(settings, event("p1", "permit", "2024-01-05"))
    clear(settings, "2024-01")
    record(settings, event("p1", "withdraw", "2024-02-05", categories="notes"))
    write_raw(settings, NOTES, "2024-02", [visit("n2", "p1")])
    clear(settings, "2024-02")
    assert keys(settings, NOTES, "2024-02") == [("n1", "D")]
    assert keys(settings, PATIENTS, "2024-02") == []
    write_raw(settings, NOTES, "2024-03", [visit("n3", "p1")])
    clear(settings, "2024-03")
    assert keys(settings, NOTES, "2024-03") == []
    record(settings, event("p1", "permit", "2024-04-05", categories="structured notes"))
    write_raw(settings, NOTES, "2024-04", [visit("n4", "p1")])
    clear(settings, "2024-04")
    assert keys(settings, NOTES, "2024-04") == [(f"n{n}", "I") for n in range(1, 5)]


def test_a_child_and_one_of_unknown_age_do_not_pass(settings):
    young, unknown = datetime.date(2010, 1, 1), None
    rows = patients("p1", birth_date=young) + patients("p2", birth_date=unknown)
    write_raw(settings, PATIENTS, "2024-01", rows)
    for name in ("p1", "p2"):
        record(settings, event(name, "permit", "2024-01-05"))
    report = clear(settings, "2024-01")
    assert report.patients_held == {"guardian_missing": 1, "age_unknown": 1}


def version(number, says, **more):
    own = {"record_key": "r" * 20, "record_version": number, "record_sha256": says * 64}
    return event("p1", "permit", "2024-01-05", **own, **more)


def test_a_later_months_version_of_a_record_ends_the_earlier_one(settings):
    write_raw(settings, PATIENTS, "2024-01", patients("p1"))
    write_raw(settings, PATIENTS, "2024-02", [])
    record(settings, version("1", "a"))
    record(settings, version("2", "b", purpose="research", month="2024-02"))
    assert clear(settings, "2024-01").patients_cleared == 1
    report = clear(settings, "2024-02")
    assert report.patients_held == {"withdrawn": 1}
    record(settings, {**version("1", "a"), "month": "2024-03"})
    assert clear(settings, "2024-02").patients_held == {"withdrawn": 1}


def test_an_older_version_that_arrives_late_changes_nothing(settings):
    write_raw(settings, PATIENTS, "2024-01", patients("p1"))
    write_raw(settings, PATIENTS, "2024-02", [])
    record(settings, version("2", "b", purpose="research"))
    record(settings, version("1", "a", month="2024-02"))
    assert clear(settings, "2024-02").patients_cleared == 0


def test_records_whose_last_version_nobody_can_tell_are_counted(settings):
    write_raw(settings, PATIENTS, "2024-01", patients("p1"))
    record(settings, version("1", "a"), version("1", "b", categories="structured"))
    report = clear(settings, "2024-01")
    assert report.patients_held == {"withdrawn": 1}
    assert report.metadata()["contradicted_records"] == 1
