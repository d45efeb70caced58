from __future__ import annotations

import pytest

from clearward.notes.context import context_of
from clearward.notes.document import open_document
from clearward.notes.reader import read_note, read_text


def context(text: str, phrase: str):
    start = text.index(phrase)
    return context_of(open_document(text), start, start + len(phrase))


@pytest.mark.parametrize(
    ("text", "phrase", "negated"),
    [
        ("No evidence of macular edema.", "macular edema", True),
        ("She denies chest pain but reports dyspnea.", "chest pain", True),
        ("She denies chest pain but reports dyspnea.", "dyspnea", False),
        ("No increase in edema.", "edema", False),
        ("Nausea resolved.", "Nausea", True),
        ("No fever. Cough present.", "Cough", False),
        ("MRI with and without contrast shows infarct.", "infarct", False),
        ("未见黄斑水肿，OCT正常", "黄斑水肿", True),
        ("非ST段抬高型心肌梗死", "心肌梗死", False),
        ("无明显诱因出现胸痛", "胸痛", False),
        ("否认胸痛。今有心悸", "心悸", False),
        ("肝炎标志物阴性", "肝炎标志物", True),
    ],
)
def test_negation_keeps_to_its_scope(text: str, phrase: str, negated: bool) -> None:
    assert context(text, phrase).is_negated is negated


@pytest.mark.parametrize(
    ("text", "temporality"),
    [
        ("target IOP 15 OD", "target"),
        ("目标眼压18mmHg", "target"),
        ("IOP today 15 OD", "current"),
        ("EF was previously 35%", "prior"),
        ("既往史：LVEF 35%", "prior"),
        ("发病前mRS评分1分", "prior"),
        ("VA improved from 20/400 to 20/40 OD", "prior"),
    ],
)
def test_time_is_read_from_the_clause_or_its_section(text: str, temporality: str) -> None:
    assert read_note(text)[0].temporality == temporality


def test_only_the_value_after_from_is_prior() -> None:
    found = read_note("VA decreased from 20/40 to 20/400, OD")
    assert [(f.value_num, f.temporality, f.laterality) for f in found] == [
        (0.3, "prior", "OD"),
        (1.3, "current", "OD"),
    ]


def test_a_relative_is_not_the_patient() -> None:
    assert read_note("Family History:\nfather had EF 20%")[0].experiencer == "family"
    assert read_note("母亲血压180/100mmHg")[0].experiencer == "family"
    assert read_note("BP 120/80")[0].experiencer == "patient"


def test_a_patients_no_denies_what_the_doctor_asked() -> None:
    text = "[doctor] was your bp 180/100 at home ?\n[patient] no , never .\n"
    found = read_note(text)
    assert len(found) == 2 and all(f.is_negated and f.speaker == "doctor" for f in found)
    text = text.replace("no , never", "yes")
    assert not any(f.is_negated for f in read_note(text))


def test_the_section_is_named() -> None:
    found = read_note("# Vital Signs\nBP 120/80\n\n# Assessment\nNYHA II")
    assert [f.section for f in found] == ["vitals", "vitals", "assessment"]
    assert read_note("体格检查：血压120/80mmHg")[0].section == "exam"


def test_an_implausible_value_is_refused_with_its_reason_and_not_lost() -> None:
    reading = read_text("IOP 99 OD, NIHSS 43, NYHA class II-I")
    assert [(r.attribute, r.reason) for r in reading.rejects] == [
        ("intraocular_pressure", "out_of_range"),
        ("nihss_total", "out_of_range"),
        ("nyha_class", "range_inverted"),
    ]
    assert reading.findings == ()


def test_the_same_text_gives_the_same_answer_and_spans_are_of_the_text() -> None:
    text = "视力右０．５ BP １２０／８０ LVEF≥50% EF <35%"
    first, second = read_text(text), read_text(text)
    assert first == second
    assert [text[f.start : f.end] for f in first.findings] == [
        "０．５", "１２０／８０", "１２０／８０", "≥50%", "<35%",
    ]  # fmt: skip
    assert [f.comparator for f in first.findings][3:] == [">=", "<"]


@pytest.mark.parametrize(
    "text",
    [
        "No acute distress, BP 150/90.",
        "Denies chest pain\nBP 120/80",
        "history of MI, BP 120/80",
        "possible pneumonia, BP 120/80",
        "Goal LDL <70, BP 130/80",
        "BP 120/80, thrombus not seen",
        "BP 120/80 (no orthostasis)",
        "Her mother has glaucoma, BP 120/80",
        "BP was not elevated at 120/80",
        "EF 60% three years ago, today BP 130/80",
    ],
)
def test_a_comma_ends_what_was_said_before_a_value(text: str) -> None:
    found = [f for f in read_note(text) if f.attribute == "blood_pressure_systolic"]
    assert [(f.is_negated, f.certainty, f.temporality, f.experiencer) for f in found] == [
        (False, "certain", "current", "patient")
    ]


@pytest.mark.parametrize(
    ("text", "times"),
    [
        ("At last visit, IOP was 22 OD.", ["prior"]),
        ("Previously, IOP 22 OD", ["prior"]),
        ("Prior IOP: 22 OD, 24 OS", ["prior", "prior"]),
        ("IOP: 15 OD today and 22 OD last visit", ["current", "prior"]),
        ("EF 60% three years ago, repeat EF 30%", ["prior", "current"]),
        ("EF was 35% in 2009, now 55%", ["prior", "current"]),
        ("Goal IOP 14 OD", ["target"]),
        ("Goal BP <130/80, BP 150/90", ["target", "target", "current", "current"]),
        ("目标眼压18mmHg，眼压：20/21mmHg", ["target", "current", "current"]),
        ("PAST MEDICAL HISTORY: CHF, EF 20%. ECHO: EF 60%", ["prior", "current"]),
    ],
)
def test_words_of_time_belong_to_their_own_value(text: str, times: list[str]) -> None:
    measured = [f for f in read_note(text) if f.attribute != "diagnosis"]
    assert [f.temporality for f in measured] == times


def test_what_is_denied_before_the_cue_is_denied() -> None:
    assert all(f.is_negated for f in read_note("He denies ever having BP 200/100"))


def test_a_header_in_capitals_inside_a_line_opens_a_section_and_an_unknown_one_ends_it() -> None:
    text = "FAMILY HISTORY: none. DEVICE CHECK: BP 120/80. VITALS: BP 130/80"
    found = read_note(text)
    assert [f.section for f in found] == ["", "", "vitals", "vitals"]
    assert {f.experiencer for f in found} == {"patient"}
