"""One table says who reads which file of a release."""

from pathlib import Path

import pytest

from clearward.releases.readers import LINES, Reader, as_table, line_of, reader_of

DOCS = Path(__file__).parents[3] / "docs" / "reference" / "documents.md"


def test_every_file_of_a_release_stands_in_the_table_and_none_is_the_officer_s(house):
    house.write()
    paths = [entry.path for entry in house.build().files]
    assert [path for path in paths if line_of(path) is None] == []
    assert Reader.OFFICER not in {reader_of(path) for path in paths}


def test_every_line_of_the_table_gives_its_reason():
    assert all(line.why and line.paths for line in LINES)


@pytest.mark.parametrize(
    ("path", "reader"),
    [
        ("data/cardiology__patient/part.parquet", Reader.LICENSED),
        ("expert_determination.html", Reader.LICENSED),
        ("pipia.html", Reader.LICENSED),
        ("privacy_attestation.md", Reader.PUBLIC),
        ("quality/data_docs/index.html", Reader.PUBLIC),
        ("deeper/index.html", Reader.LICENSED),
        ("deeper/risk.json", Reader.LICENSED),
        ("rows.parquet", Reader.LICENSED),
        ("release_gate/gate.json.stamp", Reader.OFFICER),
    ],
)
def test_what_nobody_named_stays_with_the_licensed(path, reader):
    assert reader_of(path) is reader


def test_the_reference_shows_the_table():
    assert as_table() in DOCS.read_text(encoding="utf-8")


def test_no_public_page_points_to_one_that_is_not(house):
    house.write()
    candidate = house.build()
    for entry in candidate.files:
        if entry.path.endswith(".html") and reader_of(entry.path) is Reader.PUBLIC:
            text = candidate.path(entry).read_text(encoding="utf-8")
            assert 'href="pipia.html"' not in text and 'href="expert_' not in text, entry.path
