"""A mention in its dialogue as numbers: hashed character n-grams of what stands round it, who
speaks, what is said next and before. No text is kept: a feature is a bucket of a fixed hash
(Weinberger et al. 2009). What the numbers mean belongs to `model`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from clearward.notes.answers import Mention, polarity
from clearward.notes.dialogue import Turn, turn_at
from clearward.notes.questions import replies
from clearward.notes.symptoms.judgement import STATUSES, Verdict

BITS = 19
SIDE, NEAR, NEXT, BACK, AROUND = 16, 5, 16, 14, 6
_ORDERS = (1, 2, 3)
_ASKS = re.compile(r"[吗呢么?]|有没有|是不是|什么|怎么|多少|几")
_MULTIPLIERS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)
_BASE = 1_000_003
_WORD = 0xFFFFFFFFFFFFFFFF

Buckets = NDArray[np.int64]


class Talk:
    """A dialogue ready for feature reading: n-gram hashes of every position, computed once."""

    def __init__(self, lower: str, turns: Sequence[Turn], mentions: Sequence[Mention]) -> None:
        self.lower, self.turns, self.mentions = lower, turns, mentions
        self.where = [turn_at(turns, mention.start) for mention in mentions]
        self.asks = [bool(_ASKS.search(lower, turn.start, turn.end)) for turn in turns]
        self.same: dict[str, list[int]] = {}
        for index, mention in enumerate(mentions):
            self.same.setdefault(mention.name, []).append(index)
        units = np.frombuffer(lower.encode("utf-32-le"), np.uint32).astype(np.uint64)
        self._grams = [_grams(units, order) for order in _ORDERS]

    def grams(self, start: int, end: int, tag: int) -> list[NDArray[np.uint64]]:
        """Every 1-, 2- and 3-gram inside ``[start, end)``, under a tag."""
        salt = np.uint64((tag + 1) * int(_MULTIPLIERS[2]) & _WORD)
        return [
            grams[start : max(start, end - order + 1)] ^ salt
            for order, grams in zip(_ORDERS, self._grams, strict=True)
        ]

    def words(self, turn: int) -> tuple[int, int]:
        """A turn without the spaces round it."""
        start, end = self.turns[turn].start, self.turns[turn].end
        while start < end and self.lower[start] in " \n\t:":
            start += 1
        while end > start and self.lower[end - 1] in " \n\t":
            end -= 1
        return start, end


def _grams(units: NDArray[np.uint64], order: int) -> NDArray[np.uint64]:
    if len(units) < order:
        return np.zeros(0, np.uint64)
    found = np.zeros(len(units) - order + 1, np.uint64)
    for offset in range(order):
        found = found * np.uint64(_BASE) + units[offset : offset + len(found)] + np.uint64(order)
    found *= _MULTIPLIERS[0]
    return found


def buckets(talk: Talk, index: int, verdict: Verdict) -> Buckets:
    """The buckets of one mention, sorted, each once; shape (n,), values below ``2 ** BITS``."""
    pieces, names = _surroundings(talk, index)
    pieces += _course(talk, index)
    names += _marks(talk, index, verdict)
    hashed = [_fixed(name) for name in names]
    every = np.concatenate([*pieces, np.array(hashed, np.uint64)])
    mixed = (every ^ (every >> np.uint64(29))) * _MULTIPLIERS[1]
    return np.unique((mixed >> np.uint64(64 - BITS)).astype(np.int64))


def _fixed(name: str) -> int:
    """A hash that is the same on every machine and in every run (FNV-1a, 64 bit)."""
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = ((value ^ byte) * 0x100000001B3) & _WORD
    return value


def _surroundings(talk: Talk, index: int) -> tuple[list[NDArray[np.uint64]], list[str]]:
    mention, turn = talk.mentions[index], talk.where[index]
    start, end = talk.words(turn)
    side, lower = int(talk.turns[turn].is_clinician), talk.lower
    left, right = max(start, mention.start - SIDE), min(end, mention.end + SIDE)
    near_left, near_right = max(start, mention.start - NEAR), min(end, mention.end + NEAR)
    pieces = [
        *talk.grams(left, mention.start, 2 + side),
        *talk.grams(mention.end, right, 4 + side),
        *talk.grams(near_left, mention.start, 6 + side),
        *talk.grams(mention.end, near_right, 8 + side),
        *talk.grams(start, end, 10 + side),
    ]
    names = []
    word = lower[mention.start : mention.end]
    for reach in range(1, 7):
        before = lower[max(start, mention.start - reach) : mention.start]
        after = lower[mention.end : min(end, mention.end + reach)]
        names += [f"l{reach}{before}", f"r{reach}{after}"]
        if reach < 3:
            names += [f"b{reach}{before}|{after}", f"wl{word}{before}", f"wr{word}{after}"]
    asks = int(talk.asks[turn])
    names += [f"w{word}", f"ws{side}{word}", f"wsq{side}{asks}{word}"]
    names.append(f"at{int(mention.start == start)}{int(mention.end == end)}")
    return pieces, names


def _course(talk: Talk, index: int) -> list[NDArray[np.uint64]]:
    """What is said next, by whom, and before; where the same name stands again."""
    turn = talk.where[index]
    kind = 2 * int(talk.turns[turn].is_clinician) + int(talk.asks[turn])
    pieces: list[NDArray[np.uint64]] = []
    for step in (1, 2, 3):
        if turn + step < len(talk.turns):
            start, end = talk.words(turn + step)
            who = int(talk.turns[turn + step].is_clinician)
            tag = 100 + step * 10 + kind * 2 + who
            pieces += talk.grams(start, min(end, start + NEXT), tag)
        if step < 3 and turn >= step:
            start, end = talk.words(turn - step)
            who = int(talk.turns[turn - step].is_clinician)
            pieces += talk.grams(max(start, end - BACK), end, 200 + step * 10 + kind * 2 + who)
    for start, end in replies(talk.turns, turn):
        pieces += talk.grams(start, min(end, start + NEXT + 4), 300 + kind)
    for tag, other in _neighbours(talk, index):
        again, its = talk.mentions[other], talk.where[other]
        start, end = talk.words(its)
        salt = 400 + tag * 20 + 2 * kind + int(talk.turns[its].is_clinician)
        pieces += talk.grams(max(start, again.start - AROUND), again.start, salt)
        pieces += talk.grams(again.end, min(end, again.end + AROUND), salt + 10)
    return pieces


def _neighbours(talk: Talk, index: int) -> list[tuple[int, int]]:
    mine = talk.same[talk.mentions[index].name]
    at = mine.index(index)
    return [(0, i) for i in mine[max(0, at - 1) : at]] + [(1, i) for i in mine[at + 1 : at + 2]]


def _marks(talk: Talk, index: int, verdict: Verdict) -> list[str]:
    """What is known beside the words: side, place, company, what the rules say."""
    turn, mention = talk.where[index], talk.mentions[index]
    side, asks = int(talk.turns[turn].is_clinician), int(talk.asks[turn])
    mine = talk.same[mention.name]
    at = mine.index(index)
    told = [int(not talk.turns[talk.where[i]].is_clinician) for i in mine]
    before, after = int(any(told[:at])), int(any(told[at + 1 :]))
    company = [
        m for m, w in zip(talk.mentions, talk.where, strict=True) if w == turn and m != mention
    ]
    word = talk.lower[mention.start : mention.end]
    rule = f"{STATUSES.index(verdict.status)}{verdict.how}"
    said = next((polarity(talk.lower[s:e]) for s, e in replies(talk.turns, turn)), "")
    names = [f"s{side}", f"sq{side}{asks}", f"pb{side}{asks}{before}", f"pa{side}{asks}{after}"]
    names += [
        f"pab{side}{asks}{before}{after}{word}",
        f"n{min(len(mine), 5)}",
        f"first{int(at == 0)}",
    ]
    names += [f"co{side}{talk.lower[m.start : m.end]}" for m in company]
    names += [f"nco{min(len(company), 4)}", f"place{6 * turn // max(1, len(talk.turns))}"]
    names += [f"d{side}{talk.lower[m.start : m.end]}" for m in talk.mentions]
    names += [
        f"rule{rule}",
        f"rule{side}{rule}",
        f"rule{side}{rule}{word}",
        f"said{side}{asks}{said}",
    ]
    names += [
        f"c{side}{int(verdict.context.is_hypothetical)}{verdict.context.certainty}{int(verdict.context.is_negated)}"
    ]
    return names
