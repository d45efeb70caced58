"""Three months of one product through protection, and an attacker who holds all of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import duckdb
import pytest

from clearward.errors import ProtectionError
from clearward.keyring import init_keyring, pseudonym
from clearward.protect import product as protecting
from clearward.protect.product import protect_product
from clearward.protect.report import load_report, report_path
from clearward.protect.seen import EarlierRelease
from tests.unit.protect.conftest import PATIENT

K = 11
MONTHS = ("2024-03", "2024-04", "2024-05")
QI = ("sex", "birth_year", "region_l1", "index_year", "hospital_id")
STEADY = PATIENT.replace("CASE WHEN i = 1 THEN 1921 ELSE 1950 + i % 10 END", "1950 + i % 10")


class Line:
    """A product's releases, month after month, and what a buyer of all of them sees."""

    def __init__(self, make):
        self.make, self.earlier = make, []

    def month(self, month, where="true", n=240, sex=None):
        patient = STEADY if sex is None else STEADY.replace("'F' ELSE 'M' END AS sex", sex)
        self.made = self.make(n=n, patient=f"{patient} WHERE {where}", month=month)
        self.report = self.protect(month)
        path = self.made.path("protected", "patient", month)
        summary = self.made.path("protected", "cohort_summary", month)
        self.earlier.append(EarlierRelease(month, month, path, {"cohort_summary": summary}))
        return self.report

    def protect(self, month, beside=None):
        made = self.made
        return protect_product(
            made.settings,
            made.keyring,
            product=made.product.name,
            month=month,
            earlier=tuple(self.earlier if beside is None else beside),
        )

    def keys(self, month):
        return {key for (key,) in self.made.rows("patient", "SELECT patient_key", month=month)}

    def pseudonym(self, number):
        return pseudonym(self.made.keyring.key("product", "ophthalmology"), f"p{number:03}")

    def stories(self):
        told: dict[str, list] = {}
        for i, release in enumerate(self.earlier):
            for key, *label in self.made.rows(
                "patient", f"SELECT patient_key, {', '.join(QI)}", month=release.month
            ):
                told.setdefault(key, [None] * len(self.earlier))[i] = tuple(label)
        return Counter(map(tuple, told.values()))


@pytest.fixture
def line(make):
    return Line(make)


def test_no_story_across_three_months_is_shared_by_fewer_than_k(line):
    line.month(MONTHS[0], where="i < 200")
    line.month(MONTHS[1], where="i < 205 AND i NOT IN (3, 60)")
    line.month(MONTHS[2], where="i < 240 AND i NOT IN (3, 60, 77)")
    assert min(line.stories().values()) >= K
    assert len(line.stories()) > 2
    assert line.report.earlier == MONTHS[:2]


def test_a_withdrawn_patient_is_in_no_later_release_and_in_no_table(line):
    line.month(MONTHS[0])
    gone = line.pseudonym(3)
    assert gone in line.keys(MONTHS[0])
    for month in MONTHS[1:]:
        line.month(month, where="i <> 3")
        for table in line.made.product.tables:
            if table.entity != "attrition":
                rows = line.made.rows(table.entity, "SELECT patient_key", month=month)
                assert (gone,) not in rows
    assert line.report.patients_withheld == K - 1


def test_who_is_gone_cannot_be_told_from_those_who_hide_them(line):
    line.month(MONTHS[0])
    line.month(MONTHS[1], where="i <> 3")
    absent = line.keys(MONTHS[0]) - line.keys(MONTHS[1])
    assert len(absent) == K and line.pseudonym(3) in absent


def test_labels_of_a_stayer_never_get_finer(line):
    line.month(MONTHS[0], where="i < 120")
    first = line.report.levels
    line.month(MONTHS[1], n=960, where="true")
    assert all(line.report.levels[c] >= first[c] for c in QI)
    labels = [
        {
            key: rest
            for key, *rest in line.made.rows(
                "patient", f"SELECT patient_key, {', '.join(QI)}", month=month
            )
        }
        for month in MONTHS[:2]
    ]
    shared = set(labels[0]) & set(labels[1])
    assert shared
    for key in shared:
        for old, new in zip(labels[0][key], labels[1][key], strict=True):
            assert new in {old, "*"} or len(new) > len(old)


def test_a_corrected_quasi_identifier_does_not_single_a_patient_out(line):
    line.month(MONTHS[0])
    line.month(MONTHS[1], sex="CASE WHEN i = 6 THEN 'M' ELSE 'F' END ELSE 'M' END AS sex")
    assert line.pseudonym(6) in line.keys(MONTHS[0]) - line.keys(MONTHS[1])
    assert min(line.stories().values()) >= K


def test_the_same_month_again_is_the_same_release(line):
    line.month(MONTHS[0])
    report = line.month(MONTHS[1], where="i <> 3")
    assert line.protect(MONTHS[1], beside=line.earlier[:1]) == report


def test_the_report_and_the_attrition_name_what_it_cost(line):
    line.month(MONTHS[0], where="i < 200")
    report = line.month(MONTHS[1], where="i < 205 AND i <> 3")
    assert report.patients_in == 204
    assert report.patients_in == report.patients_kept + report.patients_withheld + (
        report.patients_waiting
    )
    path = report_path(line.made.settings, product="ophthalmology", month=MONTHS[1])
    assert load_report(path) == report
    steps = line.made.rows("attrition", "SELECT step_id, n_in, n_out", month=MONTHS[1])
    assert "successive-releases" in steps[-1][0]
    assert steps[-1][2] == report.patients_kept


def test_another_product_key_is_noticed_before_anything_is_published(line, tmp_path):
    line.month(MONTHS[0])
    line.made.keyring = init_keyring(tmp_path / "other.json")
    with pytest.raises(ProtectionError, match="known by their pseudonym"):
        line.protect(MONTHS[0])


def test_earlier_releases_that_already_tell_too_few_apart_block_the_next(line):
    line.month(MONTHS[0])
    path = line.earlier[0].path
    rows = duckdb.sql(f"SELECT * FROM '{path}' LIMIT (SELECT count(*) - 3 FROM '{path}')")
    fewer = rows.to_arrow_table()
    assert fewer.num_rows > K
    smaller = path.with_name("smaller.parquet")
    duckdb.sql(f"COPY (FROM fewer) TO '{smaller}'")
    line.earlier.append(replace(line.earlier[0], version="x", path=smaller))
    with pytest.raises(ProtectionError, match="already tell too few patients apart"):
        line.protect(MONTHS[0])


def test_too_much_to_hold_back_refuses_the_release_and_not_the_withdrawal(line, monkeypatch):
    spec = protecting.load_product("ophthalmology")
    successive = replace(spec.protection.successive, max_withheld=0.01)
    tight = replace(spec, protection=replace(spec.protection, successive=successive))
    monkeypatch.setattr(protecting, "load_product", lambda name: tight)
    line.month(MONTHS[0])
    with pytest.raises(ProtectionError, match="nobody who withdrew is published"):
        line.month(MONTHS[1], where="i <> 3")
    assert not line.made.path("protected", "patient", MONTHS[1]).exists()


def test_a_locally_recoded_product_keeps_its_classes_and_routes_newcomers_into_them(
    line, monkeypatch
):
    spec = protecting.load_product("ophthalmology")
    local = replace(spec, protection=replace(spec.protection, recoding="local"))
    monkeypatch.setattr(protecting, "load_product", lambda name: local)
    line.month(MONTHS[0], n=480)
    first = {story[0] for story in line.stories()}
    line.month(MONTHS[1], n=960, where="i <> 3")
    line.month(MONTHS[2], n=960, where="i NOT IN (3, 500)")
    assert len(first) > 2
    labels = {label for story in line.stories() for label in story if label}
    assert labels == first
    assert min(line.stories().values()) >= K
    assert line.pseudonym(3) not in line.keys(MONTHS[2])
    assert len(line.keys(MONTHS[1])) > 800


def test_newcomers_whom_no_class_holds_appear_in_classes_of_their_own(line, monkeypatch):
    spec = protecting.load_product("ophthalmology")
    local = replace(spec, protection=replace(spec.protection, recoding="local"))
    monkeypatch.setattr(protecting, "load_product", lambda name: local)
    # a third hospital joins; no ten of its patients have all their values in common
    line.month(MONTHS[0], where="i % 3 <> 2")
    line.month(MONTHS[1], where="true")
    joined = line.keys(MONTHS[1]) - line.keys(MONTHS[0])
    assert len(joined) == 80
    classes = Counter(story[1] for story in line.stories().elements() if story[0] is None)
    assert min(classes.values()) >= spec.protection.successive.least_class
    line.month(MONTHS[2], where="i <> 5")
    assert min(line.stories().values()) >= K


def test_few_newcomers_whom_no_class_holds_wait(line, monkeypatch):
    spec = protecting.load_product("ophthalmology")
    local = replace(spec, protection=replace(spec.protection, recoding="local"))
    monkeypatch.setattr(protecting, "load_product", lambda name: local)
    line.month(MONTHS[0], where="i % 3 <> 2")
    report = line.month(MONTHS[1], where="i % 3 <> 2 OR i < 60")
    assert line.keys(MONTHS[1]) == line.keys(MONTHS[0])
    assert report.patients_waiting == 20
