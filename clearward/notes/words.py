"""Words that may be somebody's name: in which of them a known name needs context, and which Chinese
words a two-character name can be cut out of. The context itself belongs to `lone`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import ahocorasick

_REACH = 6


@dataclass(frozen=True)
class _Words:
    ordinary: frozenset[str]
    eponyms: frozenset[str]
    chinese: frozenset[str]
    automaton: ahocorasick.Automaton
    lists: Mapping[str, frozenset[str]]


@cache
def _words() -> _Words:
    path = Path(__file__).with_name("ordinary_words.toml")
    lists = {
        key: text.split() for key, text in tomllib.loads(path.read_text(encoding="utf-8")).items()
    }
    automaton = ahocorasick.Automaton(ahocorasick.STORE_LENGTH)
    for word in lists["chinese"]:
        automaton.add_word(word)
    automaton.make_automaton()
    return _Words(
        ordinary=frozenset(lists["english"] + lists["drugs"]),
        eponyms=frozenset(lists["eponyms"]),
        chinese=frozenset(lists["chinese"]),
        automaton=automaton,
        lists={key: frozenset(words) for key, words in lists.items()},
    )


def word_list(key: str) -> frozenset[str]:
    """One list of `ordinary_words.toml`."""
    return _words().lists[key]


def is_word(text: str) -> bool:
    """Whether a squeezed name is also a word, a drug or an eponym."""
    words = _words()
    return text in words.ordinary or text in words.eponyms or text in words.chinese


def is_eponymous(text: str) -> bool:
    """Whether a squeezed name is that of a disease, sign, scale or test."""
    return text in _words().eponyms


def is_no_employer(text: str) -> bool:
    """Whether what stands for an employer names nobody: retired, farmer, none."""
    return text.strip().lower() in word_list("no_employer")


def is_cut_from_words(plain: str, start: int, end: int) -> bool:
    """Whether two Chinese characters belong to longer words around them: 高敏 in 高敏肌钙蛋白,
    张明 in 扩张明显. A word that only begins inside proves nothing: names stand before words."""
    low = max(0, start - _REACH)
    window = plain[low : end + _REACH]
    for last, size in _words().automaton.iter(window):
        stop = low + last + 1
        begin = stop - size
        if begin < start < stop or (begin == start and stop > end):
            return True
    return False
