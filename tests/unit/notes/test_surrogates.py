"""One surrogate for one patient, in every form, and nobody's."""

from __future__ import annotations

import re

import pytest

from clearward.notes.document import open_document
from clearward.notes.identifiers import audited, identifiers_of
from clearward.notes.known import KnownPeople
from clearward.notes.names import plain_pinyin
from clearward.notes.scrub import scrub
from clearward.notes.surrogates import Surrogates, _lists

PATIENT = {"first_name": "Lala", "last_name": "Goodwin", "sex": "F", "maiden_name": "Frost",
           "contact_name": "Kim Goodwin", "patient_id": "fe3ddc0f-8aee-afd2"}  # fmt: skip
CHINESE = {"name": "李建国", "sex": "男", "contact_name": "王丽"}


def write(row: dict[str, str], text: str, *, key: bytes = b"k" * 32, who: str = "p1") -> str:
    own = KnownPeople(identifiers_of(row))
    draw = Surrogates(key, who, is_known=own.touches)
    return scrub(open_document(text), known=[own], surrogates=draw, days=0, year=2024).text


def test_every_form_of_a_name_becomes_a_form_of_one_surrogate() -> None:
    first, last = write(PATIENT, "Lala Goodwin").split()
    assert {first, last}.isdisjoint({"Lala", "Goodwin", "Frost", "Kim"})
    for form, expected in (
        ("GOODWIN, LALA", f"{last}, {first}".upper()),
        ("L. Goodwin", f"{first[0]}. {last}"),
        ("Goodwin, L", f"{last}, {first[0]}"),
        ("Ms. Goodwin's eye", f"Ms. {last}'s eye"),
        ("lala goodwin", f"{first} {last}".lower()),
        ("Lala Godwin", f"{first} {last}"),
        ("<given>Lala</given><x>Goodwin</x>", f"<given>{first}</given><x>{last}</x>"),
        ("Lala is a 40 year-old", f"{first} is a 40 year-old"),
    ):  # fmt: skip
        assert write(PATIENT, form) == expected


def test_a_chinese_surrogate_is_one_in_characters_and_in_pinyin() -> None:
    whole = write(CHINESE, "李建国")
    surname, given = whole[0], whole[1:]
    assert len(whole) == 3 and surname != "李"
    for form, expected in (
        ("李 建 国来诊", f"{whole}来诊"),
        ("李先生", f"{surname}先生"),
        ("小李来了", f"小{surname}来了"),
        ("患者李先生于1周前", f"患者{surname}先生于1周前"),
        ("李健国", whole),
    ):
        assert write(CHINESE, form) == expected
    spelled = plain_pinyin(surname).title()
    assert write(CHINESE, "Li Jianguo") == f"{spelled} {plain_pinyin(given).title()}"
    assert write(CHINESE, "LI JIANGUO") == f"{spelled} {plain_pinyin(given)}".upper()


@pytest.mark.parametrize(("sex", "group"), [("F", "female"), ("M", "male")])
def test_a_surrogate_has_the_sex_of_whom_it_stands_for(sex: str, group: str) -> None:
    names = {n for each in _lists()["latin"][group].values() for n in each}
    for who in map(str, range(20)):
        row = {"first_name": "Lala", "last_name": "Goodwin", "sex": sex}
        assert write(row, "Lala Goodwin", who=who).split()[0] in names


def test_another_key_or_another_patient_gives_another_name() -> None:
    same = {write(PATIENT, "Lala Goodwin") for _ in range(3)}
    keys = {write(PATIENT, "Lala Goodwin", key=bytes([n]) * 32) for n in range(12)}
    patients = {write(PATIENT, "Lala Goodwin", who=str(n)) for n in range(12)}
    assert len(same) == 1 and len(keys) > 8 and len(patients) > 8


def test_a_surrogate_is_nobody_the_hospital_knows_however_many_it_knows() -> None:
    surnames = "王李张刘陈杨赵吴徐孙朱胡林郭何罗宋郑"
    crowd = [
        s + g
        for s in surnames
        for g in "芳娜敏静丽艳娟霞秀英桂玉兰珍红梅春淑芬燕玲雪惠佩珊伟强磊军勇杰涛超"
    ]
    known = KnownPeople(i for name in crowd for i in audited(identifiers_of({"name": name})))
    for number in range(60):
        draw = Surrogates(b"k" * 32, str(number), is_known=known.touches)
        assert known.leaks(draw.replace("name", "欧阳伟", 0)) == 0
        assert known.leaks(draw.replace("name", "钱强", 0)) == 0


def test_stand_ins_cannot_belong_to_anybody() -> None:
    text = write({"phone": "13812345678"}, "SSN 123-45-6789, tel 415-867-5309, a.b@mail.com")
    ssn, phone, mail = re.split(r", (?:tel )?", text.removeprefix("SSN "))
    assert ssn.startswith("9") and re.fullmatch(r"\d{3}-555-01\d\d", phone)
    assert mail.endswith("@example.org")


def test_a_made_citizen_number_has_a_wrong_check_digit() -> None:
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    for who in map(str, range(20)):
        number = write({}, "身份证 110101195503072316", who=who).split()[1]
        right = "10X98765432"[
            sum(int(c) * w for c, w in zip(number[:17], weights, strict=True)) % 11
        ]
        assert number[17] != right


def test_the_words_of_a_place_that_say_its_kind_stay() -> None:
    made = write({"address": "12 Oak Street Apt 4"}, "at 12 Oak Street Apt 4")
    assert re.fullmatch(r"at \d\d [A-Z][a-z]+ Street Apt \d", made)
    made = write({}, "现住址：湖北省武汉市武昌区解放路12号2栋501室")
    assert re.fullmatch(r"现住址：..省..市..区..路\d\d号\d栋\d{3}室", made)
    made = write({}, "现住址：海淀区清华路27号院3号楼2单元501室")
    assert re.fullmatch(r"现住址：..区..路\d\d号院\d号楼\d单元\d{3}室", made)


def test_a_run_of_digits_that_is_no_identifier_is_named_by_its_kind() -> None:
    assert write({}, "x " + "7" * 5_000) == "x [ID]"
