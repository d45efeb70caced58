from __future__ import annotations

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearward.errors import ConfigError
from clearward.notes.document import fold, open_document
from clearward.notes.reader import default_engine
from clearward.notes.scan import Hit, Literal, uncovered
from clearward.notes.scan_engines import ENGINES, engine_name, make_scanner

LITERALS = [
    Literal("mRS", "mrs", cased=True),
    Literal("BP", "bp"),
    Literal("视力", "va"),
    Literal("裸眼视力", "ucva"),
    Literal("EF", "ef", cased=True),
    Literal("lv ef", "lvef"),
    Literal("(-)", "minus"),
    Literal("+/-", "plus"),
    Literal("a.b*", "escape"),
    Literal("不", "no"),
]
PIECES = ["mRS", "Mrs", "mrs", "BP", "bp", "bpm", "裸眼视力", "视力", "HFrEF", "EF", "LV EF", "ef",
          " ", "5", "。", "(-)", "-", "é", "İ", "x", "\U0001f441", "a.b*", "aXbb", "\x00", "\n",
          "不", "Ⅲ", "５"]  # fmt: skip
SCANNERS = {name: make(LITERALS) for name, (_, make) in ENGINES.items()}


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_every_engine_gives_the_same_rows(text: str) -> None:
    document = open_document(text)
    rows = {name: made.scan(document.plain, document.lower) for name, made in SCANNERS.items()}
    assert all(found == rows["regex"] for found in rows.values()), rows


@settings(deadline=None)  # the first call builds every engine
@given(st.text(max_size=60))
def test_every_engine_gives_the_same_rows_of_the_packs_own_cues(text: str) -> None:
    document = open_document(f"BP{text}EF 眼压 {text} NIHSS")
    literals = default_engine().literals
    rows = [made.scan(document.plain, document.lower) for made in _packs(literals)]
    assert rows[0] and all(found == rows[0] for found in rows)


def _packs(literals: tuple[Literal, ...], made: list = []) -> list:  # noqa: B006
    if not made:
        made += [make(literals) for _, make in ENGINES.values()]
    return made


@pytest.mark.parametrize("engine", ENGINES)
def test_a_literal_stands_alone_among_latin_letters_but_not_among_chinese(engine: str) -> None:
    scanner = ENGINES[engine][1]([Literal("EF", "ef")])
    assert scanner.scan("左室EF值", "左室ef值") == [Hit(2, 4, "ef")]
    assert scanner.scan("HFpEF", "hfpef") == []
    assert scanner.scan("EF5", "ef5") == [Hit(0, 2, "ef")]


@pytest.mark.parametrize("engine", ENGINES)
def test_an_empty_list_finds_nothing(engine: str) -> None:
    assert ENGINES[engine][1]([]).scan("BP", "bp") == []


def test_a_hit_inside_a_longer_one_is_dropped_and_an_overlapping_one_is_not() -> None:
    hits = SCANNERS["automaton"].scan("裸眼视力", "裸眼视力")
    assert [h.tag for h in hits] == ["ucva", "va"]
    assert [h.tag for h in uncovered(hits)] == ["ucva"]
    overlapping = [Hit(0, 12, "was negative"), Hit(4, 16, "negative for")]
    assert uncovered(overlapping) == overlapping


def test_the_setting_names_the_engine_and_a_wrong_name_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CLEARWARD_SCAN", "regex")
    assert engine_name() == "regex"
    assert type(make_scanner([])).__name__ == "RegexScanner"
    monkeypatch.setenv("CLEARWARD_SCAN", "grep")
    with pytest.raises(ConfigError, match="no scan engine"):
        engine_name()


def test_without_its_library_an_engine_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLEARWARD_SCAN", raising=False)
    first = engine_name()
    absent = ENGINES[first][0]
    monkeypatch.setattr(
        "clearward.notes.scan_engines.find_spec", lambda module: None if module == absent else 1
    )
    assert engine_name() != first


def test_folding_and_lowering_never_move_a_character() -> None:
    every = "".join(chr(c) for c in range(sys.maxunicode + 1) if not 0xD800 <= c <= 0xDFFF)
    folded = fold(every)
    assert len(folded) == len(every) == len(folded.lower())
    assert fold("ＢＰ１２０／８０，") == "BP120/80,"


def test_the_packs_share_one_scanner() -> None:
    plain = "BP 120/80, 眼压18"
    assert {h.tag for h in default_engine().scanner.scan(plain, plain.lower())} >= {
        "blood_pressure",
        "intraocular_pressure",
    }
