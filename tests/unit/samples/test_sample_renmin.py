"""The invented hospital is plausible enough to fill the products."""

from __future__ import annotations

import pandas as pd
import pytest
import sample_files as seen

from samples.make import his_tables

PRODUCT_STEMS = {
    "ophthalmology": r"[+]H36|H40",
    "neurology": r"I6[0134]|G40|G20|G30",
    "cardiology": r"I50|I48|I2[0-5]",
}


@pytest.fixture(scope="module")
def hospital() -> his_tables.Hospital:
    return his_tables.hospital(210)


@pytest.fixture(scope="module")
def diagnoses() -> pd.DataFrame:
    frame = seen.his(seen.MARCH, "diagnoses")
    good = frame[frame["诊断序号"].str.fullmatch(r"\d+")].drop_duplicates().copy()
    good["at"] = pd.to_datetime(good["诊断时间"], format="%Y%m%d%H%M%S")
    return good


@pytest.mark.parametrize("product", sorted(PRODUCT_STEMS))
def test_a_specialty_has_patients_with_lookback_and_enough_records(
    product: str, diagnoses: pd.DataFrame
) -> None:
    consents = seen.table("renmin", seen.MARCH, "consents.csv")
    permit = consents.query("purpose == 'commercial_licensing' and decision == 'permit'")
    mine = diagnoses[diagnoses["诊断编码"].str.contains(PRODUCT_STEMS[product])]
    index = mine.groupby("患者ID")["at"].min()
    last = mine.groupby("患者ID")["at"].max()
    first = diagnoses.groupby("患者ID")["at"].min().reindex(index.index)
    acute = set(mine.loc[mine["诊断编码"].str.contains("I6[0134]"), "患者ID"])
    repeated = (last - index >= pd.Timedelta(days=30)) | index.index.isin(acute)
    fits = repeated & (index - first >= pd.Timedelta(days=180))
    assert len(set(index.index[fits]) & set(permit["patient_id"])) >= 100


def test_visits_begin_in_2019_and_nobody_is_seen_after_death(hospital: his_tables.Hospital) -> None:
    visits = hospital.visits
    assert visits["day"].min().year == 2019
    death = visits[visits["died"]].set_index("i")["left"]
    later = visits[visits["i"].isin(death.index)]
    assert len(death) > 5
    assert (later["at"] <= later["i"].map(death)).all()


def test_patients_are_adults_born_1930_to_1985(hospital: his_tables.Hospital) -> None:
    years = hospital.patients["birth_year"]
    assert years.between(1930, 1985).all()
    assert hospital.visits["age"].min() >= 18


def test_blood_pressure_is_possible_and_ends_in_zero_too_often(
    hospital: his_tables.Hospital,
) -> None:
    visits = hospital.visits
    assert (visits["sbp"] > visits["dbp"]).all()
    assert visits["sbp"].between(70, 230).all()
    assert 0.3 < (visits["sbp"] % 10 == 0).mean() < 0.6


def test_applanation_is_read_in_even_numbers_and_glaucoma_is_higher(
    hospital: his_tables.Hospital,
) -> None:
    seen_eyes = hospital.visits[hospital.visits["group"] == "eye"]
    pressure = seen_eyes["iop_r"].astype(int)
    assert (pressure[seen_eyes["iop_method"] == "Goldmann"] % 2 == 0).all()
    assert (pressure[seen_eyes["iop_method"] == "NCT"] % 2 == 1).any()
    untreated = seen_eyes["step"] <= 2
    means = pressure[untreated].groupby(seen_eyes["arm"]).mean()
    assert means["GLC"] > means["DR"] + 4


def test_a_worse_heart_is_worse_in_every_value(hospital: his_tables.Hospital) -> None:
    failing = hospital.visits[hospital.visits["arm"] == "HF"]
    by_grade = failing.groupby("nyha")["lvef"].mean()
    assert by_grade.is_monotonic_decreasing
    assert len(by_grade) == 3
    assert failing["lvef"].between(15, 75).all()


def test_a_death_in_hospital_is_mrs_six_and_nothing_else_is(hospital: his_tables.Hospital) -> None:
    visits = hospital.visits
    assert ((visits["mrs"] == 6) == visits["died"]).all()


def test_lysis_and_thrombectomy_only_happen_in_ischaemic_stroke(
    hospital: his_tables.Hospital,
) -> None:
    treated = hospital.visits[hospital.visits["lysis"] | hospital.visits["evt"]]
    assert len(treated) > 3
    assert set(treated["arm"]) == {"IS"}
    assert (treated.loc[treated["lysis"], "onset_hours"] < 4.5).all()


def test_every_row_names_a_patient_and_a_visit_that_exist(hospital: his_tables.Hospital) -> None:
    tables = hospital.tables
    people, visits = set(tables["patients"]["患者ID"]), set(tables["visits"]["就诊号"])
    assert set(tables["front_sheet"]["HZID"]) <= people
    assert set(tables["front_sheet"]["JZH"]) <= visits
    for name in ("diagnoses", "labs", "eye_exams", "notes"):
        assert set(tables[name]["患者ID"]) <= people, name
        assert set(tables[name]["就诊号"]) <= visits, name


def test_notes_hold_names_numbers_negations_and_both_eyes() -> None:
    text = seen.his(seen.MARCH, "notes")["文书内容"]
    for pattern, least in {
        "身份证号：": 400,
        "联系电话：": 400,
        "现住址：": 400,
        "联系人：": 400,
        "入院日期：20": 400,
        "预约复诊日期：20": 800,
        "否认高血压": 300,
        "父亲有脑梗死病史": 300,
        "双眼眼压均为": 50,
        "分别为": 200,
        "NIHSS评分": 300,
        "mRS评分": 300,
        "LVEF|射血分数": 300,
        "NYHA": 200,
        "Hoehn-Yahr": 50,
        "MMSE": 30,
    }.items():
        assert text.str.contains(pattern).sum() >= least, pattern
