from __future__ import annotations

import gzip
import json
import os
import re
from pathlib import Path

import pytest

from clearward.errors import ConfigError
from clearward.notes import read_note
from clearward.notes.diagnoses import pack
from clearward.notes.diagnoses.pack import Diagnosis, diagnoses, rules

LIST = Path(os.environ.get("CLEARWARD_DATA", "../shared/data")) / "zh/opendrg/ZD_INFO.json.gz"
ICD10CM = re.compile(r"[A-TV-Z]\d[\dAB](?:\.[\dA-Z]{1,4})?")
YB = re.compile(r"[A-Z]\d\d\.(?:\d{3}|x\d\d)(?:x\d{3})?(?:\+[A-Z]\d\d(?:\.\d)?\*)?")


def found(text: str) -> list[tuple[str, str]]:
    return [(f.value_text, f.laterality) for f in read_note(text) if f.attribute == "diagnosis"]


def test_there_are_about_three_hundred_of_three_specialties() -> None:
    counts = [d.specialty for d in diagnoses()]
    assert len(counts) >= 300
    assert {s: counts.count(s) > 80 for s in set(counts)} == dict.fromkeys(
        ("ophthalmology", "neurology", "cardiology"), True
    )


def test_every_diagnosis_has_both_codes_and_names_in_both_languages() -> None:
    for item in diagnoses():
        assert ICD10CM.fullmatch(item.cm) and YB.fullmatch(item.yb), item.name
        assert item.en and item.zh and re.fullmatch(r"[a-z0-9_]{2,24}", item.name), item.name
        assert all(re.search("[\u4e00-\u9fff]", text) or text[0].isupper() for text in item.zh)


@pytest.mark.skipif(not LIST.exists(), reason="the 医保 2.0 list is not there: set CLEARWARD_DATA")
def test_every_chinese_code_stands_in_the_list_it_claims() -> None:
    listed = json.loads(gzip.decompress(LIST.read_bytes()))
    assert [item.name for item in diagnoses() if item.yb not in listed] == []


def test_every_icd_10_cm_code_is_valid_where_the_list_is_installed() -> None:
    icd = pytest.importorskip("simple_icd_10_cm")
    assert [item.name for item in diagnoses() if not icd.is_leaf(item.cm)] == []


@pytest.mark.parametrize("item", diagnoses(), ids=lambda item: item.name)
def test_every_spelling_is_read_as_its_diagnosis(item: Diagnosis) -> None:
    for text in (*item.en, *item.cased):
        assert item.name in {name for name, _ in found(f"Assessment: {text}.")}, text
    for text in item.zh:
        assert item.name in {name for name, _ in found(f"诊断：{text}。")}, text


def test_the_language_of_the_text_chooses_the_list() -> None:
    (english,), (chinese,) = (
        [f for f in read_note(text) if f.attribute == "diagnosis"]
        for text in ("Assessment: glaucoma", "诊断：青光眼")
    )
    assert (english.concept_system, english.concept_code) == ("ICD10CM", "H40.9")
    assert (chinese.concept_system, chinese.concept_code) == ("ICD10CN-YB2.0", "H40.900")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Nuclear sclerotic cataract OD", [("nuclear_cataract", "OD")]),
        ("cataract in the left eye", [("cataract", "OS")]),
        ("OD: dense cataract", [("cataract", "OD")]),
        ("glaucoma, right eye.", [("glaucoma", "OD")]),
        ("右眼白内障，左眼青光眼", [("cataract", "OD"), ("glaucoma", "OS")]),
        ("白内障（双眼）", [("cataract", "OU")]),
        ("cataract, left eye glaucoma", [("cataract", ""), ("glaucoma", "OS")]),
    ],
)
def test_the_eye_that_stands_beside_a_disease_is_its_side(text: str, expected: list) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "cataract extraction OS 2015", "scheduled for cataract surgery", "拟行白内障超声乳化术",
        "E-CAD(+)", "stroke volume 60 mL", "heart failure clinic", "withdrawal seizures",
        "NS diabetes insipidus", "portal hypertension", "CVA tenderness", "GBS positive",
        "screening for glaucoma", "脑卒中筛查", "高血压药", "seizure-free", "aneurysm repair",
        "hypertension medication refilled", "ALS ambulance", "sleep apnea assessment (procedure)",
    ],
)  # fmt: skip
def test_a_name_that_is_no_diagnosis_is_not_read(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "negated", "experiencer", "temporality"),
    [
        ("Denies migraine.", True, "patient", "current"),
        ("No evidence of retinal detachment or vitreous hemorrhage.", True, "patient", "current"),
        ("Her mother had glaucoma.", False, "family", "current"),
        ("History of stroke.", False, "patient", "prior"),
        ("否认糖尿病、高血压", True, "patient", "current"),
        ("父亲患高血压", False, "family", "current"),
    ],
)
def test_the_clause_says_whose_it_is_and_when(
    text: str, negated: bool, experiencer: str, temporality: str
) -> None:
    for finding in (f for f in read_note(text) if f.attribute == "diagnosis"):
        assert (finding.is_negated, finding.experiencer, finding.temporality) == (
            negated, experiencer, temporality,
        )  # fmt: skip


def test_the_longest_name_wins_and_a_measurement_in_a_name_is_kept() -> None:
    assert found("paroxysmal atrial fibrillation") == [("paroxysmal_af", "")]
    read = {f.attribute: f for f in read_note("70% carotid stenosis")}
    assert read["stenosis"].value_num == 70 and "diagnosis" in read


def test_a_spelling_of_two_diagnoses_is_refused(tmp_path, monkeypatch) -> None:
    twice = "\n".join(
        f'{name} = {{ cm = "I10", yb = "I10.x00", en = ["high pressure"], zh = ["高压"] }}'
        for name in ("first", "second")
    )
    file = tmp_path / "diagnoses.toml"
    file.write_text(
        f'version = "1"\nrefuse_before = "x$"\nrefuse_after = "x"\n[cardiology]\n{twice}'
    )
    monkeypatch.setattr(pack, "FILE", file)
    for cached in (pack._document, pack.diagnoses):
        cached.cache_clear()
    try:
        with pytest.raises(ConfigError, match="second and first"):
            list(rules())
    finally:
        for cached in (pack._document, pack.diagnoses):
            cached.cache_clear()
