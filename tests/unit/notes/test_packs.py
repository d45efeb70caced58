from __future__ import annotations

import pytest

from clearward.errors import ConfigError
from clearward.notes import patterns
from clearward.notes.patterns import PACKS, load_pack
from clearward.notes.reader import FINDERS, read_note

EXAMPLES = [
    pytest.param(attribute, example, id=f"{attribute}-{index}")
    for name in PACKS
    for attribute, examples in load_pack(name).examples.items()
    for index, example in enumerate(examples)
]
COUNTER_EXAMPLES = [
    pytest.param(attribute, text, id=f"{attribute}-{index}")
    for name in PACKS
    for attribute, texts in load_pack(name).counter_examples.items()
    for index, text in enumerate(texts)
]


@pytest.mark.parametrize(("attribute", "example"), EXAMPLES)
def test_a_pack_reads_its_examples(attribute: str, example: dict) -> None:
    text = example["text"]
    found = [
        [
            text[f.start : f.end],
            f.value_text if f.value_num is None else f.value_num,
            f.laterality,
            f.method,
        ]
        for f in read_note(text)
        if f.rule_id.endswith(f".{attribute}") and f.attribute != "diagnosis"
    ]
    assert found == [list(item) for item in example["found"]]


@pytest.mark.parametrize(("attribute", "text"), COUNTER_EXAMPLES)
def test_a_pack_reads_nothing_in_its_counter_examples(attribute: str, text: str) -> None:
    assert [f.attribute for f in read_note(text) if f.rule_id.endswith(f".{attribute}")] == []


@pytest.mark.parametrize("name", PACKS)
def test_every_attribute_has_examples_of_both_kinds_and_a_finder(name: str) -> None:
    pack = load_pack(name)
    assert name in FINDERS
    for rule in pack.attributes:
        assert pack.examples[rule.name] and pack.counter_examples[rule.name]
        assert rule.code.partition(":")[0] in ("LOINC", "SNOMED", "LOCAL")
        assert rule.minimum <= rule.maximum


def test_every_finding_names_its_rule_its_pack_and_its_engine() -> None:
    for finding in read_note("VA OD 20/40, IOP 16/18, NIHSS 4, mRS 1, EF 55%, BP 120/80, NYHA II"):
        assert finding.rule_id.split(".")[0] == finding.pack_version.split("/")[0]
        assert finding.engine_version


def test_a_broken_pattern_names_its_pack_and_attribute(tmp_path, monkeypatch) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "patterns.toml").write_text(
        'version = "1"\n[attributes.pulse]\ncode = "LOINC:1"\nunit = "1"\nminimum = 1\n'
        'maximum = 2\nopening = 3\ncues = ["x"]\nvalue = "("\nexamples = []\n'
        "counter_examples = []\n"
    )
    monkeypatch.setattr(patterns, "FOLDER", tmp_path)
    with pytest.raises(ConfigError, match="pulse"):
        load_pack("broken")
