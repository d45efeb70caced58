"""The page a reviewer opens: findings in their text, one key per judgement, nothing from outside.

The page may show text of patients: mode 0600, in the identified folder, and its content policy
forbids it to load or send anything. What it saves are ids and judgements.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import jinja2

from clearward.notes.review.check import JUDGEMENTS
from clearward.notes.review.queue import Item, identified_folder
from clearward.settings import Settings


def write_page(
    settings: Settings, found: Sequence[Item], *, purpose: str, hospital: str, is_blind: bool
) -> Path:
    """Write ``<home>/identified/<purpose>/<hospital>/review.html``; returns its path.

    Args:
        settings: where the home is.
        found: what to show, in this order.
        purpose: ``review`` or ``check``.
        hospital: hospital id.
        is_blind: show neither rule nor confidence.
    """
    path = identified_folder(settings, purpose, hospital) / "review.html"
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    text = _template().render(
        items=found,
        hospital=hospital,
        purpose=purpose,
        is_blind=is_blind,
        judgements=[(word, word.replace("_", " ")) for word in JUDGEMENTS],
        pieces=pieces,
    )
    path.write_text(text, encoding="utf-8")
    return path


def pieces(item: Item) -> Iterator[tuple[str, str]]:
    """The text in order, each piece with what it is: ``cue``, ``span`` or nothing."""
    text = item.before + item.span + item.after
    start, end = len(item.before), len(item.before) + len(item.span)
    first, last = item.cue
    marks = [(start, end, "span")]
    if first < last <= start:
        marks.insert(0, (first, last, "cue"))
    elif end <= first < last:
        marks.append((first, last, "cue"))
    position = 0
    for begin, stop, kind in marks:
        yield text[position:begin], ""
        yield text[begin:stop], kind
        position = stop
    yield text[position:], ""


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("clearward.notes.review"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("review.html")
