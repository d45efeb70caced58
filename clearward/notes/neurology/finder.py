"""Stroke scales made comparable: whole numbers, or a range with its middle."""

from __future__ import annotations

from collections.abc import Iterator

from clearward.notes.finding import Reading
from clearward.notes.grammar import Value


def readings(attribute: str, value: Value) -> Iterator[Reading]:
    """One reading per value."""
    low = float(value.match["num"])
    if value.match["num2"] is None:
        yield Reading(low)
        return
    high = float(value.match["num2"])
    yield Reading((low + high) / 2, low, high)
