"""What a spec says about its sample: complete, sound, and never by default."""

import pytest

from clearward.errors import ConfigError
from clearward.products import synthesis
from clearward.products.spec import product_names
from clearward.products.synthesis import Banded, Derived, Listed, load_synthesis


@pytest.mark.parametrize("name", product_names())
def test_every_product_states_its_budget(name):
    found = load_synthesis(name)
    assert 0 < found.epsilon <= found.total_epsilon
    assert found.delta <= 1e-5
    assert found.tables["patient"].columns["region_l1"].values


def test_rules_are_read_by_their_kind():
    rule = synthesis._rule
    assert rule("a", {"list": [1, "x"]}, product="p") == Listed(("1", "x"))
    assert rule("a", {"edges": [0, 1], "decimals": 2}, product="p") == Banded((0.0, 1.0), 2)
    assert rule("a", {"bands": [0, 10]}, product="p") == Banded((0.0, 10.0), None)
    assert rule("a", {"sql": "'{product}'"}, product="p") == Derived("'p'")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"lits": ["a"]},
        {"list": ["a"], "decimals": 1},
        {"edges": [1]},
        {"edges": [2, 1]},
        {"edges": [1, 1]},
    ],
)
def test_a_rule_that_cannot_be_read_is_refused(body):
    with pytest.raises(ConfigError):
        synthesis._rule("a", body, product="p")


@pytest.fixture
def spec(tmp_path, monkeypatch):
    """A copy of the spec folder in which one product may be changed."""

    def change(old, new):
        for path in synthesis.SPEC_FOLDER.glob("*.toml"):
            text = path.read_text(encoding="utf-8")
            if path.stem == "cardiology":
                assert old in text
                text = text.replace(old, new)
            (tmp_path / path.name).write_text(text, encoding="utf-8")
        monkeypatch.setattr(synthesis, "SPEC_FOLDER", tmp_path)
        load_synthesis.cache_clear()

    yield change
    load_synthesis.cache_clear()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("delta = 1e-6\n", ""),
        ("delta = 1e-6", "delta = 0.5"),
        ("epsilon = 3.0\ndelta", "epsilon = 30.0\ndelta"),
        ("patient_share = 0.4", "patient_share = 1.4"),
        ("patients = 200", "patients = 0"),
        ("patients = 200", "patiens = 200"),
        ("[synthetic.tables.echo.columns]", "[synthetic.tables.ecco.columns]"),
        ("[synthetic]", "[synthetics]"),
    ],
)
def test_an_unsound_spec_is_refused(spec, old, new):
    spec(old, new)
    with pytest.raises(ConfigError):
        load_synthesis("cardiology")
