"""The scorers of dialogues and Chinese clauses count what they say they count."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from benchmarks import cmdd
from benchmarks.cmdd import SiteNames
from benchmarks.score import half_of
from benchmarks.score.sets import clauses_zh, dialogues
from clearward.notes.symptoms.pack import symptom_pack

GOLD = Path(dialogues.FOLDER)


def test_every_gold_dialogue_names_symptoms_of_the_pack_in_three_statuses() -> None:
    for lang in ("en", "zh"):
        found = list(dialogues.dialogues(GOLD / f"dialogues_{lang}.txt"))
        assert len(found) >= 30
        assert {half_of(each.text) for each in found} == {"tuned", "sealed"}
        for each in found:
            assert each.gold and set(each.gold) <= set(symptom_pack().concepts), each.name
            assert set(each.gold.values()) <= {"true", "false", "uncertain"}


def test_a_dialogue_is_judged_pair_by_pair() -> None:
    text = "Doctor: Any cough or fever?\nPatient: Just a cough.\n"
    wrong = dialogues.Dialogue("x", text, {"cough": "true", "fever": "uncertain"})
    counts, misses = dialogues.judge(wrong)
    assert counts == (1, 1, 1)
    assert [(miss.kind, miss.expected, miss.found) for miss in misses] == [
        ("missed", "fever uncertain", ""),
        ("false positive", "", "fever false"),
    ]


def test_every_gold_clause_marks_its_words() -> None:
    found = list(clauses_zh.clauses())
    assert len(found) >= 150
    assert {clause.gold for clause in found} == {"-", *clauses_zh.SAYS}
    assert all(clause.text[clause.start : clause.end] for clause in found)


@pytest.fixture
def paediatric(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two made-up dialogues in the form of the set."""
    folder = tmp_path / "zh" / "cmdd"
    folder.mkdir(parents=True)
    sentences = [
        {"speaker": "医生", "sentence": "宝宝咳吗", "label": "OOBO", "normalized": ["咳嗽"],
         "type": ["2"]},
        {"speaker": "患者", "sentence": "不咳", "label": "OB", "normalized": ["咳嗽"],
         "type": ["2"]},
        {"speaker": "患者", "sentence": "", "label": "", "normalized": [], "type": []},
    ]  # fmt: skip
    with tarfile.open(folder / "train.tar.gz", "w:gz") as archive:
        for number in (10, 9):
            document = {"example-id": f"train_{number}", "dialogue-content": sentences}
            data = json.dumps(document).encode()
            info = tarfile.TarInfo(f"train/train_{number}.json")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    monkeypatch.setenv("CLEARWARD_DATA", str(tmp_path))
    return folder


def test_the_paediatric_set_is_read_in_order_with_places_in_the_text(paediatric: Path) -> None:
    first, second = cmdd.dialogues("train")
    assert (first.name, second.name) == ("train_9", "train_10")
    assert [(first.text[g.start : g.end], g.name, g.status) for g in first.gold] == [
        ("咳", "咳嗽", "false"),
        ("咳", "咳嗽", "false"),
    ]
    assert [turn.speaker for turn in first.turns] == ["doctor", "patient", "patient"]


def test_a_sites_names_are_learned_from_its_labels(paediatric: Path) -> None:
    given = cmdd.dialogues("train")
    names = SiteNames(given)
    assert [mention.name for mention in names.mentions(given[0])] == ["咳嗽", "咳嗽"]
    (one, _) = cmdd.labelled(given, names)
    assert one.labels == ["false", "false"] and one.pairs == {("咳嗽", "false")}
