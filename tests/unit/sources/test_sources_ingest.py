"""Rows are accounted for exactly, changes travel by month, and an extract is taken whole."""

from __future__ import annotations

import pytest

from clearward.errors import ExtractError
from clearward.keyring import pseudonym
from clearward.sources import ingest as ingest_module
from clearward.sources.extract import verify_extract
from clearward.sources.ingest import ingest_extract, read_ingest_report

from .conftest import P1, P2, P3, condition, encounter, observation, patient, small_run, write_run


def send(shop, run, **how):
    """Pack a run and ingest it."""
    return shop.ingest(shop.pack(write_run(shop.folder(), run), **how))


def month(number: int) -> dict[str, object]:
    """Month and sequence of the n-th extract."""
    return {"month": f"2024-{4 + number:02d}", "sequence": number}


def test_every_row_is_kept_or_quarantined_by_a_rule(synthea):
    run = small_run()
    run["observations.csv"] += [
        observation(P1, 120),  # the same row again
        observation(P1, 121),  # the same key, another value: a repeat, not a double
        observation(P1, 99, DATE="yesterday"),
        observation("", 99),
    ]
    run["observations.csv"] += [observation(P2, n, CODE=f"c{n}") for n in range(600)]
    run["patients.csv"] += [patient(P2, FIRST="Other")]
    report = send(synthea, run)
    counts = report.table("observations")
    assert counts.rows_in == 606
    assert counts.quarantined == {"duplicate_row": 1, "required_null": 1, "type_parse": 1}
    assert counts.kept == 603
    assert report.table("patients").quarantined == {"key_collision": 1}
    assert report.metadata()["rows_in"] == report.metadata()["inserted"] + 4
    columns = "source_row, rule, reason, file_name"
    assert synthea.query(
        f"SELECT {columns} FROM '{synthea.part('quarantine', 'observations')}'"
    ) == [
        (4, "duplicate_row", "same content", "observations.csv"),
        (6, "type_parse", "observed_at", "observations.csv"),
        (7, "required_null", "patient_id", "observations.csv"),
    ]
    row = synthea.query(f"SELECT row FROM '{synthea.part('quarantine', 'observations')}'")[1][0]
    assert '"observed_at":"yesterday"' in row


def test_keys_follow_the_published_rule(synthea):
    send(synthea, small_run())
    key, hospital = synthea.keyring.key("row"), synthea.hospital
    expected = pseudonym(key, hospital, "patients", P1)
    assert (expected, expected, "I", 2) in synthea.raw(
        "patients", "row_key, patient_key, op, source_row"
    )
    row = pseudonym(
        key, hospital, "observations", P1, f"e-{P1}", "8480-6", "2024-04-01 08:30:00", "1"
    )
    assert (row, expected) in synthea.raw("observations", "row_key, patient_key")


def test_adding_a_patient_changes_no_other_key(synthea):
    send(synthea, small_run(), **month(1))
    before = synthea.state("observations", "row_key, patient_key, value")
    report = send(synthea, small_run(patients=(P3, P1, P2)), **month(2))
    # The newcomer comes first in the file and shifts every row number.
    after = synthea.state("observations", "row_key, patient_key, value", "2024-06")
    assert len(before) == 2 and len(after) == 3
    assert {row[:2] for row in before} < {row[:2] for row in after}
    assert report.table("patients").files[0].inserted == 1


def test_correction_late_row_and_delete_become_u_i_and_d(synthea):
    run = small_run(patients=(P1, P2, P3))
    send(synthea, run, **month(1))
    run["encounters.csv"][0]["CODE"] = "50849002"
    run["conditions.csv"].append(condition(P1, "38341003", START="2023-11-01"))
    del run["observations.csv"][2]
    report = send(synthea, run, **month(2))
    assert synthea.raw("encounters", "op, code", "2024-06") == [("U", "50849002")]
    assert synthea.raw("conditions", "op, code", "2024-06") == [("I", "38341003")]
    gone = synthea.raw(
        "observations", "op, value, content_hash, length(row_key), length(patient_key)", "2024-06"
    )
    assert gone == [("D", None, None, 20, 20)]
    assert report.table("observations").deleted == 1
    assert report.table("patients").files[0].unchanged == 3
    assert synthea.raw("patients", "op", "2024-06") == []
    assert len(synthea.state("observations", "row_key", "2024-06")) == 2
    assert len(synthea.state("observations", "row_key", "2024-05")) == 3


def test_full_and_delta_extracts_give_the_same_state(tmp_path):
    from .conftest import Workshop

    states = []
    for kind in ("full", "delta"):
        shop = Workshop(tmp_path, "synthea")
        shop.settings = ingest_module.replace(shop.settings, home=tmp_path / kind)
        shop.warehouse = type(shop.warehouse)(shop.settings.warehouse)
        shop.count = 0 if kind == "full" else 10
        send(shop, small_run(), **month(1))
        changed = observation(P1, 140)
        if kind == "full":
            run = small_run()
            run["observations.csv"][0] = changed
        else:
            run = {"observations.csv": [changed]}
        send(shop, run, kind=kind, **month(2))
        states.append(shop.state("observations", "row_key, content_hash, value", "2024-06"))
    assert states[0] == states[1]
    assert "140" in {row[2] for row in states[0]}


def test_a_delta_deletes_only_what_it_names(synthea):
    send(synthea, small_run(), **month(1))
    folder = write_run(synthea.folder(), {"patients.csv": [patient(P1, STATE="Texas")]})
    key = f"{P2}|e-{P2}|8480-6|2024-04-01T08:30:00Z"
    (folder / "deletions.csv").write_text(f"table,key\nobservations,{key}\nencounters,nobody\n")
    report = synthea.ingest(synthea.pack(folder, kind="delta", **month(2)))
    assert synthea.raw("observations", "op, source_row", "2024-06") == [("D", 2)]
    assert synthea.state("patients", "patient_id, state", "2024-06") == [
        (P1, "Texas"),
        (P2, "Ohio"),
    ]
    assert report.table("encounters").warnings == {"deletion_unmatched": 1}
    assert not report.table("encounters").sent and len(synthea.state("encounters", "op")) == 2


def test_a_row_sent_and_taken_back_at_once_stays_away(synthea):
    folder = write_run(synthea.folder(), small_run())
    (folder / "deletions.csv").write_text(f"table,key\nencounters,e-{P2}\n")
    report = synthea.ingest(synthea.pack(folder))
    assert report.table("encounters").quarantined == {"deleted_in_extract": 1}
    assert synthea.state("encounters", "encounter_id") == [(f"e-{P1}",)]


@pytest.mark.parametrize(
    "line", ["nowhere,x", "encounters,", "encounters,a|b", "observations,p|e|c|not a time"]
)
def test_a_deletion_that_cannot_be_understood_refuses_the_extract(synthea, line):
    folder = write_run(synthea.folder(), small_run())
    (folder / "deletions.csv").write_text(f"table,key\n{line}\n")
    with pytest.raises(ExtractError, match="a delete must not get lost"):
        synthea.ingest(synthea.pack(folder))
    assert not [name for name in synthea.files() if name.endswith("report.json")]


def test_redelivery_is_a_no_op_to_the_byte(synthea):
    first = send(synthea, small_run(), **month(1))
    before = synthea.files()
    again = send(synthea, small_run(), **month(1))  # packed anew: another created_at
    assert (first.status, again.status) == ("ingested", "repeated")
    assert synthea.files() == before
    assert read_ingest_report(synthea.settings, hospital="stmary", month="2024-05") == first


def test_ingest_from_nothing_gives_the_same_bytes(synthea):
    import shutil

    folder = synthea.pack(write_run(synthea.folder(), small_run()))
    synthea.ingest(folder)
    before = synthea.files()
    shutil.rmtree(synthea.settings.warehouse)
    synthea.ingest(folder)
    assert synthea.files() == before and len(before) == 2 * 10 + 2  # and the record of the keyring


def test_an_older_extract_never_brings_a_row_back(synthea):
    run = small_run()
    old = synthea.pack(write_run(synthea.folder(), run), **month(1))
    synthea.ingest(old)
    del run["observations.csv"][1]
    send(synthea, run, **month(2))
    assert synthea.ingest(old).status == "repeated"
    assert len(synthea.state("observations", "op", "2024-06")) == 1
    with pytest.raises(ExtractError, match="older than what was taken"):
        send(synthea, small_run(patients=(P1, P3)), **month(1))


def test_a_gap_in_the_sequence_is_held_and_named(synthea):
    send(synthea, small_run(), **month(1))
    with pytest.raises(ExtractError, match="missing: 2, 3"):
        send(synthea, small_run(), month="2024-08", sequence=4)
    with pytest.raises(ExtractError, match="after 2024-05"):
        send(synthea, small_run(), month="2024-04", sequence=2)


def test_a_corrected_extract_replaces_its_month_only(synthea):
    send(synthea, small_run(), **month(1))
    wrong = small_run()
    wrong["observations.csv"][0]["VALUE"] = "999"
    send(synthea, wrong, **month(2))
    before = {name: data for name, data in synthea.files().items() if "2024-05" in name}
    right = small_run()
    right["observations.csv"][0]["VALUE"] = "130"
    send(synthea, right, **month(2))
    assert synthea.raw("observations", "op, value", "2024-06") == [("U", "130")]
    assert before == {name: data for name, data in synthea.files().items() if "2024-05" in name}
    assert send(synthea, wrong, **month(2)).status == "repeated"
    assert synthea.raw("observations", "op, value", "2024-06") == [("U", "130")]


def test_a_second_delta_of_a_month_joins_the_first(synthea):
    send(synthea, small_run(), **month(1))
    send(synthea, {"observations.csv": [observation(P1, 130)]}, kind="delta", **month(2))
    folder = write_run(
        synthea.folder(),
        {"observations.csv": [observation(P3, 150)], "patients.csv": [patient(P3)]},
    )
    report = synthea.ingest(synthea.pack(folder, kind="delta", month="2024-06", sequence=3))
    assert report.merged and report.table("observations").files[0].inserted == 1
    assert synthea.raw("observations", "op, value", "2024-06") == [("I", "150"), ("U", "130")]


def test_a_full_extract_that_drops_too_much_is_refused_unless_announced(synthea):
    run = small_run()
    run["observations.csv"] = [observation(P1, n, CODE=f"c{n}") for n in range(60)]
    send(synthea, run, **month(1))
    before = synthea.files()
    run["observations.csv"] = run["observations.csv"][:30]
    with pytest.raises(ExtractError, match="30 of 60 rows are gone"):
        send(synthea, run, **month(2))
    assert synthea.files() == before
    report = send(synthea, run, changes=("deletes",), **month(2))
    assert report.table("observations").deleted == 30


def test_an_optional_table_that_was_not_sent_is_not_deleted(synthea):
    run = small_run()
    run["procedures.csv"] = [condition(P1, "1", START="2024-04-01T08:00:00Z")]
    send(synthea, run, **month(1))
    del run["procedures.csv"]
    report = send(synthea, run, **month(2))
    assert not report.table("procedures").sent
    assert len(synthea.state("procedures", "op", "2024-06")) == 1


def test_a_row_that_comes_back_broken_keeps_its_last_good_version(synthea):
    run = small_run()
    run["encounters.csv"] += [encounter(f"x{n}", P1) for n in range(300)]
    send(synthea, run, **month(1))
    run["encounters.csv"][0]["STOP"] = "later"
    report = send(synthea, run, **month(2))
    assert report.table("encounters").quarantined == {"type_parse": 1}
    assert report.table("encounters").deleted == 0
    assert len(synthea.state("encounters", "op", "2024-06")) == 302


def test_the_order_of_rows_and_columns_does_not_matter(synthea):
    run = small_run()
    run["patients.csv"] += [patient(P2, FIRST="Other")]
    run["observations.csv"] += [observation(P1, 7), observation(P1, 3, UNITS="kPa")]
    send(synthea, run, **month(1))
    kept = synthea.state("patients", "patient_id, first_name")
    turned = {
        name: [dict(reversed(row.items())) for row in reversed(rows)] for name, rows in run.items()
    }
    report = send(synthea, turned, **month(2))
    assert report.metadata()["inserted"] == report.metadata()["updated"] == 0
    assert report.metadata()["deleted"] == 0
    assert synthea.state("patients", "patient_id, first_name", "2024-06") == kept


def test_both_synthea_headers_give_the_same_rows(synthea):
    send(synthea, small_run(), **month(1))
    run = small_run()
    for row in run["patients.csv"]:
        row.update(MIDDLE="", FIPS="39049", INCOME="1")
    for row in run["conditions.csv"]:
        row["SYSTEM"] = "SNOMED-CT"
    report = send(synthea, run, **month(2))
    values = report.metadata()
    assert (values["inserted"], values["updated"], values["unchanged"]) == (0, 0, 8)
    assert values["dropped_columns"] == 2


def test_every_month_has_every_table_with_the_same_columns(synthea):
    send(synthea, small_run(), **month(1))
    send(synthea, {"patients.csv": [patient(P1)]}, kind="delta", **month(2))
    for table in ("conditions", "notes", "patients"):
        for zone in ("raw", "quarantine"):
            described = [
                synthea.query(f"DESCRIBE SELECT * FROM '{synthea.part(zone, table, name)}'")
                for name in ("2024-05", "2024-06")
            ]
            assert described[0] == described[1]
    with pytest.raises(ExtractError, match="empty"):
        folder = write_run(synthea.folder(), {"patients.csv": [patient(P1)]})
        (folder / "patients.csv").write_text("Id,BIRTHDATE,GENDER\n")
        synthea.ingest(synthea.pack(folder, kind="delta", **month(3)))


def test_odd_but_valid_rows_are_kept_and_counted(synthea):
    run = small_run()
    run["conditions.csv"] += [
        condition(P1, "1", START="1875-01-01"),
        condition(P1, "2", START="2031-01-01"),
        condition("p-unknown", "3"),
    ]
    counts = send(synthea, run).table("conditions")
    assert counts.warnings == {"impossible_date": 2, "orphan_patient": 1}
    assert counts.kept == counts.rows_in == 5


def test_a_kill_while_partitions_move_leaves_nothing_that_counts(synthea, monkeypatch):
    folder = synthea.pack(write_run(synthea.folder(), small_run()))
    real, moved = ingest_module.promote, []

    def dies(partial, target):
        if len(moved) == 5:
            raise KeyboardInterrupt
        moved.append(target)
        real(partial, target)

    monkeypatch.setattr(ingest_module, "promote", dies)
    with pytest.raises(KeyboardInterrupt):
        synthea.ingest(folder)
    assert len(moved) == 5
    from clearward.sources.state_sql import accepted_history

    for table in ("conditions", "patients"):
        assert (
            accepted_history(
                synthea.warehouse, f"synthea__{table}", upto="2024-05", hospital="stmary"
            )
            == []
        )
    with pytest.raises(ExtractError, match="No extract"):
        read_ingest_report(synthea.settings, hospital="stmary", month="2024-05")
    monkeypatch.setattr(ingest_module, "promote", real)
    assert synthea.ingest(folder).status == "ingested"
    assert not [name for name in synthea.files() if "staging" in name]


def test_files_that_change_after_verification_are_refused(synthea):
    folder = synthea.pack(write_run(synthea.folder(), small_run()))
    extract = verify_extract(folder)
    path = folder / "patients.csv"
    path.write_bytes(path.read_bytes().replace(b"Ohio", b"Utah"))
    with pytest.raises(ExtractError, match="has changed since"):
        ingest_extract(synthea.settings, extract, synthea.keyring)
    assert synthea.files() == {}


def test_counts_that_do_not_add_up_raise():
    from clearward.sources.report import FileCount

    count = FileCount("f", "patients.csv", rows_in=3, inserted=1, updated=0, unchanged=1)
    with pytest.raises(ExtractError, match="3 rows in, 2 rows kept"):
        count.check("patients")


def test_another_source_system_must_be_announced(synthea, tmp_path):
    send(synthea, small_run(), **month(1))
    extract = verify_extract(synthea.pack(write_run(synthea.folder(), small_run()), **month(2)))
    moved = ingest_module.replace(extract, system="his")
    with pytest.raises(ExtractError, match="another source system"):
        ingest_extract(synthea.settings, moved, synthea.keyring)


def test_no_report_or_metadata_holds_a_value(synthea):
    import json

    run = small_run()
    run["patients.csv"][0]["LAST"] = "Verysecret"
    run["conditions.csv"].append(condition("Verysecret", "1", START="Verysecret"))
    run["conditions.csv"] += [condition(P1, f"n{n}") for n in range(300)]
    report = send(synthea, run)
    marker = next(d for n, d in synthea.files().items() if n.endswith("report.json"))
    assert report.table("conditions").quarantined == {"type_parse": 1}
    assert b"Verysecret" not in marker and "Verysecret" not in json.dumps(report.metadata())
