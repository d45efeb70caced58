"""The gate before the general patterns holds nothing back."""

from __future__ import annotations

from dataclasses import replace

import pytest

import clearward.notes.phi as phi
from benchmarks.scrub_notes import notes
from clearward.notes.document import open_document
from clearward.notes.phi import find_phi, phi_patterns
from clearward.notes.phi_gate import Gate


class _Open(Gate):
    """As on a machine without hyperscan."""

    def __init__(self) -> None:
        super().__init__([])
        self._all = range(1_000)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_same_spans_with_and_without_hyperscan(
    lang: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [open_document(note.text) for note in notes("tuned", lang, patients=25)]
    gated = [list(find_phi(d.plain, d.lang)) for d in texts]
    opened = replace(phi_patterns(), gate=_Open())
    monkeypatch.setattr(phi, "phi_patterns", lambda: opened)
    assert [list(find_phi(d.plain, d.lang)) for d in texts] == gated
    assert sum(map(len, gated)) > 100


def test_an_odd_blank_opens_the_gate() -> None:
    plain = open_document("St. Mary's\u2003Hospital, Room\u200312").plain
    assert len(phi_patterns().gate.open_for(plain)) == len(phi_patterns().general)
    assert [span.kind for span in find_phi(plain, "en")] == ["id"]
