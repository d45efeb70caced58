from __future__ import annotations

import sys

from hypothesis import given
from hypothesis import strategies as st

from clearward.notes.document import fold, open_document
from clearward.notes.reader import default_engine
from clearward.notes.scan import AutomatonScanner, Hit, Literal, RegexScanner, uncovered

LITERALS = [
    Literal("mRS", "mrs", cased=True),
    Literal("BP", "bp"),
    Literal("视力", "va"),
    Literal("裸眼视力", "ucva"),
    Literal("EF", "ef", cased=True),
    Literal("lv ef", "lvef"),
    Literal("(-)", "minus"),
]
PIECES = ["mRS", "Mrs", "mrs", "BP", "bp", "bpm", "裸眼视力", "视力", "HFrEF", "EF", "LV EF", "ef",
          " ", "5", "。", "(-)", "-", "é", "İ", "x"]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_both_engines_give_the_same_rows(text: str) -> None:
    document = open_document(text)
    fast = AutomatonScanner(LITERALS).scan(document.plain, document.lower)
    slow = RegexScanner(LITERALS).scan(document.plain, document.lower)
    assert fast == slow


def test_a_literal_stands_alone_among_latin_letters_but_not_among_chinese() -> None:
    scanner = AutomatonScanner([Literal("EF", "ef")])
    assert scanner.scan("左室EF值", "左室ef值") == [Hit(2, 4, "ef")]
    assert scanner.scan("HFpEF", "hfpef") == []


def test_a_hit_inside_a_longer_one_is_dropped_and_an_overlapping_one_is_not() -> None:
    hits = AutomatonScanner(LITERALS).scan("裸眼视力", "裸眼视力")
    assert [h.tag for h in hits] == ["ucva", "va"]
    assert [h.tag for h in uncovered(hits)] == ["ucva"]
    overlapping = [Hit(0, 12, "was negative"), Hit(4, 16, "negative for")]
    assert uncovered(overlapping) == overlapping


def test_an_empty_list_finds_nothing() -> None:
    assert AutomatonScanner([]).scan("BP", "bp") == []


def test_folding_and_lowering_never_move_a_character() -> None:
    every = "".join(chr(c) for c in range(sys.maxunicode + 1) if not 0xD800 <= c <= 0xDFFF)
    folded = fold(every)
    assert len(folded) == len(every) == len(folded.lower())
    assert fold("ＢＰ１２０／８０，") == "BP120/80,"


def test_the_packs_share_one_scanner() -> None:
    plain = "BP 120/80, 眼压18"
    assert {h.tag for h in default_engine().scanner.scan(plain, plain.lower())} == {
        "blood_pressure",
        "intraocular_pressure",
    }
