"""What an extract may do to what came before: a deleted patient's rows, closed months, sizes."""

from __future__ import annotations

import pytest

from clearward.errors import ExtractError
from clearward.sources.policy import size_against_median

from .conftest import P1, P2, P3, observation, small_run, write_run


def month(number: int) -> dict[str, object]:
    """Month and sequence of the n-th extract."""
    return {"month": f"2024-{4 + number:02d}", "sequence": number}


def send(shop, run, deletions: str = "", **how):
    folder = write_run(shop.folder(), run)
    if deletions:
        (folder / "deletions.csv").write_text(f"table,key\n{deletions}", "utf-8")
    return shop.ingest(shop.pack(folder, **how))


def without(run, who):
    """A run that no longer holds a patient but keeps the patient's other rows."""
    return {**run, "patients.csv": [row for row in run["patients.csv"] if row["Id"] != who]}


def test_a_named_patients_rows_go_with_the_patient_though_no_file_speaks_of_them(synthea):
    send(synthea, small_run(), **month(1))
    report = send(
        synthea,
        {"observations.csv": [observation(P1, 150, DATE="2024-05-01T08:00:00Z")]},
        f"patients,{P2}\n",
        kind="delta",
        **month(2),
    )
    for table in ("patients", "encounters", "conditions", "observations"):
        alive = {row[0] for row in synthea.state(table, "patient_key", "2024-06")}
        assert len(alive) == 1, table
    assert report.table("encounters").warnings == {"deleted_with_patient": 1}
    assert report.table("encounters").deleted == 1
    assert report.metadata()["warned_deleted_with_patient"] == 3


def test_rows_a_source_keeps_sending_of_a_deleted_patient_never_come_back(synthea):
    whole = small_run()
    send(synthea, whole, **month(1))
    report = send(synthea, without(whole, P2), **month(2))
    assert report.table("observations").quarantined == {"patient_deleted": 1}
    assert report.table("observations").deleted == 1
    again = send(synthea, without(whole, P2), **month(3))
    assert again.table("observations").quarantined == {"patient_deleted": 1}
    assert again.table("observations").deleted == 0
    assert len(synthea.state("observations", "row_key", "2024-07")) == 1


def test_rows_in_the_same_extract_as_their_patients_deletion_are_not_taken(synthea):
    report = send(synthea, small_run(), f"patients,{P2}\n", **month(1))
    assert report.table("patients").quarantined == {"deleted_in_extract": 1}
    assert report.table("conditions").quarantined == {"patient_deleted": 1}
    assert len(synthea.state("conditions", "row_key")) == 1


def test_a_patient_who_is_sent_again_is_back_with_the_rows_sent_again(synthea):
    whole = small_run()
    send(synthea, whole, **month(1))
    send(synthea, without(whole, P2), **month(2))
    report = send(synthea, whole, **month(3))
    assert report.table("observations").files[0].inserted == 1
    assert len(synthea.state("observations", "row_key", "2024-07")) == 2


def test_an_orphan_whose_patient_nobody_ever_deleted_is_kept_and_counted(synthea):
    run = small_run()
    run["observations.csv"].append(observation(P3, 99))
    report = send(synthea, run, **month(1))
    assert report.table("observations").warnings == {"orphan_patient": 1}
    assert report.table("observations").quarantined == {}


def many(value: int):
    run = small_run()
    run["observations.csv"] = [
        observation(P1, value if n < 60 else 120, CODE=f"c{n}") for n in range(1500)
    ]
    return run


def test_a_full_extract_that_rewrites_a_closed_month_is_held_until_somebody_signs(synthea):
    send(synthea, many(120), **month(1))
    with pytest.raises(ExtractError) as held:
        send(synthea, many(130), **month(2))
    assert "60 of 1500 rows changed" in str(held.value)
    assert synthea.state("observations", "value", "2024-06") == synthea.state(
        "observations", "value", "2024-05"
    )
    report = send(synthea, many(130), changes=("moved",), **month(2))
    assert report.table("observations").files[0].updated == 60


def test_a_few_corrections_of_a_closed_month_pass(synthea):
    send(synthea, small_run(), **month(1))
    run = small_run()
    run["observations.csv"][0] = observation(P1, 140)
    assert send(synthea, run, **month(2)).table("observations").files[0].updated == 1


def test_an_extract_of_unusual_size_is_warned_of_once_three_say_what_is_usual(synthea):
    for number in (1, 2, 3):
        report = send(synthea, small_run(), **month(number))
        assert report.size_against_median is None
    run = small_run()
    run["observations.csv"] += [observation(P1, n, CODE=f"c{n}") for n in range(8)]
    report = send(synthea, run, **month(4))
    assert report.size_against_median == 2.0
    assert report.metadata()["warned_unusual_size"] == 1
    assert synthea.settings.home.exists()


def test_the_median_is_of_the_last_six_of_the_same_kind():
    class Report:
        def __init__(self, rows, kind="full"):
            self.kind = kind
            self.tables = [type("Table", (), {"rows_in": rows})]

    accepted = [Report(9000)] * 4 + [Report(100)] * 6 + [Report(1, "delta")] * 3
    assert size_against_median(130, accepted, kind="full") == 1.3
    assert size_against_median(2, accepted, kind="delta") == 2.0
    assert size_against_median(2, accepted[:2], kind="full") is None
