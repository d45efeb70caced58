from __future__ import annotations

import numpy as np
import pytest

from clearward.errors import ConfigError
from clearward.notes.answers import Mention
from clearward.notes.dialogue import turns
from clearward.notes.document import fold, open_document
from clearward.notes.reader import read_note
from clearward.notes.symptoms.features import BITS, Talk, buckets
from clearward.notes.symptoms.judgement import STATUSES, Verdict
from clearward.notes.symptoms.model import CLASSES, load_model, save_model, status_model
from clearward.notes.symptoms.status import verdicts
from clearward.notes.symptoms.training import Labelled, train

FEATURES, SUM = 166, 41852994
CHILD = "医生：宝宝有没有咳嗽？\n患者：孩子没有咳嗽。\n医生：发热吗？\n患者：宝宝昨天发热了。\n"


def opened() -> tuple[Talk, list[Verdict]]:
    document = open_document(CHILD)
    talk = turns(document.plain)
    found = [("咳嗽", "cough"), ("发热", "fever")]
    places = [(document.plain.index(word), name) for word, name in found]
    mentions = [Mention(at, at + 2, name) for at, name in places]
    return Talk(document.lower, talk, mentions), verdicts(document, talk, mentions)


def labelled(status: str, number: int) -> Labelled:
    word = {"true": "有的", "false": "没有", "uncertain": "不清楚", "": "你好"}[status]
    text = fold(f"医生：宝宝今天有没有咳嗽{number}？\n患者：{word}，医生。\n")
    start = text.index("咳嗽")
    pairs = frozenset({("cough", status)} if status else ())
    return Labelled(text, turns(text), [Mention(start, start + 2, "cough")], [status], pairs)


def test_the_model_learns_from_labelled_dialogues_and_the_same_ones_give_the_same_weights() -> None:
    given = [labelled(status, n) for n in range(8) for status in CLASSES]
    first, second = train(given), train(given)
    assert np.array_equal(first.weights, second.weights)
    assert np.array_equal(first.second, second.second)


def test_a_status_nobody_labelled_cannot_be_learned() -> None:
    with pytest.raises(ConfigError, match="labelled false"):
        train([labelled(status, n) for n in range(3) for status in ("true", "uncertain", "")])


def test_weights_survive_the_file(tmp_path) -> None:
    path = tmp_path / "weights.npz"
    save_model(status_model(), path)
    again = load_model(path)
    assert np.array_equal(again.weights, status_model().weights)
    assert np.array_equal(again.second_bias, status_model().second_bias)


def test_the_shipped_weights_are_numbers_of_the_right_shape() -> None:
    model = status_model()
    assert model.weights.dtype == np.int8 and model.weights.shape == (1 << BITS, len(CLASSES))
    assert model.second.shape == (17, len(STATUSES)) and model.second_bias.shape == (3,)


def test_features_are_buckets_that_never_move() -> None:
    talk, decided = opened()
    row = buckets(talk, 0, decided[0])
    assert row.min() >= 0 and row.max() < 1 << BITS
    assert np.array_equal(row, np.unique(row))
    # the shipped weights are worth nothing when a hash changes: then train anew
    assert (len(row), int(row.sum())) == (FEATURES, SUM)


def test_the_model_speaks_only_of_children() -> None:
    adult = "医生：您有没有咳嗽？\n患者：没有咳嗽。\n医生：发热吗？\n患者：昨天发热了。\n"
    assert not any(f.method == "inferred" for f in read_note(adult))
    assert {f.value_text for f in read_note(CHILD)} == {"cough", "fever"}


@pytest.mark.parametrize("text", ["医生：宝宝好吗？\n患者：宝宝很好。\n", "宝宝宝宝"])
def test_a_dialogue_without_a_symptom_asks_no_model(text: str) -> None:
    assert read_note(text) == []


def test_probabilities_of_a_mention_sum_to_one_and_a_names_are_shares() -> None:
    talk, decided = opened()
    each = status_model().mentions(talk, decided)
    assert each.shape == (2, len(CLASSES)) and np.allclose(each.sum(axis=1), 1)
    names = status_model().names(talk, decided)
    assert set(names) == {"cough", "fever"}
    assert all(((share > 0) & (share < 1)).all() for share in names.values())


def test_a_dialogue_without_mentions_has_no_names() -> None:
    talk, _ = opened()
    empty = Talk(talk.lower, talk.turns, [])
    assert status_model().names(empty, []) == {}
