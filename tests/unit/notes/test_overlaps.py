"""One mention gives one finding: a symptom inside a diagnosis's name is part of that name."""

import pytest

from clearward.notes import read_note

WORDS = {"diagnosis", "symptom", "illness", "seizure_type"}


def named(text: str) -> list[tuple[str, str]]:
    return [(f.attribute, f.value_text) for f in read_note(text) if f.attribute in WORDS]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("She has migraine headaches.", "migraine"),
        ("Admitted for hypertensive urgency.", "hypertensive_urgency"),
        ("One febrile seizure in childhood.", "febrile_seizure"),
        ("诊断：不稳定型心绞痛。", "unstable_angina"),
        ("青少年肌阵挛癫痫。", "jme"),
        ("Ptosis on the left.", "ptosis"),
    ],
)
def test_a_diagnosis_takes_in_the_words_of_its_name(text: str, name: str) -> None:
    assert named(text) == [("diagnosis", name)]


def test_a_symptom_beside_a_diagnosis_stays() -> None:
    assert named("Migraine, headache since Monday.") == [
        ("diagnosis", "migraine"), ("symptom", "headache"),
    ]  # fmt: skip


def test_in_a_dialogue_a_word_that_is_both_is_what_the_patient_tells_of() -> None:
    found = named("Doctor: Any dry eyes?\nPatient: Yes.\n")
    assert ("symptom", "dry_eyes") in found
