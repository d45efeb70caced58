"""The page of rules is what the code decides by."""

from __future__ import annotations

from pathlib import Path

from clearward.consent.reference import page

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "consent.md"


def test_the_page_is_generated():
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m clearward.consent.reference"
