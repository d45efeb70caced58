from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from clearward.errors import ConfigError
from clearward.notes.reader import read_note
from clearward.notes.symptoms import pack as module
from clearward.notes.symptoms.pack import compile_pack, symptom_pack

DATA = tomllib.loads(Path(module.__file__).with_name("patterns.toml").read_text("utf-8"))
WAYS = [
    pytest.param(name, word, id=f"{name}-{word}")
    for name, body in DATA["concepts"].items()
    for word in (body["en"][0], body["zh"][0])
]


@pytest.mark.parametrize(("name", "word"), WAYS)
def test_a_symptom_is_found_by_its_first_name_in_each_language(name: str, word: str) -> None:
    text = f"Reports {word} today." if word.isascii() else f"患者诉{word}3天。"
    assert name in {f.value_text for f in read_note(text)}


def test_codes_are_icd_10_cm_or_none_and_kinds_are_two() -> None:
    for concept in symptom_pack().concepts.values():
        assert re.fullmatch(r"[A-Z]\d[\dA-Z](?:\.[\dA-Z]{1,4})?|", concept.code), concept.name
        assert concept.kind in ("symptom", "illness")
        assert concept.labels in ("", "eye", "side")


@pytest.mark.parametrize(
    "text",
    [
        "cough syrup", "止咳糖浆", "退烧药", "pain scale", "Mrs. Sob", "anti-nausea drops",
        "anxiety scale", "fever clinic", "头痛门诊", "pneumonia vaccine",
    ],
)  # fmt: skip
def test_a_drug_a_clinic_or_a_scale_is_no_symptom(text: str) -> None:
    assert read_note(text) == []


def test_the_longest_name_wins() -> None:
    assert [f.value_text for f in read_note("no eye pain")] == ["eye_pain"]
    assert [f.value_text for f in read_note("双下肢水肿")] == ["leg_swelling"]


def test_the_side_beside_a_symptom_is_read() -> None:
    assert read_note("右眼视物模糊3天")[0].laterality == "OD"
    assert read_note("pain in the left eye and numbness")[0].laterality == ""
    assert read_note("right-sided weakness")[0].laterality == "R"
    assert read_note("左侧肢体无力2小时")[0].laterality == "L"
    assert read_note("blurred vision in the left eye")[0].laterality == "OS"


def test_short_words_count_only_where_the_talk_is_of_them_already() -> None:
    assert read_note("红，不痒") == []
    talk = "医生：眼睛红吗？\n患者：红。\n医生：还红吗？\n患者：不红了。\n"
    assert [(f.value_text, f.is_negated) for f in read_note(talk)][-1] == ("red_eye", True)
    assert read_note("医生：多大了？\n患者：红本上有，你看。\n") == []


def test_a_word_that_means_two_things_is_refused() -> None:
    body = {"code": "", "en": ["ache"], "zh": []}
    document = DATA | {"concepts": {"one": body, "two": body}}
    with pytest.raises(ConfigError, match="listed twice"):
        compile_pack(document)


def test_every_finding_of_a_symptom_names_its_rule_and_stands_in_the_text() -> None:
    text = "Denies chest pain. 有头痛。"
    for finding in read_note(text):
        assert finding.rule_id == f"symptoms.{finding.value_text}"
        assert finding.pack_version == symptom_pack().version
        assert finding.concept_system == "ICD10CM"
        assert text[finding.start : finding.end] in ("chest pain", "头痛")


def test_a_symptom_without_an_icd_code_has_its_name_as_a_local_code() -> None:
    (finding,) = read_note("Urinary incontinence? No: incontinence.")[:1]
    assert (finding.concept_code, finding.concept_system) == ("incontinence", "CLEARWARD")


def test_a_negated_symptom_in_a_note_follows_its_clause_and_section() -> None:
    found = {f.value_text: f for f in read_note("Denies cough, fever. Has headache.\n")}
    assert found["cough"].is_negated and found["fever"].is_negated
    assert not found["headache"].is_negated
    (seizure,) = read_note("Past Medical History:\nseizures\n")
    assert seizure.temporality == "prior"
