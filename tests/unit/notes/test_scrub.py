from __future__ import annotations

import pytest

from clearward.notes.document import open_document
from clearward.notes.identifiers import identifiers_of
from clearward.notes.phi import PhiSpan
from clearward.notes.scrub import KnownPeople, merge, scrub
from clearward.notes.surrogates import Surrogates
from clearward.notes.textdates import shifted_dates

ENGLISH = {"first_name": "Lala", "middle_name": "Quinn", "last_name": "Goodwin",
           "maiden_name": "Frost", "phone": "617-555-0123", "address": "12 Oak Street Apt 4",
           "city": "Orange", "national_id": "999-12-3456", "zip": "02139"}  # fmt: skip
CHINESE = {"name": "欧阳建国", "phone": "13812345678", "national_id": "110101195503072316",
           "address": "北京市海淀区中关村大街27号", "employer": "首都钢铁公司",
           "contact_name": "王小丽"}  # fmt: skip
OWN = KnownPeople([*identifiers_of(ENGLISH), *identifiers_of(CHINESE)])
STAFF = KnownPeople(
    [*identifiers_of({"name": "Susan Q. Miller"}, staff=True),
     *identifiers_of({"name": "张伟"}, staff=True)]
)  # fmt: skip


def scrubbed(text: str, days: int = 10):
    surrogates = Surrogates(b"k" * 32, "note", is_known=OWN.touches)
    return scrub(
        open_document(text), known=[OWN, STAFF], surrogates=surrogates, days=days, year=2024
    )


@pytest.mark.parametrize(
    "secret",
    ["Lala Goodwin", "GOODWIN, LALA", "L. Goodwin", "Lala Q. Goodwin", "lala", "Goodwin, L",
     "Frost", "617.555.0123", "(617) 555-0123", "12 Oak Street", "999-12-3456", "999 12 3456",
     "02139", "Susan Miller", "欧阳建国", "欧阳 建国", "13812345678", "138-1234-5678",
     "１３８１２３４５６７８", "110101195503072316", "中关村大街27号", "首都钢铁公司", "王小丽",
     "欧阳先生", "a.b@mail.org", "https://x.org/p?id=3", "110101199001011234", "张伟"],
)  # fmt: skip
def test_an_identifier_in_any_form_is_gone(secret: str) -> None:
    result = scrubbed(f"Seen: {secret} , 复诊")
    assert secret.removesuffix("先生") not in result.text
    assert result.text.startswith("Seen: ") and result.text.endswith(" , 复诊")
    assert len(result.spans) == 1


@pytest.mark.parametrize(
    "text",
    ["Parkinson disease since long", "帕金森病，黄斑水肿，白内障", "orange juice daily",
     "planned follow up", "Goldmann tonometry 16", "全科医生建议复查", "in 2019 she had a stroke",
     "BP 120/80, VA 20/40, EF 55-60%", "45-year-old", "主治医师查房记录"],
)  # fmt: skip
def test_medicine_is_left_alone(text: str) -> None:
    assert scrubbed(text).text == text


@pytest.mark.parametrize(
    ("text", "kind", "secret"),
    [
        ("Dr. Parkes saw him", "name", "Parkes"),
        ("Electronically signed by: Jane Roe", "name", "Jane Roe"),
        ("医师签名：李晓明", "name", "李晓明"),
        ("家属赵春花代诉", "name", "赵春花"),
        ("孙主任查房", "name", "孙"),
        ("MRN: 12345", "id", "12345"),
        ("住院号：Z20240012", "id", "Z20240012"),
        ("SSN 123-45-6789", "id", "123-45-6789"),
        ("call 415-555-0199 today", "phone", "415-555-0199"),
        ("电话：010-62345678", "phone", "010-62345678"),
        ("lives at 44 Elm Hill Road", "address", "44 Elm Hill Road"),
        ("a 93-year-old man", "age", "93"),
        ("年龄：101岁", "age", "101"),
    ],
)
def test_general_patterns_catch_what_no_list_knows(text: str, kind: str, secret: str) -> None:
    result = scrubbed(text)
    assert secret not in result.text
    assert [(s.kind, text[s.start : s.end]) for s in result.spans] == [(kind, secret)]


def test_an_age_over_89_is_pooled() -> None:
    assert scrubbed("a 93-year-old man").text == "a 90+-year-old man"


@pytest.mark.parametrize(
    ("text", "moved"),
    [
        ("2024-05-28", "2024-06-07"),
        ("2024/5/28", "2024/6/7"),
        ("2023年12月28日", "2024年1月7日"),
        ("5月28日", "6月7日"),
        ("05/28/2024", "06/07/2024"),
        ("28/05/24", "07/06/24"),
        ("May 28, 2024", "June 7, 2024"),
        ("28 Feb 2024", "9 Mar 2024"),
        ("20240528", "20240607"),
        ("seen on 5/28", "seen on 6/7"),
    ],
)
def test_a_date_moves_by_the_patients_days_and_keeps_its_form(text: str, moved: str) -> None:
    assert scrubbed(text).text == moved


def test_what_is_no_date_stays() -> None:
    assert list(shifted_dates("2024-13-45, 120/80, 1.2.3, 20/40, 10/12", 10, year=2024)) == []


def test_the_same_name_gives_the_same_surrogate_on_each_run() -> None:
    text = "Lala Goodwin. " * 12
    first, second = scrubbed(text), scrubbed(text)
    assert first == second
    assert len(set(first.text.split(". "))) == 2


def test_the_audit_sees_what_scrubbing_missed_in_any_form() -> None:
    everyone = KnownPeople(i for i in identifiers_of(CHINESE) if i.audited)
    for text in ("欧阳 建国来诊", "138 1234 5678", "１１０１０１１９５５０３０７２３１６"):
        assert everyone.leaks(open_document(text).plain) == 1
    assert everyone.leaks("欧阳主任") == 0


def test_spans_that_overlap_leave_no_part_behind() -> None:
    assert merge([PhiSpan("id", 0, 5), PhiSpan("name", 3, 20), PhiSpan("date", 30, 31)]) == [
        PhiSpan("name", 0, 20),
        PhiSpan("date", 30, 31),
    ]


def test_spans_of_findings_move_with_the_text() -> None:
    text = "Lala Goodwin BP 120/80 on 2024-05-28 EF 55%"
    result = scrubbed(text)
    start = text.index("EF")
    (moved, gone) = result.moved([(start, start + 6), (0, 4)])
    assert moved is not None and result.text[slice(*moved)] == "EF 55%"
    assert gone is None


def test_an_organisation_is_looked_for_whole() -> None:
    known = identifiers_of({"organisation_name": "The Hospital of Lynn"}, staff=True)
    assert [item.text for item in known] == ["thehospitaloflynn"]


@pytest.mark.parametrize(
    "text",
    ["138 0000 0000", "110105-1949-1231-002X", "id 123456789", "call (415) 555-0199",
     "微信号：abc_12345", "车牌京A12345", "６２２２０２７５２６９１６３４４"],
)  # fmt: skip
def test_a_number_keeps_its_shape_and_nothing_else(text: str) -> None:
    result = scrubbed(text)
    (span,) = result.spans
    old, new = text[span.start : span.end], result.text[span.start :]
    assert len(new) == len(old) and new != old
    assert [c.isdigit() for c in new] == [c.isdigit() for c in old] or "X" in old or "_" in old
