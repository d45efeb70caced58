from __future__ import annotations

import pytest

from clearward.notes.reader import read_note
from clearward.notes.symptoms.status import status_of


def after(*turns: str) -> dict[str, str]:
    """Statuses after a dialogue whose turns alternate, the doctor first."""
    tags = ["[doctor] ", "[patient] "]
    text = "".join(f"{tags[i % 2]}{words}\n" for i, words in enumerate(turns))
    return dict(status_of(read_note(text)))


def zh(*turns: str) -> dict[str, str]:
    tags = ["医生：", "患者："]
    text = "".join(f"{tags[i % 2]}{words}\n" for i, words in enumerate(turns))
    return dict(status_of(read_note(text)))


@pytest.mark.parametrize(
    "answer",
    [
        "No.",
        "not really",
        "nope",
        "no , never .",
        "I haven't.",
        "um , no , not that i've noticed",
        "Nothing like that.",
        "I don't think so.",
    ],
)
def test_a_no_denies_what_the_doctor_asked(answer: str) -> None:
    assert after("Do you have any chest pain?", answer) == {"chest_pain": "false"}


@pytest.mark.parametrize(
    "answer",
    [
        "Yes.",
        "yeah since Tuesday",
        "A little bit.",
        "Every morning.",
        "I do.",
        "Sometimes, when I run.",
        "For two weeks.",
    ],
)
def test_a_yes_or_an_amount_affirms_it(answer: str) -> None:
    assert after("Do you have any chest pain?", answer) == {"chest_pain": "true"}


@pytest.mark.parametrize("answer", ["I'm not sure.", "maybe", "I don't know.", "Hard to say."])
def test_a_doubt_leaves_it_open(answer: str) -> None:
    assert after("Do you have any chest pain?", answer) == {"chest_pain": "uncertain"}


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        *((no, "false") for no in ("没有", "没有没有", "不痛", "从来没有")),
        *((yes, "true") for yes in ("有", "有一点", "嗯", "偶尔", "三天了")),
        *((open_, "uncertain") for open_ in ("不太清楚", "没注意", "好像有点")),
    ],
)
def test_a_chinese_answer_decides(answer: str, status: str) -> None:
    assert zh("有没有胸痛？", answer) == {"chest_pain": status}


def test_just_one_of_a_list_denies_the_others() -> None:
    found = after("Any fever, chills or cough?", "Just the cough.")
    assert found == {"fever": "false", "chills": "false", "cough": "true"}
    assert zh("有没有发热、咳嗽？", "就是咳嗽，别的没有。") == {"fever": "false", "cough": "true"}


def test_a_list_is_answered_name_by_name() -> None:
    assert after("Any numbness or tingling?", "numbness yes , tingling no .") == {
        "numbness": "true",
        "tingling": "false",
    }
    assert zh("有没有心慌、气短？", "有点气短，心慌没有。") == {
        "palpitations": "false",
        "shortness_of_breath": "true",
    }


def test_what_a_list_leaves_unsaid_stays_open() -> None:
    assert after("Any nausea or vomiting?", "Yes, some nausea.")["vomiting"] == "uncertain"


def test_one_answer_serves_two_questions_in_a_row() -> None:
    text = "医生：有没有头晕？\n医生：有没有恶心？\n患者：都没有。\n"
    assert status_of(read_note(text)) == {"dizziness": "false", "nausea": "false"}


def test_an_answer_that_asks_back_waits_for_the_next() -> None:
    found = after("Any claudication?", "What do you mean?", "Pain in the calf.", "Yes, I get that.")
    assert found["claudication"] == "true"


def test_a_no_to_a_detail_leaves_the_symptom() -> None:
    assert after("Is the chest pain worse at night?", "No.") == {"chest_pain": "true"}
    assert zh("头痛多久了？", "没多久。") == {"headache": "true"}


def test_what_is_gone_is_false_and_what_is_not_gone_is_true() -> None:
    assert zh("腿肿消了吗？", "消了。") == {"leg_swelling": "false"}
    assert zh("腿肿消了吗？", "没有。") == {"leg_swelling": "true"}
    assert after("How is the cough?", "It's gone.") == {"cough": "false"}
    assert zh("咳嗽好转了吗？", "没有好转。") == {"cough": "true"}


def test_a_warning_or_a_fear_is_no_finding_of_the_patient() -> None:
    assert after("If you get chest pain, call us.", "Okay.") == {"chest_pain": "uncertain"}
    assert zh("如果出现胸痛就来。", "好的。") == {"chest_pain": "uncertain"}
    assert zh("打针以后可能会有眼红。", "好的。") == {"red_eye": "uncertain"}


def test_a_relatives_symptom_is_not_the_patients() -> None:
    assert after("And your father?", "He had chest pain for years.") == {}
    assert zh("您父亲呢？", "他经常胸痛。") == {}


def test_swapped_tags_change_nothing_but_the_confidence() -> None:
    right = read_note("[doctor] do you have any chest pain ?\n[patient] no .\n")
    wrong = read_note("[patient] do you have any chest pain ?\n[doctor] no .\n")
    assert [(f.speaker, f.is_negated) for f in wrong] == [("doctor", True)]
    assert wrong[0].confidence < right[0].confidence


def test_each_finding_keeps_its_speaker_and_how_it_was_decided() -> None:
    found = read_note("Doctor: Any cough?\nPatient: Yes. Fever too.\n")
    assert [(f.value_text, f.speaker, f.method) for f in found] == [
        ("cough", "doctor", "answered"),
        ("fever", "patient", "stated"),
    ]


def test_merged_turns_answer_themselves() -> None:
    text = "[doctor] do you have any back pain no no none at all okay\n[patient] right\n"
    assert status_of(read_note(text)) == {"back_pain": "false"}


def test_no_words_of_another_turn_reach_into_a_statement() -> None:
    text = "医生：没有别的了吧\n患者：我头痛\n"
    assert status_of(read_note(text))["headache"] == "true"


def test_an_unanswered_question_is_open_and_says_so() -> None:
    (finding,) = read_note("Doctor: Any cough?\nPatient: Nice weather.\n")
    assert finding.certainty == "uncertain" and finding.method == "asked"


def test_a_value_in_a_question_is_denied_by_the_answer() -> None:
    found = read_note("Doctor: Was your BP 180/100 at home?\nPatient: No.\n")
    assert len(found) == 2 and all(f.is_negated for f in found)
