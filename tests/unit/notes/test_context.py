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
