"""Protecting a product keeps k, drops the same patients everywhere and tells nothing else."""

from __future__ import annotations

import hashlib
import re

import duckdb
import pytest

from clearward.errors import ProtectionError
from clearward.keyring import pseudonym
from clearward.protect.product import protect_product
from clearward.protect.report import load_report, report_path
from clearward.risk.prosecutor import measure_risk

MONTH = "2024-05"
PATIENT = (
    "SELECT 'p' || i AS patient_key, ['north', 'south', 'west'][1 + i % 3] AS hospital_id, "
    "'2024-05' AS month, 'F' AS sex, 1950 AS birth_year, 'r' AS region_l1, 2020 AS index_year, "
    "i % 7 = 0 AS is_deceased, 'U' AS smoking "
    "FROM range({n}) t(i)"
)
QI = ["sex", "birth_year", "region_l1", "index_year", "hospital_id"]


def protect(made):
    return protect_product(made.settings, made.keyring, product=made.product.name, month=MONTH)


def test_the_protected_patients_keep_k_by_an_independent_count(make):
    made = make()
    report = protect(made)
    risk = measure_risk(made.settings, made.path("protected", "patient"), QI)
    assert risk == report.after
    assert risk.k >= 11 == report.k_asked
    assert risk.max_prosecutor <= 1 / 11
    assert report.before.uniques > 0 == report.after.uniques
    assert report.patients_in == 240 == report.patients_kept + report.patients_suppressed
    assert report.patients_suppressed <= 24


def test_birth_years_become_text_bands(make):
    made = make()
    report = protect(made)
    assert report.levels["birth_year"] > 0 == report.levels["index_year"]
    bands = {row[0] for row in made.rows("patient", "SELECT DISTINCT birth_year")}
    assert bands <= {"1950-1954", "1955-1959", "1950-1959", "1940-1959", "1920-1959", "*"}
    assert {row[0] for row in made.rows("patient", "SELECT DISTINCT index_year")} == {"2020"}


def test_suppressed_patients_are_in_no_table(make):
    made = make()
    report = protect(made)
    assert report.patients_suppressed > 0
    kept = {row[0] for row in made.rows("patient", "SELECT patient_key")}
    for table in made.product.tables:
        if table.entity != "attrition":
            assert {row[0] for row in made.rows(table.entity, "SELECT patient_key")} == kept
            assert report.rows[table.entity] == len(kept)


def test_keys_are_pseudonyms_of_the_product_and_join_across_tables(make):
    made = make()
    protect(made)
    key = made.keyring.key("product", made.product.name)
    possible = {pseudonym(key, f"p{i:03}") for i in range(240)}
    assert {row[0] for row in made.rows("patient", "SELECT patient_key")} < possible
    visits = {row[0] for row in made.rows("eye_visit", "SELECT eye_visit_key")}
    assert visits < {pseudonym(key, f"p{i:03}x") for i in range(240)}


ALIKE = (
    PATIENT.replace("'F' AS sex", "['F', 'M'][1 + i % 2] AS sex")
    + " WHERE hospital_id <> '{without}'"
)


def alike(without: str = "") -> str:
    """Patients who differ in sex and hospital only."""
    return ALIKE.replace("{without}", without)


def test_hospital_names_and_months_of_arrival_do_not_leave(make):
    made = make(patient=alike())
    protect(made)
    for entity in ("patient", "encounter"):
        labels = {row[0] for row in made.rows(entity, "SELECT DISTINCT hospital_id")}
        assert len(labels) == 3
        assert all(re.fullmatch(r"H\d{6}", label) for label in labels)
        assert made.rows(entity, "SELECT DISTINCT month") == [(MONTH,)]


def test_a_hospital_keeps_its_label_when_another_joins(make):
    made = make(patient=alike(without="north"))
    protect(made)
    before = dict(made.rows("patient", "SELECT patient_key, hospital_id"))
    protect(make(patient=alike()))
    after = dict(made.rows("patient", "SELECT patient_key, hospital_id"))
    assert len(before) < len(after)
    assert {key: after[key] for key in before} == before


def test_a_hospital_of_few_patients_is_left_out_or_hidden(make):
    made = make(patient=alike() + " AND (hospital_id <> 'west' OR i % 30 = 2)")
    report = protect(made)
    sizes = made.rows("patient", "SELECT count(*)", "GROUP BY hospital_id")
    assert report.patients_in == 168
    assert min(n for (n,) in sizes) >= 11


def with_arms(made, arm: str) -> None:
    """Every patient's study arm by an expression over the patient table."""
    made.write(
        "cohort_summary",
        f"SELECT patient_key, hospital_id, month, {arm} AS arm, "
        "hash(patient_key || 'm') % 3 = 0 AS has_macular_edema "
        f"FROM '{made.path('product', 'patient')}'",
    )


def test_a_cohort_with_one_study_arm_is_published_though_no_class_can_be_diverse(make):
    made = make()
    with_arms(made, "'DR'")
    assert protect(made).patients_kept >= 120


def test_a_hospital_with_one_study_arm_is_left_out_where_others_have_two(make):
    made = make()
    with_arms(made, "CASE WHEN hospital_id = 'north' OR hash(patient_key) % 2 = 0 "
              "THEN 'DR' ELSE 'GLC' END")  # fmt: skip
    assert protect(made).patients_kept <= 160
    arms = made.rows(
        "cohort_summary", "SELECT hospital_id, count(DISTINCT arm)", "GROUP BY hospital_id"
    )
    assert sorted(n for _, n in arms) == [2, 2]


def test_a_refusal_names_the_bound_that_stands_in_the_way(make):
    made = make()
    with_arms(made, "CASE WHEN hospital_id = 'west' THEN 'GLC' ELSE 'DR' END")
    with pytest.raises(ProtectionError) as refusal:
        protect(made)
    assert "DistinctL of cohort_summary.arm for 240 of 240 patients" in str(refusal.value)


def test_a_quasi_identifier_repeated_in_another_table_is_generalised_too(make):
    made = make()
    people = made.path("product", "patient")
    made.write("systemic", f"SELECT patient_key, hospital_id, month, birth_year FROM '{people}'")
    protect(made)
    assert set(made.rows("systemic", "SELECT patient_key, birth_year")) == set(
        made.rows("patient", "SELECT patient_key, birth_year")
    )


def test_the_same_input_gives_the_same_bytes(make):
    made = make()
    first = protect(made)
    text = report_path(made.settings, product="ophthalmology", month=MONTH).read_text()
    assert protect(made) == first
    assert report_path(made.settings, product="ophthalmology", month=MONTH).read_text() == text
    for entity, digest in first.files.items():
        assert hashlib.sha256(made.path("protected", entity).read_bytes()).hexdigest() == digest


def test_the_report_reads_back_and_holds_no_patient(make):
    made = make()
    report = protect(made)
    path = report_path(made.settings, product="ophthalmology", month=MONTH)
    assert load_report(path) == report
    keys = [row[0] for row in made.rows("patient", "SELECT patient_key")]
    assert not any(key in path.read_text() for key in [*keys, "north", "south", "west", "1921"])
    assert report.metadata()["k_reached"] == report.k_reached


def test_fewer_patients_than_k_publish_nothing(make):
    made = make(n=10)
    with pytest.raises(ProtectionError, match=r"10 patients.*at least 11"):
        protect(made)
    assert not made.path("protected", "patient").exists()


def test_no_patients_at_all_is_a_refusal_not_a_success(make):
    with pytest.raises(ProtectionError, match="0 patients"):
        protect(make(n=0))


def test_a_missing_table_is_named(make):
    made = make()
    made.path("product", "oct").unlink()
    with pytest.raises(ProtectionError, match="no table for oct"):
        protect(made)


def test_a_doubled_patient_is_refused(make):
    made = make()
    path = made.path("product", "patient")
    rows = duckdb.sql(f"SELECT * FROM '{path}'").to_arrow_table()
    duckdb.sql(f"COPY (FROM rows UNION ALL (FROM rows LIMIT 1)) TO '{path}' (FORMAT parquet)")
    assert rows.num_rows == 240
    with pytest.raises(ProtectionError, match="241 rows, 240 patients"):
        protect(made)


def test_a_patient_without_a_hospital_is_not_passed_off_as_suppressed(make):
    made = make(patient=PATIENT.replace("[1 + i % 3]", "[1 + i % 3 + (i = 40)::int * 9]"))
    with pytest.raises(ProtectionError, match="lost on the way"):
        protect(made)


def test_a_failed_run_leaves_neither_a_report_nor_staged_files(make):
    made = make()
    protect(made)
    made.path("product", "oct").unlink()
    made.write("oct", "SELECT 'k' AS oct_key")
    with pytest.raises(ProtectionError, match="no column hospital_id, patient_key"):
        protect(made)
    assert not report_path(made.settings, product="ophthalmology", month=MONTH).exists()
    assert not list(made.settings.home.rglob(".*staged*"))


def test_attrition_ends_with_the_step_of_protection_and_its_counts_meet_the_data(make):
    made = make()
    report = protect(made)
    lines = made.rows("attrition", "SELECT hospital_id, step_id, n_in, n_out, n_excluded")
    assert {line[0] for line in lines} == {"ALL"}
    assert "k-anonymity" in lines[-1][1]
    assert lines[-1][3] == report.patients_kept
    assert all(n in (0, None) or n >= 11 for line in lines for n in line[2:])
