"""A text that names a listed disease is found, however it is written; look-alikes are not."""

from __future__ import annotations

import pytest

from clearward.deidentify.special import special_diseases
from clearward.deidentify.special_text import named_category

NAMED = {
    "hiv": (
        "Known HIV, on treatment.", "HIV test negative", "anti-HIV(-)", "HIV1/2 Ab", "HIV阳性",
        "H.I.V. negative", "h i v neg", "ＨＩＶ抗体阴性", "HIV_Ab", "AIDS in 1998",
        "human\nimmunodeficiency  virus", "艾滋病", "否认艾滋病史", "艾 滋\n病", "ICD-10: B20",
    ),
    "sexually_transmitted": (
        "Syphilis ruled out", "neurosyphilis", "S\u00adyphilis", "梅毒", "梅\u200b毒抗体阴性",
        "梅-毒螺旋体", "A53.900",
    ),
    "psychiatric": (
        "History of schizophrenia.", "SCHIZOPHRENIA", "schizo-\nphrenia", "精神分裂症病史",
        "诊断 F32.900", "denies suicidal ideation",
    ),
    "substance_use": ("dependent drug abuse (disorder)", "酒精依赖"),
    "violence": ("victim of intimate partner abuse (finding)", "家庭暴力"),
    "termination_of_pregnancy": ("induced abortion 2010", "人工流产2次"),
}  # fmt: skip
NOT_NAMED = (
    "The age of chivalry.", "archives of shivering beehives", "hearing aids fitted",
    "uses low vision aids", "Gait aids: walking aids", "raids", "biopsy. Phil came along",
    "- screening for drug abuse (procedure)", "Drug Abuse Screening Test-10", "60 tablets X60",
    "T74 vertebra", "视力右眼0.5，眼压18mmHg", "vitamin B12, L4-L5", "", "痴呆 G30.9",
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "category"), [(text, name) for name, texts in NAMED.items() for text in texts]
)
def test_a_text_that_names_a_disease_is_found(text, category):
    assert named_category(text) == category
    assert named_category(f"Vision 20/20 OD. {text} 随访。") == category


@pytest.mark.parametrize("text", NOT_NAMED)
def test_a_look_alike_is_no_disease(text):
    assert named_category(text) is None


@pytest.mark.parametrize("disease", special_diseases(), ids=lambda d: d.name)
def test_every_word_of_the_list_is_found_in_a_text(disease):
    for word in (*disease.words, *disease.whole):
        assert named_category(f"Notes say: {word.upper()}, seen today."), word


def test_a_questionnaire_beside_the_disease_hides_nothing():
    assert named_category("Drug Abuse Screening Test positive; drug abuse.") == "substance_use"
    assert named_category("hearing aids; AIDS") == "hiv"
