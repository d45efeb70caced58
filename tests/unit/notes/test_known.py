"""Known people in the forms that notes write them, and words that only look like them."""

from __future__ import annotations

import re

import pytest

from clearward.notes.document import open_document
from clearward.notes.identifiers import audited, identifiers_of
from clearward.notes.known import KnownPeople
from clearward.notes.scrub import scrub
from clearward.notes.squeeze import squeeze
from clearward.notes.surrogates import Surrogates

ROSE = {"first_name": "Rose", "middle_name": "Quinn", "last_name": "Goodwin", "sex": "F",
        "contact_name": "Will Goodwin", "phone": "617-555-0123", "national_id": "999-12-3456",
        "address": "227 Schumm Parade Suite 48", "city": "Orange", "zip": "02139",
        "driver_licence": "S99960207"}  # fmt: skip
JIANGUO = {"name": "李建国", "sex": "男", "phone": "13812345678", "contact_name": "王丽",
           "national_id": "110101195503072316",
           "address": "北京市海淀区中关村大街27号3栋501室"}  # fmt: skip


def taken(row: dict[str, str], text: str) -> list[str]:
    own = KnownPeople(identifiers_of(row))
    document = open_document(text)
    draw = Surrogates(b"k" * 32, "p", is_known=own.touches)
    result = scrub(document, known=[own], surrogates=draw, days=10, year=2024)
    return [text[s.start : s.end] for s in result.spans]


@pytest.mark.parametrize(
    "form",
    ["Rose Goodwin", "GOODWIN, ROSE", "Goodwin, R.", "R. Q. Goodwin", "Rose K. Goodwin",
     "rose goodwin", "Goodwin", "goodwin", "Ｒｏｓｅ Ｇｏｏｄｗｉｎ", "R o s e  G o o d w i n",
     "Good-\nwin", "Rose\nGoodwin", "Rose-Goodwin", "Godwin", "Goodwim", "Goowdin",
     "Rose\u200b Goodwin", "Ms. Goodwin", "Will Goodwin"],
)  # fmt: skip
def test_a_name_is_found_in_whatever_form_it_stands(form: str) -> None:
    text = f"Note about {form} of today"
    gone = {n for piece in taken(ROSE, text) for n in range(*_place(text, piece))}
    words = re.finditer(r"[^\W\d_]+", form)
    start = text.index(form)
    kept = [w[0] for w in words if start + w.start() not in gone]
    assert [word for word in kept if word not in {"Ms", "K"}] == []


def _place(text: str, piece: str) -> tuple[int, int]:
    start = text.index(piece)
    return start, start + len(piece)


@pytest.mark.parametrize(
    "text",
    ["Rose denies pain.", "Rose is a 40 year-old.", "hi , rose . how are you ?",
     "Seen with Rose in clinic", "Name: Rose", "Rose's daughter", "ms rose said so",
     "Will has a history of gout", "Good morning, Will"],
)  # fmt: skip
def test_a_name_that_is_a_word_is_told_by_its_context(text: str) -> None:
    assert [piece.lower() for piece in taken(ROSE, text)] in (["rose"], ["will"])


@pytest.mark.parametrize(
    "text",
    ["Will return in 2 weeks.", "the rose bush", "Rose bengal staining", "blood pressure rose",
     "she will see us", "orange juice", "a good win", "Patient will need surgery"],
)  # fmt: skip
def test_a_word_that_is_also_a_name_stays(text: str) -> None:
    assert taken(ROSE, text) == []


@pytest.mark.parametrize(
    "text",
    ["Parkinson disease", "Parkinson's", "Bell's palsy", "Holter monitor", "Humphrey visual field"],
)
def test_an_eponym_stays_even_where_the_patient_is_called_so(text: str) -> None:
    name = re.split(r"\W", text)[0]
    assert taken({"first_name": "Jane", "last_name": name}, text) == []
    assert taken({"first_name": "Jane", "last_name": name}, f"Mr. {name} came") == [name]


def test_a_name_before_a_word_of_medicine_is_still_a_name() -> None:
    assert taken(ROSE, "Goodwin test results") == ["Goodwin"]
    assert taken(JIANGUO, "李建国病情稳定") == ["李建国"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("患者李建国，男", ["李建国"]),
        ("李 建 国来诊", ["李 建 国"]),
        ("李\n建国来诊", ["李\n建国"]),
        ("李健国来诊", ["李健国"]),
        ("李先生诉头晕", ["李"]),
        ("小李来复诊", ["李"]),
        ("李某既往体健", ["李"]),
        ("家属称建国头痛", ["建国"]),
        ("Li Jianguo was seen", ["Li Jianguo"]),
        ("LI JIAN-GUO was seen", ["LI JIAN-GUO"]),
        ("Jianguo Li was seen", ["Jianguo Li"]),
        ("lǐ jiàn guó was seen", ["lǐ jiàn guó"]),
        ("J. Li was seen", ["J. Li"]),
        ("王丽代诉", ["王丽"]),
        ("电话138 1234 5678。", ["138 1234 5678"]),
        ("电话13812345679。", ["13812345679"]),
        ("身份证110101-1955-0307-2316。", ["110101-1955-0307-2316"]),
        ("后四位2316。", ["2316"]),
        ("住海淀区中关村大街27号。", ["海淀区中关村大街27号"]),
    ],
)
def test_a_chinese_patient_is_found_in_either_script(text: str, found: list[str]) -> None:
    assert taken(JIANGUO, text) == found


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("高敏", "高敏肌钙蛋白I 12ng/L"),
        ("张明", "左房扩张明显"),
        ("项强", "颈项强直阴性"),
        ("安静", "患者安静入睡"),
        ("时强", "小时强化期"),
    ],
)
def test_a_chinese_name_that_words_make_by_accident_stays(name: str, text: str) -> None:
    assert taken({"name": name}, text) == []
    assert taken({"name": name}, f"姓名：{name} 性别：女") == [name]


@pytest.mark.parametrize("text", ["999-12-3457", "S9996O207", "617.555.0124", "999 12 3456"])
def test_a_number_with_one_slip_is_taken(text: str) -> None:
    assert taken(ROSE, f"on file {text} today") == [text]


def test_the_audit_meets_an_accident_as_scrubbing_does_and_a_person_all_the_same() -> None:
    everyone = KnownPeople(audited(identifiers_of({"name": "高敏"})))
    assert everyone.leaks("高敏肌钙蛋白升高") == 0
    assert everyone.leaks("患者高敏，女") == 1
    street = KnownPeople(audited(identifiers_of({"address": "227 Schumm Parade Suite 48"})))
    assert street.leaks("lives at 227 schumm parade") == 1


def test_nobody_known_finds_nobody() -> None:
    assert KnownPeople(()).leaks("Rose Goodwin") == 0
    assert KnownPeople(()).size == 0 and not KnownPeople(()).touches("rose")


@pytest.mark.parametrize("text", ["Na 140, K 4.2", "a Li level of 0.8", "with lithium (Li) since"])
def test_the_symbol_of_an_element_is_nobodys_name_beside_its_value(text: str) -> None:
    known = KnownPeople(identifiers_of({"first_name": "Li", "last_name": "Na"}))
    plain = open_document(text).plain
    assert not list(known.find(plain, squeeze(plain)))
    for person in ("Ms. Na denies pain", "Dr. Li saw", "seen by Na, 45 years"):
        assert list(known.find(person, squeeze(person)))
