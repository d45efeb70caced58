from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from clearward.notes import context_zh
from clearward.notes.context import Context, context_of
from clearward.notes.document import language_at, open_document
from clearward.notes.reader import read_note

DATA = tomllib.loads(Path(context_zh.__file__).with_name("context.zh.toml").read_text("utf-8"))
EXAMPLES = [
    pytest.param(kind, holds, sentence, id=f"{kind}-{index}")
    for kind, rows in DATA["examples"].items()
    for index, (holds, sentence) in enumerate(rows)
]


def judged(marked: str) -> Context:
    before, _, rest = marked.partition("[[")
    words, _, after = rest.partition("]]")
    document = open_document(before + words + after)
    return context_of(document, len(before), len(before) + len(words))


def says(context: Context, kind: str) -> bool:
    return {
        "negation": context.is_negated,
        "uncertain": context.certainty == "uncertain",
        "hypothetical": context.is_hypothetical,
        "family": context.experiencer == "family",
    }.get(kind, context.temporality == kind)


@pytest.mark.parametrize(("kind", "holds", "sentence"), EXAMPLES)
def test_a_trigger_file_reads_its_examples(kind: str, holds: str, sentence: str) -> None:
    assert says(judged(sentence), kind) is bool(holds)


def test_every_kind_has_examples_of_both_sorts() -> None:
    for kind, rows in DATA["examples"].items():
        assert {bool(holds) for holds, _ in rows} == {True, False}, kind
    assert set(DATA["examples"]) == set(DATA) - {"pseudo", "stop", "examples"}


@pytest.mark.parametrize(
    "sentence",
    [
        "无发热、咳嗽、[[胸痛]]",
        "无意识障碍、肢体抽搐及[[大小便失禁]]",
        "否认高血压，糖尿病，[[冠心病]]",
        "无畏寒、无[[发热]]",
    ],
)
def test_a_denial_reaches_over_an_enumeration(sentence: str) -> None:
    assert judged(sentence).is_negated


@pytest.mark.parametrize(
    "sentence",
    [
        "无胸痛，有[[心悸]]",
        "无胸痛，但[[心悸]]",
        "无恶心。[[呕吐]]3次",
        "前房无积血，[[晶状体混浊]]",
        "除[[高血压]]外，否认糖尿病",
    ],
)
def test_a_denial_stops_where_the_next_part_begins(sentence: str) -> None:
    assert not judged(sentence).is_negated


def test_mixed_text_is_read_in_the_language_of_each_segment() -> None:
    text = (
        "患者LVEF 55%、BP 130/80mmHg，无胸痛。\n\n"
        "The patient denies any headache but reports dizziness."
    )
    found = {(f.attribute, f.value_text): f for f in read_note(text)}
    assert {f.lang for f in found.values() if f.attribute != "symptom"} == {"zh"}
    assert found["symptom", "chest_pain"].lang == "zh" and found["symptom", "chest_pain"].is_negated
    headache, dizziness = found["symptom", "headache"], found["symptom", "dizziness"]
    assert headache.lang == dizziness.lang == "en"
    assert headache.is_negated and not dizziness.is_negated
    assert [f.value_num for f in read_note(text) if f.attribute != "symptom"] == [55, 130, 80]


def test_a_note_in_one_language_has_that_language_everywhere() -> None:
    document = open_document("BP 120/80 and more", "en")
    assert language_at(document, 0, 2) == "en"
