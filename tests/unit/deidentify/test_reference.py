"""The reference page of the door is the one the specs make."""

from pathlib import Path

from clearward.deidentify.reference import page


def test_the_page_is_fresh():
    path = Path(__file__).parents[3] / "docs" / "reference" / "door.md"
    assert path.read_text(encoding="utf-8") == page(), "run `clearward deidentify columns`"
