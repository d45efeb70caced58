from __future__ import annotations

import pytest

from benchmarks.score import half_of
from benchmarks.score.gold import FOLDER, Gold, Snippet, snippets
from benchmarks.score.sets import attributes
from benchmarks.score.sets.attributes import Read, is_value

EVERY = [*snippets(*attributes.FILES), *snippets("diagnoses")]


def made(text: str, *gold: Gold) -> Snippet:
    return Snippet("made", "en", text, gold)


def test_every_mark_of_the_gold_closes_and_is_known() -> None:
    assert len(EVERY) > 300 and len({s.name for s in EVERY}) == len(EVERY)
    known = {"", "prior", "target", "planned", "neg", "family", "unc"}
    for snippet in EVERY:
        for gold in snippet.gold:
            assert gold.value and gold.context in known, snippet.name
            assert snippet.text[gold.start : gold.end].strip(), snippet.name


def test_both_halves_hold_both_languages() -> None:
    halves = {(s.lang, half_of(s.name)) for s in EVERY}
    assert halves == {(lang, half) for lang in ("en", "zh") for half in ("tuned", "sealed")}


def test_a_right_value_on_the_wrong_eye_counts_twice_and_once_as_a_value() -> None:
    snippet = made("IOP 16", Gold(4, 6, "intraocular_pressure", "16", "OD", ""))
    read = [Read(4, 6, "intraocular_pressure", 16.0, "", "OS", "")]
    judged = attributes._judge(snippet, read, "intraocular_pressure")
    assert judged.counts == (0, 1, 1) and judged.values == (1, 0, 0)
    assert [miss.kind for miss in judged.misses] == ["wrong value"]


def test_a_finding_nobody_marked_is_a_false_positive() -> None:
    read = [Read(0, 2, "lvef", 55.0, "", "", "")]
    judged = attributes._judge(made("55"), read, "lvef")
    assert judged.counts == (0, 1, 0) and judged.misses[0].kind == "false positive"


@pytest.mark.parametrize(
    ("value", "num", "text", "expected"),
    [("0.3", 0.3, "", True), ("0.3", 0.32, "", True), ("0.3", 0.33, "", False),
     ("T0830", None, "T0830", True), ("CI", 1.0, "CI", True), ("128/76", 128.0, "128/76", True),
     ("NPDR", None, "", False)],
)  # fmt: skip
def test_a_value_is_right_within_its_tolerance(
    value: str, num: float | None, text: str, expected: bool
) -> None:
    assert is_value(Gold(0, 1, "x", value, "", ""), Read(0, 1, "x", num, text, "", "")) is expected


def test_a_mark_that_does_not_close_is_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("benchmarks.score.gold.FOLDER", tmp_path)
    (tmp_path / "broken.txt").write_text("# x1 note\nVA [[20/20|visual_acuity|0.0|OD\n")
    with pytest.raises(ValueError, match="does not close"):
        list(snippets("broken"))
    assert FOLDER.is_dir()
