"""Direct identifiers are found in any column and any spelling; codes and pseudonyms are not taken
for them."""

import pytest

from clearward.risk.identifiers import find_identifiers

# 110105194912310028: the example of GB 11643, with its check digit; all others are made up
FOUND = {
    "11010519491231002X": "id_card_cn",
    "患者身份证11010519491231002x，男": "id_card_cn",
    "１３８００１３８０００": "phone_cn",
    "tel 138 0013 8000": "phone_cn",
    "+86-13800138000": "phone_cn",
    "(617) 555-0199": "phone_us",
    "617.555.0199": "phone_us",
    "+44 20 7946 0958": "phone_other",
    "010-65123456": "landline_cn",
    "li.wei@example.cn": "e_mail",
    "see https://example.org/p/1": "url",
    "MRN: 0048213": "record_number",
    "住院号：00123456": "record_number",
    "078-05-1120": "social_security",
    "192.168.10.44": "ip_address",
    "6f1c1f0e-3b1c-4d4e-9a51-0d6f3a1b2c3d": "uuid",
    "2024-03-05": "date",
    "seen 2024/3/5 and 1 week later": "date",
    "2024年3月5日": "date",
}
CLEAN = [
    "110105194912310021",  # wrong check digit
    "00612eca53d96487ebe5",
    "73211009",
    "16218291000119100",
    "1950-1969",
    "2020-2024",
    "2024-05",
    "I48.000",
    "E11.300x031+H28.0*",
    "20/40",
    "8480-6",
    "1234567890123",
    "0.3",
    "H01",
    "*",
]


@pytest.mark.parametrize("value", FOUND)
def test_an_identifier_is_found_whatever_the_column_is_called(connection, value):
    found = find_identifiers(connection, f"(SELECT '{value}' AS value, 'x' AS harmless)")
    assert FOUND[value] in found.values
    assert found.columns == ("value",)


@pytest.mark.parametrize("value", CLEAN)
def test_a_code_is_no_identifier(connection, value):
    assert find_identifiers(connection, f"(SELECT '{value}' AS code)").values == {}


def test_a_number_can_be_a_phone_too(connection):
    for kind in ("BIGINT", "DOUBLE"):
        source = f"(SELECT CAST(13800138000 AS {kind}) AS amount)"
        assert find_identifiers(connection, source).values == {"phone_cn": 1}


def test_nested_values_are_read(connection):
    source = "(SELECT ['a', 'b@example.org'] AS tags, {'n': 'c@example.org'} AS box)"
    assert find_identifiers(connection, source).values == {"e_mail": 2}


def test_every_cell_counts_and_none_is_shown(connection):
    found = find_identifiers(connection, "(SELECT 'a@b.cd' AS x FROM range(7))")
    assert found.values == {"e_mail": 7} and found.cells == 7
    assert "a@b.cd" not in repr(found)


@pytest.mark.parametrize(
    "name",
    [
        "patient_name",
        "SSN",
        "home_phone",
        "birth_date",
        "dob",
        "zip",
        "address_line",
        "姓名",
        "mrn",
        "e_mail",
        "longitude",
        "FirstName",
    ],
)
def test_a_column_named_like_an_identifier_is_found(connection, name):
    assert find_identifiers(connection, f'(SELECT 1 AS "{name}")').named == (name,)


@pytest.mark.parametrize(
    "name",
    [
        "patient_key",
        "code",
        "label_en",
        "unit",
        "month",
        "index_year",
        "description",
        "zip_band_share",
        "telemetry",
        "lateral",
        "email_free",
    ],
)
def test_an_ordinary_column_is_not(connection, name):
    allowed = {"zip_band_share", "email_free"}  # these do promise one: better asked than missed
    assert bool(find_identifiers(connection, f'(SELECT 1 AS "{name}")').named) == (name in allowed)


@pytest.mark.parametrize("kind", ["DATE", "TIMESTAMP", "TIMESTAMPTZ", "TIME"])
def test_a_day_of_the_calendar_is_told_by_its_type(connection, kind):
    found = find_identifiers(connection, f"(SELECT CAST(NULL AS {kind}) AS moment)")
    assert found.dated == ("moment",)
