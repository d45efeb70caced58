"""What a spec tells catalogues: read exactly, and never filled in."""

import pytest

from clearward.errors import ConfigError
from clearward.products.record import Party, Record, read_record


def test_a_spec_without_a_record_has_an_empty_one():
    assert read_record(None) == Record()
    assert not any(vars(Record())[name] for name in vars(Record()) if name not in PARTIES)
    assert Record().publisher == Party("", "", "", "")


PARTIES = ("publisher", "contact", "access_body")


def test_each_field_is_read_in_its_form():
    found = read_record(
        {
            "base": "https://x.example/",
            "publisher": {"name": "P", "email": "p@x.example"},
            "themes": ["HEAL"],
            "population": {"en": "all", "zh": "全部"},
        }
    )
    assert found.publisher == Party("P", "p@x.example")
    assert found.themes == ("HEAL",)
    assert found.population == {"en": "all", "zh": "全部"}


@pytest.mark.parametrize(
    "body",
    [
        {"publsher": {"name": "P"}},
        {"publisher": "P"},
        {"publisher": {"name": "P", "phone": "1"}},
        {"themes": "HEAL"},
        {"themes": [1]},
        {"base": ["https://x.example/"]},
        {"dataset_type": ["PERSONAL_DATA"]},
        {"population": {"en": "all"}},
        {"population": "all"},
        {"frequency": 12},
    ],
)
def test_another_form_or_an_unknown_field_is_refused(body):
    with pytest.raises(ConfigError, match=r"\[record\]"):
        read_record(body)
