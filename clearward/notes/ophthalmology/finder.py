"""Eye values made comparable: acuity in logMAR, pressure in mmHg. Conversions are data in
`va_logmar.toml`; add a notation's arithmetic here.
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

_KINDS = ("PH", "BCVA", "UCVA")
_WORDS = (("nlp", "NLP", ""), ("lp", "LP", ""), ("hm", "HM", "h"), ("cf", "CF", "c"))
_METRES = {"m": 1.0, "米": 1.0, "cm": 0.01, "厘米": 0.01, "ft": 0.3048, "feet": 0.3048,
           "foot": 0.3048, "'": 0.3048}  # fmt: skip


@cache
def conversion() -> Mapping[str, Any]:
    """The table in use, from `va_logmar.toml`."""
    path = Path(__file__).with_name("va_logmar.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))


def readings(attribute: str, value: Value) -> Iterator[Reading]:
    """One reading per value; `num` is None when the notation allows no conversion."""
    if attribute == "intraocular_pressure":
        yield _pressure(value)
    else:
        yield _acuity(value)


def _pressure(value: Value) -> Reading:
    match = value.match
    low = float(match["num"])
    method = value.methods[-1] if value.methods else ""
    if match["num2"] is None:
        return Reading(low, method=method)
    high = float(match["num2"])
    return Reading((low + high) / 2, low, high, method=method)


def _acuity(value: Value) -> Reading:
    notation, logmar, text = _notation(value.match)
    kind = next((kind for kind in _KINDS if kind in value.methods), "unspecified")
    rounded = None if logmar is None else round(logmar, 2) + 0.0
    return Reading(rounded, text=text, method=f"{kind}:{notation}")


def _notation(match: re.Match[str]) -> tuple[str, float | None, str]:
    table = conversion()
    for over, group in ((20, "s20"), (6, "s6")):
        if match[group]:
            size, text = float(match[group]), f"{over}/{match[group]}"
            letters = _letters(match["letters"])
            logmar = math.log10(size / over) - letters * table["letter"] if size else None
            return "snellen", logmar, text + _signed(letters)
    if match["dec"]:
        return _decimal(match["dec"], _letters(match["dletters"]), table)
    if match["etdrs"]:
        letters = int(match["etdrs"])
        return "etdrs", (table["etdrs_zero"] - letters) / 50, f"{letters} letters"
    logmar_text = match["lm1"] or match["lm2"]
    if logmar_text:
        return "logmar", float(logmar_text), logmar_text
    return _qualitative(match, table)


def _decimal(text: str, letters: int, table: Mapping[str, Any]) -> tuple[str, float | None, str]:
    number = float(text)
    low, high = table["five_point"]
    if low <= number <= high:
        logmar = table["five_point_zero"] - number - letters * table["letter"]
        return "five_point", logmar, text + _signed(letters)
    low, high = table["decimal"]
    fits = low <= number <= high
    logmar = -math.log10(number) - letters * table["letter"] if fits else None
    return "decimal", logmar, text + _signed(letters)


def _qualitative(match: re.Match[str], table: Mapping[str, Any]) -> tuple[str, float, str]:
    _, word, prefix = next(item for item in _WORDS if match[item[0]])
    text = word
    if prefix and match[f"{prefix}d"]:
        metres = float(match[f"{prefix}d"]) * _METRES[match[f"{prefix}u"]]
        text = f"{word}@{round(metres * 100)}cm"
    return "qualitative", table["words"][word], text


def _letters(text: str | None) -> int:
    return int(text.replace(" ", "")) if text else 0


def _signed(letters: int) -> str:
    return f"{letters:+d}" if letters else ""
