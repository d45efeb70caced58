from __future__ import annotations

import pytest

from clearward.notes.dialogue import turns
from clearward.notes.document import fold


def spoken(text: str) -> list[tuple[str, str]]:
    plain = fold(text)
    return [(turn.speaker, plain[turn.start : turn.end].strip()) for turn in turns(plain)]


@pytest.mark.parametrize(
    "text",
    [
        "[doctor] any pain ?\n[patient] no .",
        "Doctor: any pain ?\nPatient: no .",
        "D: any pain ?\nP: no .",
        "DOCTOR - any pain ?\nPATIENT - no .",
        "Dr. Lee: any pain ?\nMr. Brown: no .",
        "**Doctor:** any pain ?\n**Patient:** no .",
        "Clinician: any pain ?\r\nPt: no .",
        "<doctor> any pain ?\n<patient> no .",
        "Doctor A: any pain ?\nPatient 1: no .",
    ],
)
def test_english_tags_name_the_speakers(text: str) -> None:
    assert spoken(text) == [("doctor", "any pain ?"), ("patient", "no .")]


@pytest.mark.parametrize(
    "text",
    [
        "医生：痛吗？\n患者：不痛",
        "医:痛吗?\n患:不痛",
        "【医生】痛吗？\n【患者】不痛",
        "医生 - 痛吗？\r\n患者 - 不痛",
        "医 生：痛吗？\n患 者：不痛",
        "医生（张）：痛吗？\n病人（李）：不痛",
        "医生：痛吗？患者：不痛",
        "大夫：痛吗？\n\n患者：不痛",
    ],
)
def test_chinese_tags_name_the_speakers(text: str) -> None:
    assert spoken(text) == [("doctor", "痛吗?"), ("patient", "不痛")]


@pytest.mark.parametrize(
    "text",
    [
        "Patient: John Smith\nDoctor: Jane Brown\nDate: 2024-01-01\nVA 20/40 OD",
        "Patient Name: X\nDoctor Name: Y\nHow are you?",
        "患者：张三 性别：男\n医生：李四\n主诉：胸痛",
        "主治医师查房：患者诉胸痛。患者：否认心悸",
        "S: pain\nO: BP 120/80\nA: angina\nP: aspirin, and you?",
        "",
    ],
)
def test_a_letter_or_a_note_has_no_turns(text: str) -> None:
    assert spoken(text) == []


def test_a_turn_that_asks_a_clinical_question_is_the_doctors_whatever_its_tag() -> None:
    plain = (
        "[doctor] i've been having some back pain .\n[patient] do you have any numbness ?\n"
        "[doctor] no .\n[patient] okay .\n"
    )
    found = turns(plain)
    assert [turn.speaker for turn in found[:3]] == ["patient", "doctor", "patient"]
    assert [turn.tag for turn in found[:3]] == ["doctor", "patient", "doctor"]


def test_a_whole_dialogue_with_swapped_tags_is_turned_round() -> None:
    plain = fold(
        "患者：您最近有没有胸痛？\n医生：我这两天胸口痛。\n患者：您有没有心慌？\n医生：我头晕得厉害。\n患者：好。\n医生：嗯。\n"
    )
    assert [turn.speaker for turn in turns(plain)] == ["doctor", "patient"] * 3


def test_a_patient_may_ask_without_becoming_a_doctor() -> None:
    plain = "Doctor: Take it twice a day.\nPatient: Is it a stroke?\nDoctor: No.\n"
    assert [turn.speaker for turn in turns(plain)] == ["doctor", "patient", "doctor"]


def test_families_and_nurses_keep_their_names() -> None:
    plain = "Nurse: Any pain?\nGuest_family: He has none.\nDoctor: Good.\n"
    assert [turn.speaker for turn in turns(plain)] == ["nurse", "family", "doctor"]


def test_a_letter_that_only_folds_to_one_of_a_tag_opens_no_turn() -> None:
    assert turns("\u017fon: it hurts, you see\nfam\u0131ly: yes\n") == []
