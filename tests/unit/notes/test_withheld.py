"""Notes that name a special disease stay behind whole; titles leave when many share them."""

from __future__ import annotations

from typing import Any

import pytest

import clearward.notes.partition as partition
from clearward.notes.titles import SHARED, known_titles, plain_title
from clearward.products.spec import load_product, product_names


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("HIV test negative. 视力右眼0.5", "hiv"),
        ("既往艾滋病。视力右眼0.5", "hiv"),
        ("Syphilis serology pending. 血压120/80", "sexually_transmitted"),
        ("梅毒抗体(-)，视力右眼0.5", "sexually_transmitted"),
        ("Schizophrenia, stable. 血压120/80", "psychiatric"),
    ],
)
def test_a_note_that_names_a_listed_disease_is_withheld_whole(
    hospital: Any, text: str, category: str
) -> None:
    hospital.note("N1", "P1", text)
    hospital.note("N2", "P1", "The age of chivalry. 视力右眼0.5")
    report = hospital.run()
    assert report.withheld_special == {category: 1}
    assert report.metadata()[f"withheld_special_{category}"] == 1
    gone, kept = (
        next(n for n in hospital.rows("note") if n["row_key"] == hospital.key("notes", name))
        for name in ("N1", "N2")
    )
    assert (gone["op"], kept["op"]) == ("D", "I")
    told = ("title", "lang", "text", "note_sha256")
    assert all(gone[name] is None for name in told) and kept["text"]
    assert {f["note_key"] for f in hospital.rows("finding")} == {kept["row_key"]}


def test_a_title_that_names_a_listed_disease_withholds_its_note(hospital: Any) -> None:
    hospital.note("N1", "P1", "视力右眼0.5", title="精神科会诊记录")
    assert hospital.run().withheld_special == {"psychiatric": 1}
    assert hospital.rows("finding") == []


def test_a_finding_of_a_listed_disease_is_not_written(hospital: Any, monkeypatch: Any) -> None:
    def is_listed(code: str | None, label: str | None = None) -> str | None:
        return "hiv" if (label or "").startswith("visual_acuity") else None

    monkeypatch.setattr(partition, "special_category", is_listed)
    hospital.note("N1", "P1", "视力右眼0.5，眼压18mmHg")
    report = hospital.run()
    assert report.findings_special == 1 and report.by_attribute == {"intraocular_pressure": 1}
    assert [f["attribute"] for f in hospital.rows("finding")] == ["intraocular_pressure"]


def titles(hospital: Any) -> dict[str, str | None]:
    return {n["row_key"]: n["title"] for n in hospital.rows("note")}


@pytest.mark.parametrize(
    "title", ["出院小结", "【病程记录】", "Discharge Summary", "现病史", "HPI"]
)
def test_a_known_kind_of_document_leaves(hospital: Any, title: str) -> None:
    key = hospital.note("N1", "P1", "视力右眼0.5", title=title)
    assert hospital.run().titles_withheld == 0
    assert titles(hospital) == {key: title}


@pytest.mark.parametrize("title", ["李建国病程", "Letter to Mr Roe", "病程记录 13812345678", "x"])
def test_a_title_of_few_patients_is_withheld_and_counted(hospital: Any, title: str) -> None:
    key = hospital.note("N1", "P1", "视力右眼0.5", title=title)
    assert hospital.run().titles_withheld == 1
    assert titles(hospital) == {key: None}


def shared(hospital: Any, title: str, patients: int) -> set[str | None]:
    for number in range(patients):
        name = f"Q{number}"
        hospital.patient(name, name=f"测试{number}", national_id=f"9{number}", phone="")
        hospital.note(f"N{number}", name, "视力右眼0.5", title=title)
    hospital.run()
    return set(titles(hospital).values())


def test_a_title_that_many_patients_share_leaves_and_one_patient_less_does_not(
    hospital: Any,
) -> None:
    assert shared(hospital, "眼底门诊随访单", SHARED) == {"眼底门诊随访单"}


def test_one_patient_too_few_keeps_a_title_back(hospital: Any) -> None:
    assert shared(hospital, "眼底门诊随访单", SHARED - 1) == {None}


def test_many_notes_of_one_patient_share_nothing(hospital: Any) -> None:
    for number in range(2 * SHARED):
        hospital.note(f"N{number}", "P1", "视力右眼0.5", title="眼底门诊随访单")
    assert hospital.run().titles_withheld == 2 * SHARED


@pytest.mark.parametrize("title", ["张伟门诊", "随访2024年5月20日", "陈美玲"])
def test_a_shared_title_with_a_name_or_a_number_stays(hospital: Any, title: str) -> None:
    assert shared(hospital, title, SHARED) == {None}


def test_as_many_share_a_title_as_the_strictest_product_asks() -> None:
    assert max(load_product(name).protection.k for name in product_names()) <= SHARED
    assert all(plain_title(title) == title for title in known_titles())
