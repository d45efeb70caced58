"""What stands where an identifier stood. A name becomes another name of the same script and shape,
drawn anew at each place: a name kept the same through a note would single out the ones that were
missed (Carrell et al. 2020). Other kinds become a placeholder.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from clearward.notes.squeeze import squeeze_value

TRIES = 8
_CJK = re.compile(r"[\u3400-\u9fff]")


@cache
def _lists() -> Mapping[str, Any]:
    path = Path(__file__).with_name("surrogates.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))


class Surrogates:
    """Draws the surrogates of one note from HMAC-SHA256(key, note key): same note, same text."""

    def __init__(self, key: bytes, note_key: str, *, is_known: Callable[[str], bool]) -> None:
        self._seed = hmac.new(key, note_key.encode(), hashlib.sha256).digest()
        self._is_known = is_known

    def replace(self, kind: str, text: str, place: int) -> str:
        """The replacement of an identifier at a place of the original text."""
        if kind != "name":
            return str(_lists()["placeholders"].get(kind, "[OTHER]"))
        for attempt in range(TRIES):
            draw = hashlib.sha256(self._seed + f"{place}|{attempt}".encode()).digest()
            name = _chinese(text, draw) if _CJK.search(text) else _latin(text, draw)
            squeezed = squeeze_value(name)
            if squeezed != squeeze_value(text) and not self._is_known(squeezed):
                return name
        return "[NAME]"


def _chinese(text: str, draw: bytes) -> str:
    lists = _lists()
    length = max(1, min(3, len(_CJK.findall(text))))
    given = [lists["given"][b % len(lists["given"])] for b in draw[1:3]]
    return str(lists["surname"][draw[0] % len(lists["surname"])]) + "".join(given[: length - 1])


def _latin(text: str, draw: bytes) -> str:
    lists = _lists()
    first = lists["first"][draw[0] % len(lists["first"])]
    last = lists["last"][draw[1] % len(lists["last"])]
    name = f"{first} {last}" if len(text.split()) > 1 else str(last)
    if text.isupper() and len(text) > 1:
        return name.upper()
    return name.lower() if text.islower() else name
