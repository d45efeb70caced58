"""A column renamed, swapped or filled with identifiers does not slip through the door."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from clearward.deidentify.content import is_sctid
from clearward.deidentify.domains import domain, load_domains
from clearward.deidentify.door import deidentify_partition
from clearward.errors import DeidentifyError
from clearward.keyring import init_keyring
from clearward.sources.spec import LEAVES_AT_MOST, load_spec, source_systems
from clearward.warehouse import Warehouse

from .cleared import (
    HOSPITAL,
    MONTH,
    make_row,
    make_settings,
    output_path,
    read_output,
    write_cleared,
    write_subject,
)

NAMES = [f"{a}{b}" for a in "王李张刘陈杨赵黄" for b in ("建国", "淑兰", "志强")]
PEOPLE = [
    {"patient_id": f"RM{number:06d}", "name": name, "phone": f"139{number:08d}"}
    for number, name in enumerate(NAMES)
]


@pytest.fixture
def settings(tmp_path):
    made = make_settings(tmp_path)
    write_subject(made, "0" * 20)
    return made


@pytest.fixture
def keyring(settings):
    return init_keyring(settings.keyring)


def his(name):
    system = load_spec("his")
    return system, system.table(name)


def write_people(settings, **columns):
    """Raw patients of the hospital: whom the door knows."""
    place = Warehouse(settings.warehouse)
    path = place.partition("raw", "his__patients", month=MONTH, hospital=HOSPITAL)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = [column.name for column in his("patients")[1].columns if column.type == "text"]
    rows = [{**dict.fromkeys(text), **person} for person in PEOPLE]
    pq.write_table(pa.Table.from_pylist(rows), path)


def pass_his(settings, keyring, name, own):
    """Pass one row per person, with ``own(person)`` as its cells."""
    system, table = his(name)
    rows = [
        make_row(keyring, table, n, patient_id=person["patient_id"], **own(person))
        for n, person in enumerate(PEOPLE)
    ]
    write_cleared(settings, system, table, rows)
    return deidentify_partition(settings, keyring, hospital=HOSPITAL, month=MONTH)


COLUMNS = [
    ("visits", "department"),
    ("visits", "class"),
    ("patients", "sex"),
    ("patients", "ethnic_group"),
    ("diagnoses", "description"),
    ("diagnoses", "code"),
    ("labs", "item_name"),
    ("labs", "unit"),
    ("eye_exams", "va_corrected"),
]
IDENTIFIERS = {
    "a name": lambda person: person["name"],
    "a record number": lambda person: person["patient_id"],
    "a telephone number": lambda person: person["phone"],
    "a national id": lambda person: "11010519491231" + person["patient_id"][-3:] + "X",
    "an e-mail address": lambda person: f"{person['patient_id'].lower()}@mail.example",
}


@pytest.mark.parametrize("identifier", IDENTIFIERS)
@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_a_kept_column_that_holds_an_identifier_stops_the_month(
    settings, keyring, table, column, identifier
):
    write_people(settings)
    with pytest.raises(DeidentifyError, match="does not hold what its spec says") as raised:
        pass_his(settings, keyring, table, lambda p: {column: IDENTIFIERS[identifier](p)})
    assert column in str(raised.value)
    assert not any(
        p["name"] in str(raised.value) or p["phone"] in str(raised.value) for p in PEOPLE
    )
    assert not output_path(settings, f"his__{table}").exists()


def test_without_any_known_person_a_column_of_names_is_refused_all_the_same(settings, keyring):
    with pytest.raises(DeidentifyError, match="does not hold"):
        pass_his(settings, keyring, "labs", lambda p: {"item_name": p["name"]})


def test_two_swapped_columns_are_refused(settings, keyring):
    write_people(settings)
    with pytest.raises(DeidentifyError, match="sex"):
        pass_his(settings, keyring, "patients", lambda p: {"sex": p["name"], "name": "女"})


def test_one_name_in_a_label_is_withheld_and_counted(settings, keyring):
    write_people(settings)
    first = PEOPLE[0]
    label = f"高血压（{first['name']}）"
    report = pass_his(
        settings, keyring, "diagnoses", lambda p: {"description": label} if p is first else {}
    )
    assert report.tables[0].withheld == {"description": 1}
    labels = [row["description"] for row in read_output(settings, "his__diagnoses")]
    assert labels.count(None) == 1 and label not in labels


def test_a_hospitals_own_word_leaves_only_when_several_patients_share_it(settings, keyring):
    shared = {p["patient_id"] for p in PEOPLE[:5]}

    def item(person):
        if person["patient_id"] in shared:
            return {"item_name": "院内自制项目甲"}
        return {"item_name": "某项"} if person is PEOPLE[9] else {}

    report = pass_his(settings, keyring, "labs", item)
    names = [row["item_name"] for row in read_output(settings, "his__labs")]
    assert names.count("院内自制项目甲") == 5 and "某项" not in names
    assert report.tables[0].withheld["item_name"] == 1


def test_a_number_out_of_its_range_is_withheld(settings, keyring):
    number = iter(range(100))
    pass_his(
        settings,
        keyring,
        "front_sheet",
        lambda p: {"los_days": 13_800_138_000 if next(number) == 0 else 4},
    )
    days = [row["los_days"] for row in read_output(settings, "his__front_sheet")]
    assert days.count(None) == 1 and 13_800_138_000 not in days


@pytest.mark.parametrize("letter", ["", "M"])
def test_short_numbers_that_nobody_shares_are_no_codes(settings, keyring, letter):
    system, table = his("diagnoses")
    rows = [
        make_row(keyring, table, n, patient_id=f"P{n}", code=f"{letter}{10_000 + n}")
        for n in range(120)
    ]
    write_cleared(settings, system, table, rows)
    with pytest.raises(DeidentifyError, match="short numbers"):
        deidentify_partition(settings, keyring, hospital=HOSPITAL, month=MONTH)


@pytest.mark.parametrize("code", ["G40909", "I2510", "S72001A", "02703ZZ", "41401", "V4581"])
def test_codes_of_billing_files_leave_without_their_dot(settings, keyring, code):
    system, table = his("diagnoses")
    rows = [make_row(keyring, table, n, patient_id=f"P{n}", code=code) for n in range(12)]
    write_cleared(settings, system, table, rows)
    deidentify_partition(settings, keyring, hospital=HOSPITAL, month=MONTH)
    left = {row["code"] for row in read_output(settings, "his__diagnoses") if row["op"] == "I"}
    assert left == {code}


@pytest.mark.parametrize("code", ["73211009", "44054006", "160903007", "1551000119108"])
def test_a_snomed_code_has_its_check_digit(code):
    assert is_sctid(code)
    assert not is_sctid(code[:-1] + str((int(code[-1]) + 1) % 10))


@pytest.mark.parametrize("name", source_systems())
def test_every_column_has_a_level_and_every_kept_one_a_domain_and_a_low_level(name):
    columns = [column for table in load_spec(name).tables for column in table.columns]
    assert {column.level for column in columns} <= {1, 2, 3, 4, 5}
    kept = [column for column in columns if column.treatment == "keep"]
    assert kept
    for column in kept:
        assert column.level <= LEAVES_AT_MOST, column.name
        one = domain(column.domain)
        assert bool(one.range) == (column.type == "integer"), column.name


def test_every_domain_is_used_and_says_something():
    used = {
        c.domain for name in source_systems() for t in load_spec(name).tables for c in t.columns
    }
    assert set(load_domains()) == used - {""}
    for one in load_domains().values():
        assert one.values or one.forms or one.labels or one.range
