"""The words that made notes are drawn from, read from `scrub_words.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Pools:
    """What one half of one language draws from."""

    female: list[str]
    male: list[str]
    last: list[str]
    streets: list[str]
    towns: list[str]
    heads: list[str]
    sentences: list[str]
    medicine: list[str]
    general: dict[str, list[str]]


def _pools(body: dict[str, Any]) -> dict[str, Pools]:
    both = {name: text.strip().splitlines() for name, text in body["both"].items()}
    general = {name: text.strip().splitlines() for name, text in body["general"].items()}
    return {half: Pools(**_half(body[half]), **both, general=general) for half in _HALVES}


def _half(body: dict[str, str]) -> dict[str, list[str]]:
    lines = {"streets", "towns", "sentences"}
    return {
        name: text.strip().splitlines() if name in lines else text.split()
        for name, text in body.items()
    }


def _pairs(text: str) -> dict[str, str]:
    return dict(pair.split(":") for pair in text.split())


_HALVES = ("tuned", "sealed")
_WORDS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
ENGLISH, CHINESE = _pools(_WORDS["en"]), _pools(_WORDS["zh"])
DOUBLE = tuple(_WORDS["readings"]["double"].split())
PINYIN, TONED = _pairs(_WORDS["readings"]["pinyin"]), _pairs(_WORDS["readings"]["toned"])
