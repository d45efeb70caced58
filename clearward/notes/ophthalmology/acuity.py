"""Visual acuity of every notation as logMAR. Conversions are data in `va_logmar.toml`; add a
notation's arithmetic here.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from clearward.notes.finding import Reading
from clearward.notes.grammar import Value
from clearward.notes.numerals import number

_KINDS = ("PH", "BCVA", "UCVA")
_WORDS = (("nlp", "NLP", ""), ("lp", "LP", ""), ("hm", "HM", "h"), ("cf", "CF", "c"))
_METRES = {"m": 1.0, "米": 1.0, "cm": 0.01, "厘米": 0.01, "ft": 0.3048, "feet": 0.3048,
           "foot": 0.3048, "'": 0.3048}  # fmt: skip
_SIGNED = re.compile(r"[+-]\d")
_OVER = (("s20", 20.0), ("s6", 6.0), ("s60", 0.0))


@cache
def conversion() -> Mapping[str, Any]:
    """The table in use, from `va_logmar.toml`."""
    path = Path(__file__).with_name("va_logmar.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))


def acuity(value: Value) -> Iterator[Reading]:
    """Distance acuity; refused when the notation allows no conversion."""
    notation, logmar, text = _notation(value)
    kind = next((kind for kind in _KINDS if kind in value.methods), "unspecified")
    rounded = None if logmar is None else round(logmar, 2) + 0.0
    refused = "not_convertible" if logmar is None else ""
    yield Reading(rounded, text=text, method=f"{kind}:{notation}", refused=refused)


def near_acuity(value: Value) -> Iterator[Reading]:
    """Near acuity in Jaeger sizes; a size without one equivalent keeps its notation alone."""
    size = f"{value.group('jaeger')}{value.group('plus') or ''}"
    yield Reading(conversion()["jaeger"].get(size), text=f"J{size}", method="unspecified:jaeger")


def _notation(value: Value) -> tuple[str, float | None, str]:
    table = conversion()
    for group, over in _OVER:
        size = value.group(group)
        if size:
            distance = over or float(value.group("near") or 0)
            letters = _letters(value.group("letters"))
            return _snellen(distance, size, letters, letter=table["letter"])
    decimal = value.group("dec")
    if decimal and "LogMAR" in value.methods:
        return "logmar", float(decimal), decimal
    if decimal:
        return _decimal(decimal, _letters(value.group("dletters")), table)
    etdrs = value.group("etdrs")
    if etdrs:
        letters = int(etdrs)
        return "etdrs", (table["etdrs_zero"] - letters) / 50, f"{letters} letters"
    logmar = value.group("lm1") or value.group("lm2")
    if logmar:
        return "logmar", float(logmar), logmar
    return _qualitative(value, table)


def _snellen(
    over: float, size: str, letters: int, *, letter: float
) -> tuple[str, float | None, str]:
    below = number(size)
    text = f"{over:g}/{below:g}{_signed(letters)}"
    return "snellen", math.log10(below / over) - letters * letter if below else None, text


def _decimal(text: str, letters: int, table: Mapping[str, Any]) -> tuple[str, float | None, str]:
    figure = float(text)
    low, high = table["five_point"]
    if low <= figure <= high:
        logmar = table["five_point_zero"] - figure - letters * table["letter"]
        return "five_point", logmar, text + _signed(letters)
    low, high = table["decimal"]
    fits = low <= figure <= high
    decimal = -math.log10(figure) - letters * table["letter"] if fits else None
    return "decimal", decimal, text + _signed(letters)


def _qualitative(value: Value, table: Mapping[str, Any]) -> tuple[str, float, str]:
    _, word, prefix = next(item for item in _WORDS if value.group(item[0]))
    text, distance = word, value.group(f"{prefix}d") if prefix else None
    if distance:
        unit = value.group(f"{prefix}u") or "m"
        metres = _distance(distance) * _METRES.get(unit, 1.0)
        text = f"{word}@{round(metres * 100)}cm"
    return "qualitative", table["words"][word], text


def _distance(text: str) -> float:
    return 0.5 if text.startswith("half") else number(text)


def _letters(text: str | None) -> int:
    return sum(int(part) for part in _SIGNED.findall(text.replace(" ", ""))) if text else 0


def _signed(letters: int) -> str:
    return f"{letters:+d}" if letters else ""
