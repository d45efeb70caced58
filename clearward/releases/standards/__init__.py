"""The release in the words of other people's machines: one module per standard. What a figure means
is decided by the room that measured it; what people read belongs to `releases.documents`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from clearward.releases.documents.told import Told
from clearward.releases.standards import croissant, policy
from clearward.releases.standards.card import Card, gather

WRITERS: Mapping[str, Callable[[Card], str]] = {
    croissant.NAME: lambda card: croissant.to_text(croissant.describe(card)),
    policy.NAME: lambda card: policy.document(
        policy.offer(card.product, uid=f"{card.iri}#offer", target=card.iri)
    ),
}
"""Name in the release -> its text; a standard costs one module and one line here."""


def write(folder: Path, told: Told) -> None:
    """Write every standard's document into a release's folder, beside ``data``."""
    card = gather(told)
    for name, text in WRITERS.items():
        (folder / name).write_text(text(card), encoding="utf-8")
