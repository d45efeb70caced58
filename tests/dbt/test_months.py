"""How changes of a month reach the products. Logic of single models is in dbt's own unit tests."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tests.dbt.conftest import copy_zone, partition_models
from tests.dbt.story import JUNE, MAY, key


def people(rows):
    return {row["patient_key"] for row in rows}


def test_each_hospital_reaches_its_product(read):
    assert people(read("cardiology__patient", MAY)) == {
        key("stays"),
        key("withdraws"),
        key("fhir-heart"),
    }
    assert people(read("ophthalmology__patient", MAY)) == {key("eyes")}
    assert people(read("neurology__patient", MAY)) == {key("stroke")}


def test_a_withdrawal_takes_the_patient_out_of_every_table(dbt, read):
    for model in partition_models(dbt.manifest):
        if model["config"]["meta"]["zone"] == "product" and not model["name"].endswith("attrition"):
            assert key("withdraws") not in people(read(model["name"], JUNE))
    assert key("withdraws") in people(read("cardiology__echo", MAY))


def test_a_correction_shows_the_new_value_and_a_deletion_none(read):
    echo = {row["patient_key"]: row["lvef_pct"] for row in read("cardiology__echo", JUNE)}
    assert echo[key("stays")] == 45 and echo[key("fhir-heart")] == 35
    potassium = [r for r in read("cardiology__lab_cv", JUNE) if r["potassium_mmol_l"] is not None]
    assert people(potassium) == {key("stays")}
    phenotypes = {r["patient_key"]: r["phenotype"] for r in read("cardiology__cv_index", JUNE)}
    assert phenotypes == {key("stays"): "HFmrEF", key("fhir-heart"): "HFrEF"}


def test_a_late_row_lands_in_the_month_it_came(read):
    late = [r for r in read("cardiology__measurement", JUNE) if r["measurement_key"] == key("late")]
    assert [(r["day"], r["value_std"], r["unit_std"]) for r in late] == [(3, 88.42, "umol/L")]
    assert not [
        r for r in read("cardiology__measurement", MAY) if r["measurement_key"] == key("late")
    ]


def test_a_corrected_examination_loses_the_parts_it_no_longer_has(read):
    def left_eye(month):
        visits = [r for r in read("ophthalmology__eye_visit", month) if r["eye"] == "OS"]
        last = max(visits, key=lambda r: r["day"])
        return last["visual_acuity_logmar"], last["visual_acuity_kind"], last["iop_mmhg"]

    assert left_eye(MAY) == (1.9, "BCVA", 18.0)
    assert left_eye(JUNE) == (1.0, "UCVA", None)


def test_findings_of_an_older_version_of_a_note_do_not_count(read):
    assert [r["nihss_admission"] for r in read("neurology__stroke_episode", MAY)] == [12]
    assert [r["nihss_admission"] for r in read("neurology__stroke_episode", JUNE)] == [7]
    assert len(read("neurology__note_feature", JUNE)) == 1


def test_the_dual_code_is_proliferative_retinopathy_of_the_right_eye(read):
    found = {
        (r["concept"], r["severity"], r["laterality"])
        for r in read("ophthalmology__diagnosis", MAY)
    }
    assert found == {("dr_proliferative", 4, "OD")}


def test_an_old_infarction_and_a_refuted_stroke_make_no_patient(read):
    assert key("stroke") not in people(read("cardiology__patient", MAY))
    assert key("fhir-heart") not in people(read("neurology__patient", MAY))


def test_unmapped_rows_are_kept_and_ranked(read):
    ranked = read("int_unmapped_ranked", MAY, zone="core")
    assert [(r["source_code"], r["n_rows"], r["n_hospitals"]) for r in ranked] == [
        ("99999-9", 3, 2)
    ]


def test_core_holds_the_changes_of_its_month_only(read):
    assert len(read("int_measurement", JUNE, zone="core")) == 3 + 5  # five parts of one eye
    assert {r["op"] for r in read("int_measurement", JUNE, zone="core")} == {"I", "U", "D"}


def test_an_empty_table_is_empty(read):
    assert read("cardiology__intervention", MAY) == []


def test_no_calendar_date_leaves_in_a_product(dbt):
    for model in partition_models(dbt.manifest):
        if model["config"]["meta"]["zone"] == "product":
            types = {c["data_type"] for c in model["columns"].values()}
            assert types <= {"varchar", "integer", "double", "boolean"}


def test_two_months_side_by_side_repeat_every_byte_in_place_or_staged(dbt, two_months, tmp_path):
    root, staging = tmp_path / "warehouse", tmp_path / "staging"
    copy_zone(two_months, root, "deidentified", "core")
    command = ["build", "--exclude-resource-type", "unit_test", "test"]
    runs = [
        dbt.in_target(tmp_path / month).start(command, dbt.prepare(root, month, output))
        for month, output in ((MAY, None), (JUNE, staging))
    ]
    outputs = [run.communicate()[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], outputs
    assert digests(root, MAY) == digests(two_months, MAY)
    assert digests(staging, JUNE) == digests(two_months, JUNE)
    assert len(digests(staging, JUNE)) == len(partition_models(dbt.manifest))


def digests(root: Path, month: str) -> dict[str, str]:
    """SHA-256 of every file dbt wrote for a month."""
    files = [
        *root.glob(f"core/*/month={month}/part.parquet"),
        *root.glob(f"product/*/month={month}/part.parquet"),
    ]
    return {str(f.relative_to(root)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}
