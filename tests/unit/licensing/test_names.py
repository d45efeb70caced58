import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearward.errors import LicenceError
from clearward.licensing.names import (
    check_country,
    check_email,
    check_name,
    check_words,
    licensee_name,
)


@pytest.mark.parametrize(
    "name",
    [
        "Acme Research",
        "Universitätsklinikum Köln",
        "Universitätsklinikum Köln".replace("ö", "o\u0308"),
        "北京协和医院",
        "Институт кардиологии",
        "Ελληνικό Ινστιτούτο",
        "Institut Cœur & Vaisseaux (ICV), S.A.",
        "日本 Data 株式会社",
        "मुंबई हृदय संस्थान",
        "3M",
    ],
)
def test_names_of_the_world_are_taken_and_kept_readable(name):
    kept = check_name(name, "The name")
    assert check_name(kept, "The name") == kept
    assert licensee_name(kept) == licensee_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "  ",
        "---",
        "A" * 129,
        "\ufdfa" * 20,  # one character that NFKC makes eighteen of
        "Acme\u200bResearch",
        "\u202eAcme",
        "Acme\ufeff",
        "Acme\x00",
        "Acme\u00ad Research",
        "Acme\u3164",
        "Acme\ufe0f",
        "\U000e0041cme",
        "Аcme",  # Cyrillic А
        "Αcme Research",  # Greek Α
        "\ud800Acme",
    ],
)
def test_names_that_could_deceive_are_not(name):
    with pytest.raises(LicenceError):
        check_name(name, "The name")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Acme Research", "ACME  research"),
        ("Acme", "ＡＣＭＥ"),
        ("Straße AG", "STRASSE ag"),
        ("Ko\u0308ln", "KÖLN"),
        ("Acme\u00a0Lab", "acme lab"),
        ("ΣΊΣΥΦΟΣ", "Σίσυφος"),
        ("Oﬃce", "office"),
    ],
)
def test_the_same_name_in_another_form_is_the_same_organisation(one, other):
    assert licensee_name(one) == licensee_name(other)


@given(st.text(max_size=40))
def test_what_is_taken_has_one_form_and_nothing_unseen(name):
    try:
        kept = check_name(name, "The name")
    except LicenceError:
        return
    assert kept.isprintable() and 0 < len(kept) <= 128
    assert check_name(kept, "The name") == kept
    assert licensee_name(kept) == licensee_name(name)


@pytest.mark.parametrize(
    "text", ["a@b", "@b.c", "a b@c.de", "a@b@c.de", "a@b\u200b.de", "a,b@c.de", "x" * 250 + "@b.de"]
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(LicenceError):
        check_email(text)


def test_addresses_have_one_form():
    assert check_email(" Ada@Acme.Example ") == "ada@acme.example"


def test_words_keep_their_lines_and_lose_nothing_seen():
    assert check_words("one\r\ntwo\t三 ", "It", most=20) == "one\ntwo\t三"
    for text in ("", " \n", "x" * 21, "a\x1b[31m", "a\u202eb"):
        with pytest.raises(LicenceError):
            check_words(text, "It", most=20)


@pytest.mark.parametrize("text", ["", "D", "DEU", "D1", "ДЕ", "d\u00e9"])
def test_a_country_is_two_latin_letters(text):
    with pytest.raises(LicenceError):
        check_country(text)
    assert check_country(" de ") == "DE"
