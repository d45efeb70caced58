"""A release holds the legal profiles its product names; one planted violation stops it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from clearward.deidentify.profiles import Verdict, profiles
from clearward.errors import ConfigError, GateError, ReleaseError
from clearward.releases import profile_check
from clearward.releases.profile_check import judge_profiles
from clearward.releases.shelf import load_manifest
from tests.unit.releases import factory

PRODUCT, MONTH = factory.PRODUCT, factory.MONTH
SPEC = factory.load_product(PRODUCT)
# The product's tables without what Safe Harbor forbids: `day` is counted from an index day.
ENCLAVE = replace(SPEC, protection=replace(SPEC.protection, release_model="enclave"))


def broken(house, name, spec=SPEC):
    results = judge_profiles(house.settings, spec, month=MONTH, names=[name])
    return {r.rule for r in results if r.verdict is Verdict.NOT_HELD}


@pytest.fixture
def month(house):
    house.write()
    return house


def test_a_clean_month_holds_every_profile_that_is_for_files(month):
    for name in ("hipaa_safe_harbor", "expert", "gbt_37964"):
        assert broken(month, name) == set(), name
    assert broken(month, "ehds_spe") == {"environment", "download"}
    # Results that leave an enclave are checked by nothing yet, and nothing is taken on trust.
    assert broken(month, "ehds_spe", ENCLAVE) == {"download"}


def plant(house, sql, entity="patient"):
    house.write(overrides={entity: sql})


def test_safe_harbor_sees_somebody_of_ninety(house):
    old = factory.patient_sql().replace("'1950-1969'", "'1934'")
    plant(house, old)
    assert broken(house, "hipaa_safe_harbor") == {"C-age"}


def test_safe_harbor_sees_a_calendar_date_and_a_key_nobody_made(month):
    plant(month, factory.patient_sql().replace("'F' ELSE", "'F' ELSE").replace(
        "SELECT ", "SELECT DATE '2024-05-01' AS seen_on, ", 1))  # fmt: skip
    factory.write_risk(month.settings, change={("G1", "unknown_patients", ""): {"value": 1}})
    assert broken(month, "hipaa_safe_harbor") == {"C", "R"}


def test_expert_sees_a_class_that_is_too_small_and_population_uniques(house):
    plant(house, factory.patient_sql(patients=20))
    change = {("G2", "population_uniques", ""): {"value": 0.002}}
    factory.write_risk(house.settings, change=change)
    assert broken(house, "expert") == {"risk-max", "risk-mean", "population"}


def test_expert_trusts_no_report_about_other_files(month):
    other = dict.fromkeys(factory.table_hashes(month.settings, MONTH), "0" * 64)
    factory.write_risk(month.settings, files=other)
    assert broken(month, "expert") == {"population", "documented"}
    (month.settings.reports / PRODUCT / MONTH / "risk.json").unlink()
    assert broken(month, "expert") == {"population", "documented"}
    assert "R" in broken(month, "hipaa_safe_harbor")


@pytest.mark.parametrize(
    ("column", "value"), [("code", "B20.900"), ("source_text", "HIV positive"), ("code", "F32")]
)
def test_the_chinese_profile_sees_a_row_of_a_special_disease(house, column, value):
    table = next(t for t in SPEC.tables if t.entity == "diagnosis")
    plant(house, factory.entity_sql(table.entity, table.key[0]).replace(
        "SELECT ", f"SELECT '{value}' AS {column}, ", 1), table.entity)  # fmt: skip
    assert broken(house, "gbt_37964") == {"special"}


def test_the_chinese_profile_sees_a_small_class_free_text_and_a_name(house):
    sql = factory.patient_sql(patients=8)
    plant(house, sql.replace("SELECT ", "SELECT 'x' AS text, 'y' AS last_name, ", 1))
    assert broken(house, "gbt_37964") == {"class", "level", "direct"}


def door_report(house, **change):
    path = house.settings.reports / "door" / "stmary" / f"{MONTH}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    return path


def test_a_month_under_an_older_list_of_diseases_shows_nothing(month):
    path = door_report(month, special_list="0" * 12)
    assert broken(month, "gbt_37964") == {"special"}
    path.unlink()
    assert broken(month, "gbt_37964") == {"special"}


def test_ehds_sees_a_hospital_without_its_list_of_consents(month):
    door_report(month, hospital="north")
    assert "opt-out" in broken(month, "ehds_spe", ENCLAVE)


def test_what_is_not_published_has_no_age_and_no_key(month):
    assert all(name in {"hipaa_safe_harbor", "expert", "gbt_37964", "ehds_spe"}
               for name in profiles())  # fmt: skip
    plant(month, factory.patient_sql().replace("'1950-1969' AS birth_year", "'U' AS birth_year"))
    # A column of years without one year is not measured, so it is not held.
    assert broken(month, "hipaa_safe_harbor") == {"C-age"}


def test_a_product_month_that_does_not_exist_is_refused(house):
    with pytest.raises(ConfigError, match="no protected table"):
        judge_profiles(house.settings, SPEC, month=MONTH)


def test_the_manifest_lists_every_rule_with_its_verdict(house):
    house.release()
    told = load_manifest(house.storage, PRODUCT, "1.0.0").facts["profiles"]
    wanted = [(n, r["id"]) for n in SPEC.protection.profiles for r in profiles()[n]["rules"]]
    assert [(r["profile"], r["rule"]) for r in told] == wanted
    assert {r["verdict"] for r in told} <= {"held", "not applicable"}
    assert all(r["reason"] and r["cites"] and r["title"] for r in told)


def test_a_release_with_a_rule_not_held_is_refused_and_nothing_is_stored(house):
    house.write()
    house.build()
    door_report(house, special_list="0" * 12)
    with pytest.raises(GateError, match="gbt_37964 special"):
        house.publish()
    assert list(house.storage.list(f"{PRODUCT}/")) == []


def test_a_candidate_that_says_something_else_is_refused(house, monkeypatch):
    house.write()
    with monkeypatch.context() as patched:
        patched.setattr(profile_check, "told", lambda results: [])
        house.build()
    with pytest.raises(ReleaseError, match="something else of its profiles"):
        house.publish()
