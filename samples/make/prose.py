"""Templates filled column by column: frames in, Series of text out. No medicine is here."""

from __future__ import annotations

from functools import reduce
from string import Formatter

import numpy as np
import pandas as pd

from samples.make import draw

Text = pd.Series


def fill(frame: pd.DataFrame, template: str, **more: Text | str) -> Text:
    """`template` per row; ``{name}`` is a keyword's text or else the frame's column."""
    parts = [pd.Series("", index=frame.index, dtype=object)]
    for words, name, _, _ in Formatter().parse(template):
        parts.append(pd.Series(words, index=frame.index, dtype=object))
        if name:
            value = more.get(name)
            column = frame[name] if value is None else value
            parts.append(_as_text(frame, column))
    return reduce(lambda left, right: left + right, parts)


def _as_text(frame: pd.DataFrame, value: Text | str) -> Text:
    if isinstance(value, str):
        return pd.Series(value, index=frame.index, dtype=object)
    return pd.Series(value.to_numpy(), index=frame.index, dtype=object).map(str)


def one_of(frame: pd.DataFrame, slot: str, *templates: str, **more: Text | str) -> Text:
    """One of several wordings, drawn per visit."""
    versions = [fill(frame, template, **more).to_numpy(dtype=object) for template in templates]
    n = draw.integers(slot, 0, len(versions) - 1, frame["i"].to_numpy(), frame["step"].to_numpy())
    return pd.Series(np.choose(n, versions), index=frame.index, dtype=object)


def either(frame: pd.DataFrame, condition: Text, yes: Text | str, no: Text | str) -> Text:
    """`yes` where the condition holds, else `no`; both are templates or filled text."""
    first = fill(frame, yes) if isinstance(yes, str) else yes
    second = fill(frame, no) if isinstance(no, str) else no
    return first.where(condition.to_numpy(dtype=bool), second)
