"""The release in the words of other people's machines: one module per standard. What a figure means
is decided by the room that measured it; what people read belongs to `releases.documents`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from clearward.releases.documents.told import Told
from clearward.releases.manifest import FileEntry
from clearward.releases.samples import FOLDER as SAMPLE_FOLDER
from clearward.releases.standards import (
    contract,
    croissant,
    datasheet,
    frictionless,
    healthdcat,
    policy,
    provenance,
    run_events,
)
from clearward.releases.standards.card import Card, gather
from clearward.releases.standards.check import check

__all__ = ["ISSUED", "READDRESSED", "WRITERS", "check", "issue", "write"]

WRITERS: Mapping[str, Callable[[Card], str]] = {
    croissant.NAME: lambda card: croissant.to_text(croissant.describe(card)),
    policy.NAME: lambda card: policy.document(
        policy.offer(card.product, uid=f"{card.iri}#offer", target=card.iri)
    ),
    healthdcat.NAME: healthdcat.describe,
    contract.NAME: contract.describe,
    provenance.NAME: provenance.describe,
    run_events.NAME: run_events.describe,
    datasheet.NAME: datasheet.describe,
    frictionless.NAME: frictionless.describe,
}
"""Name in the release -> its text; a standard costs one module, one line here, one in `check`."""

READDRESSED: Mapping[str, Callable[[str, Mapping[str, FileEntry]], str]] = {
    croissant.NAME: croissant.readdressed,
    healthdcat.NAME: healthdcat.readdressed,
    frictionless.NAME: frictionless.readdressed,
}
"""Documents by which files are fetched: a licensee's copy has its own. The others say where the
release comes from, which is where its copies come from."""

ISSUED: Mapping[str, Callable[[str, str], str]] = {
    croissant.NAME: croissant.issued,
    healthdcat.NAME: healthdcat.issued,
    run_events.NAME: run_events.issued,
}
"""Documents that hold the day of publication, which a candidate cannot know."""


def write(folder: Path, told: Told) -> None:
    """Write every standard's document into a release's folder, beside ``data``."""
    card = gather(told, has_sample=(folder / SAMPLE_FOLDER).is_dir())
    for name, text in WRITERS.items():
        (folder / name).write_text(text(card), encoding="utf-8")


def issue(folder: Path, day: str) -> tuple[str, ...]:
    """Put the day of publication, ISO 8601, into the documents that hold it; names of those.

    Each gets a new file: the old one may have a second name in the candidate.
    """
    for name, issued in ISSUED.items():
        path = folder / name
        text = issued(path.read_text(encoding="utf-8"), day)
        path.unlink()
        path.write_text(text, encoding="utf-8")
    return tuple(ISSUED)
